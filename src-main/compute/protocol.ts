/**
 * What the pool and a worker say to each other: structured clone over fork's channel, or over
 * utilityProcess's port. A worker runs one stage at a time and outlives it, so that engine and
 * images are loaded once.
 *
 * Order: `ready` once; then for each `run` any number of `progress` and `checkpoint`, and exactly one of
 * `done` and `failed` (`cancel` ends in `failed` with code `cancelled`). Nothing about a stage follows its end.
 */
import type { BenchNetwork, EngineId, EngineStatus } from '#shared/domain/engine.ts'
import type { AppErrorShape } from '#shared/errors.ts'
import type { ObjectHash, StageKey } from '#shared/ids.ts'
import type { StageProgress, StageResult, StageSpec } from './stages.ts'

export type ToWorker =
  | { readonly type: 'run'; readonly spec: StageSpec; readonly objectsRoot: string }
  /** Ignored unless `key` is the stage that runs: a late cancel never hits the next stage. */
  | { readonly type: 'cancel'; readonly key: StageKey }
  /**
   * The checkpoint's row is durable. Until then the worker writes no further checkpoint of the stage, so
   * that the previous one is never the last known and gone, and the store holds at most two. The receiver
   * removes the previous object: only it knows what is referenced.
   */
  | { readonly type: 'checkpoint-acknowledged'; readonly key: StageKey; readonly object: ObjectHash }
  | { readonly type: 'ping'; readonly id: number }
  /** Which of these engines work here; each that loads runs its self-test. */
  | { readonly type: 'probe-engines'; readonly id: number; readonly engines: readonly EngineId[] }
  /** Times training steps; answered with `step-times`. */
  | {
      readonly type: 'time-steps'
      readonly id: number
      readonly engine: EngineId
      readonly network: BenchNetwork
      readonly count: number
      readonly warmUp: number
    }

export type FromWorker =
  | { readonly type: 'ready'; readonly pid: number }
  | {
      readonly type: 'progress'
      readonly key: StageKey
      /** A resumed stage repeats the curve points from before the interruption; a point is known by its epoch. */
      readonly progress: Exclude<StageProgress, { kind: 'checkpoint' }>
    }
  | { readonly type: 'checkpoint'; readonly key: StageKey; readonly epoch: number; readonly object: ObjectHash }
  | { readonly type: 'done'; readonly key: StageKey; readonly result: StageResult }
  | { readonly type: 'failed'; readonly key: StageKey; readonly error: AppErrorShape }
  | { readonly type: 'pong'; readonly id: number }
  | { readonly type: 'engines'; readonly id: number; readonly engines: readonly EngineStatus[] }
  | {
      readonly type: 'step-times'
      readonly id: number
      readonly milliseconds: readonly number[]
      readonly error: AppErrorShape | null
    }

/** A worker ends within this time after its parent went away. */
export const orphanLimitMs = 5_000
