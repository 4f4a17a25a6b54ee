/** What the machine gives a pool: worker count, memory, environment. */
import { availableParallelism } from 'node:os'
import type { EngineId } from '#shared/domain/engine.ts'
import { gpuSlots } from '../gpus.ts'
import { type MemoryFigures, machineMemory, residentMemory } from './memory.ts'

const mebibyte = 2 ** 20

/** Resident memory of a busy worker, as measured on the demo's networks with some room; learned figures replace it. */
const workerMemory: Readonly<Record<EngineId, number>> = {
  cuda: 3000 * mebibyte,
  native: 1200 * mebibyte,
  webgpu: 800 * mebibyte,
  wasm: 400 * mebibyte,
  cpu: 400 * mebibyte,
}

/** Share of the machine's memory that stays free, so that nothing is swapped. */
const freeShare = 0.2

export interface Machine {
  readonly cores: number
  memory(): MemoryFigures
  /** Bytes that a process has in memory now; null where the system doesn't say. */
  residentMemory(pid: number): number | null
}

export const thisMachine: Machine = {
  cores: availableParallelism(),
  memory: () => machineMemory(),
  residentMemory,
}

/** One worker a core on CPU engines, one on a GPU. How many of them memory allows is asked stage by stage. */
export function workerSlots(engine: EngineId, machine: Machine = thisMachine): number {
  if (engine === 'cuda') return gpuSlots().length
  return engine === 'webgpu' ? 1 : machine.cores
}

/** What a worker takes of memory whose stages were never measured here, bytes. */
export function usualWorkerMemory(engine: EngineId): number {
  return workerMemory[engine]
}

/** A worker process: what its stage is expected to take, and what it has taken. */
export interface WorkerMemory {
  readonly expected: number
  readonly resident: number
}

/**
 * Whether one more stage fits, so that a fifth of the memory stays free even when those that run have all they expect.
 * `reused`: bytes of an idle worker that would take it.
 */
export function fitsIntoMemory(
  needed: number,
  { busy, reused }: { readonly busy: readonly WorkerMemory[]; readonly reused: number },
  { total, available }: MemoryFigures,
): boolean {
  const outstanding = busy.reduce((sum, { expected, resident }) => sum + Math.max(0, expected - resident), 0)
  return available - outstanding - Math.max(0, needed - reused) >= freeShare * total
}

/** How many stages of this size run at once when nothing else changes: never more than the slots, always one. */
export function workersThatFit(needed: number, slots: number, { total, available }: MemoryFigures): number {
  return Math.max(1, Math.min(slots, Math.floor((available - freeShare * total) / needed)))
}

/** TensorFlow maps and unmaps large tensors at every step unless the allocator keeps them. */
const keepingAllocator: Readonly<Record<string, string>> = {
  MALLOC_TRIM_THRESHOLD_: '2000000000',
  MALLOC_MMAP_THRESHOLD_: '2000000000',
}

/** See loadCuda for the reasons; these must be set before a library of NVIDIA's is loaded. */
const gpuEnvironment: Readonly<Record<string, string>> = {
  TF_FORCE_GPU_ALLOW_GROWTH: 'true',
  TF_DETERMINISTIC_OPS: '1',
  NVIDIA_TF32_OVERRIDE: '0',
  // Numbers as nvidia-smi shows them.
  CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
}

/**
 * Environment of a worker for this engine. One thread each: the pool's processes are the parallelism, and a fixed number
 * of threads makes results repeatable. `slot`: which of the pool's workers it is; each has a GPU of its own.
 */
export function workerEnvironment(engine: EngineId, slot?: number): Readonly<Record<string, string>> {
  const slots = engine === 'cuda' && slot !== undefined ? gpuSlots() : []
  return {
    TF_NUM_INTRAOP_THREADS: '1',
    TF_NUM_INTEROP_THREADS: '1',
    OMP_NUM_THREADS: '1',
    TF_CPP_MIN_LOG_LEVEL: '3',
    // Chosen kernel by kernel instead: switched on as a whole, some gradients are wrong.
    TF_ENABLE_ONEDNN_OPTS: '0',
    ...(engine === 'native' ? keepingAllocator : {}),
    ...(engine === 'cuda' ? gpuEnvironment : {}),
    ...(slot === undefined || slots.length === 0 ? {} : { CUDA_VISIBLE_DEVICES: slots[slot % slots.length] }),
  }
}
