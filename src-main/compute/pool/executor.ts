import type { StageProgress, StageResult, StageSpec } from '../stages.ts'

export interface ExecuteOptions {
  /** Aborted: the stage ends within two seconds with AppError `cancelled`, its last checkpoint stays. */
  readonly signal: AbortSignal
  /** What the stage is expected to take, bytes; executors that share a machine's memory go by it. */
  readonly memory?: number
  /**
   * Called in order. A checkpoint counts as acknowledged when the returned promise resolves; the stage writes no
   * further one before, and fails if it rejects.
   */
  onProgress(progress: StageProgress): void | Promise<void>
}

/** Runs stages somewhere: in this machine's worker pool, or on others that reach the object store. */
export interface Executor {
  /** How many stages it runs at once. */
  readonly capacity: number
  /**
   * Whether another stage that takes so many bytes can begin now without pushing what runs out of memory, be it on
   * this executor or on another that shares the machine.
   */
  admits(memory: number): boolean
  /**
   * @throws AppError what the stage threw; `cancelled`; `worker-died` or `out-of-memory` with the cause when its
   * process ended under it.
   */
  execute(spec: StageSpec, options: ExecuteOptions): Promise<StageResult>
  /** Ends every process; stages still running end as cancelled. */
  close(): Promise<void>
}
