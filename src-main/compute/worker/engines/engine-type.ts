import type * as TensorFlow from '@tensorflow/tfjs-core'
import type { EngineId } from '#shared/domain/engine.ts'

export interface EngineMemory {
  /** Living tensors. */
  readonly tensors: number
  /** Bytes of living tensors. */
  readonly bytes: number
  /** Bytes the engine has taken from the system for tensors, where it has a memory of its own. */
  readonly heapBytes?: number
}

/** A tensor engine that is ready: with its training kernels, and active when it was loaded last. */
export interface Engine {
  readonly id: EngineId
  /** The tensor library; its operations run on the active engine. */
  readonly tf: typeof TensorFlow
  readonly version: string
  /** In words. */
  readonly device: string
  readonly threads: number
  /** Names the kernels that results depend on. */
  readonly kernelSet: string
  /** What would make it better. */
  readonly advice?: string | undefined
  /** Makes this engine the active one of the process, where several are loaded. */
  activate(): void
  memory(): EngineMemory
}

/** How each engine is loaded here, or why it can't be. */
export type EngineLoaders = Readonly<
  Record<EngineId, { readonly load: () => Promise<Engine> } | { readonly reason: string }>
>
