/** What the machine gives a pool: worker count, memory, environment. */
import { availableParallelism, totalmem } from 'node:os'
import type { EngineId } from '#shared/domain/engine.ts'

const mebibyte = 2 ** 20

/** Resident memory of a busy worker, as measured on the demo's networks with some room. */
const workerMemory: Readonly<Record<EngineId, number>> = {
  cuda: 3000 * mebibyte,
  native: 1200 * mebibyte,
  webgpu: 800 * mebibyte,
  wasm: 400 * mebibyte,
  cpu: 400 * mebibyte,
}

/** More workers than this would only wait for the database's one writer and the memory bus on a small machine. */
const mostWorkers = 4
/** Share of the machine's memory that stays free, so that nothing is swapped. */
const freeShare = 0.2

export interface Machine {
  readonly cores: number
  readonly totalMemory: number
  /** Memory a new process could take now; within a container, of its limit. */
  availableMemory(): number
}

export const thisMachine: Machine = {
  cores: availableParallelism(),
  // A container's limit, where there is one; without one, Node gives 0 or more than the machine has.
  totalMemory: Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY),
  availableMemory: () => process.availableMemory(),
}

/** One worker a core on CPU engines, one on a GPU; as many as fit into memory, and always one. */
export function defaultWorkerCount(engine: EngineId, machine: Machine = thisMachine): number {
  if (engine === 'cuda' || engine === 'webgpu') return 1
  const spare = machine.availableMemory() - freeShare * machine.totalMemory
  const fitting = Math.floor(spare / workerMemory[engine])
  return Math.max(1, Math.min(machine.cores, mostWorkers, fitting))
}

/** Whether one more worker can start without pushing the machine into swap. */
export function hasMemoryForWorker(engine: EngineId, machine: Machine = thisMachine): boolean {
  return machine.availableMemory() - workerMemory[engine] >= freeShare * machine.totalMemory
}

/** TensorFlow maps and unmaps large tensors at every step unless the allocator keeps them. */
const keepingAllocator: Readonly<Record<string, string>> = {
  MALLOC_TRIM_THRESHOLD_: '2000000000',
  MALLOC_MMAP_THRESHOLD_: '2000000000',
}

/**
 * Environment of a worker for this engine. One thread each: the pool's processes are the parallelism, and a fixed number
 * of threads makes results repeatable.
 */
export function workerEnvironment(engine: EngineId): Readonly<Record<string, string>> {
  return {
    TF_NUM_INTRAOP_THREADS: '1',
    TF_NUM_INTEROP_THREADS: '1',
    OMP_NUM_THREADS: '1',
    TF_CPP_MIN_LOG_LEVEL: '3',
    // Chosen kernel by kernel instead: switched on as a whole, some gradients are wrong.
    TF_ENABLE_ONEDNN_OPTS: '0',
    ONEDNN_MAX_CPU_ISA: 'AVX2',
    ...(engine === 'native' ? keepingAllocator : {}),
  }
}
