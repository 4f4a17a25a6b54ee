import type { DatasetPreview } from '#shared/domain/dataset.ts'
import type { EngineStatus } from '#shared/domain/engine.ts'
import type { QualityFindings } from '#shared/domain/quality.ts'
import type { Schedule } from '#shared/domain/queue.ts'
import type { CurvePoint, JobState, StageCost, StageKind } from '#shared/domain/stage.ts'
import type { AppErrorShape } from '#shared/errors.ts'
import type { StageKey } from '#shared/ids.ts'

/**
 * What a study's stream carries. `snapshot` comes first, so that a page reloaded in the middle has it all; of a study
 * with very many stages it holds the first, and `stages` right after it the next ones.
 */
export type StudyEvent =
  | {
      readonly kind: 'snapshot'
      readonly state: JobState | 'new'
      readonly stages: readonly LiveStage[]
      readonly value: number
      readonly etaSeconds: number | null
      readonly schedule: Schedule
    }
  | { readonly kind: 'stages'; readonly stages: readonly LiveStage[] }
  | { readonly kind: 'schedule'; readonly schedule: Schedule }
  | { readonly kind: 'stage'; readonly stage: LiveStage; readonly value: number; readonly etaSeconds: number | null }
  | { readonly kind: 'curve'; readonly key: StageKey; readonly point: CurvePoint }
  | { readonly kind: 'finished'; readonly state: JobState; readonly error: AppErrorShape | null }

export interface LiveStage {
  readonly key: StageKey
  readonly kind: StageKind
  readonly label: string
  readonly state: JobState | 'planned'
  readonly reused: boolean
  /** 0..1 of this stage. */
  readonly value: number
  readonly etaSeconds: number | null
  readonly curve: readonly CurvePoint[]
  readonly cost: StageCost | null
  readonly error: AppErrorShape | null
}

/** Progress of work on a data set; `total` is null while it isn't known. `unpacking` counts bytes, the others images. */
export interface DatasetProgress {
  readonly kind: 'progress'
  readonly phase: 'unpacking' | 'scanning' | 'decoding' | 'storing' | 'hashing' | 'comparing' | 'embedding'
  readonly done: number
  readonly total: number | null
  /** Of `done` in a second, since the phase began; null in its first moments. */
  readonly rate: number | null
  readonly etaSeconds: number | null
}

export type ImportEvent = DatasetProgress | { readonly kind: 'finished'; readonly datasetId: string }

export type PreviewEvent = DatasetProgress | { readonly kind: 'finished'; readonly preview: DatasetPreview }

/** Of a quality check; the report is then there to be asked for. */
export type CheckEvent = DatasetProgress | { readonly kind: 'finished'; readonly findings: QualityFindings }

/** Progress of an engine's installation; `done` and `total` are bytes where there is a total. */
export type EngineInstallEvent =
  | {
      readonly kind: 'progress'
      readonly phase: 'checking' | 'downloading' | 'unpacking' | 'compiling' | 'testing'
      readonly done: number
      readonly total: number | null
      readonly etaSeconds: number | null
      /** Bytes a second, where `done` is bytes and there is a rate yet. */
      readonly rate: number | null
      /** The part that is worked on, in words, where there are several. */
      readonly part: string | null
    }
  | { readonly kind: 'finished'; readonly status: EngineStatus }
