import type { EngineId, EngineProvenance } from '#shared/domain/engine.ts'
import type { AppErrorShape } from '#shared/errors.ts'
import type { ObjectHash, StageKey } from '#shared/ids.ts'

export const stageKinds = [
  'train-original',
  'given-original',
  'train-gold',
  'train-twin',
  'random-init',
  'features',
  'fit-predictor',
  'label',
  'oracle-label',
  'two-sample',
  'unlearn',
  'predict',
  'evaluate',
  'train-shadow',
  'relearn',
  'cka',
  'attack',
] as const
export type StageKind = (typeof stageKinds)[number]

/** queued -> running -> succeeded | failed | cancelled | interrupted (the process died under it). */
export type JobState = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'interrupted'

/** One sample-visit = one sample through the network once, forward or backward. */
export interface Cost {
  readonly seconds: number
  readonly visitsForward: number
  readonly visitsBackward: number
}

export interface StageCost extends Cost {
  readonly engine: EngineId
  /** Absent for a stage of plain arithmetic, and for those of earlier versions of this program. */
  readonly madeBy?: EngineProvenance
  /** Peak resident memory of the worker while the stage ran, bytes. */
  readonly peakMemory: number
}

/** What a stage's work serves: decides amortisable against per-request in the cost ledger. */
export type CostScope = 'dataset' | 'class' | 'request' | 'evidence'

/** One point of a training curve. */
export interface CurvePoint {
  readonly epoch: number
  /** Mean training loss of the epoch, nats. */
  readonly loss: number
  /** Share of correctly classified training samples during the epoch, 0..1. */
  readonly accuracy: number
  readonly learningRate: number
}

export interface StageRecord {
  readonly key: StageKey
  readonly kind: StageKind
  readonly state: JobState
  readonly seed: number
  readonly engine: EngineId
  /** A word or two for people: `gold 1`, `tmu`, …. */
  readonly label: string
  readonly scope: CostScope
  readonly outputs: Readonly<Record<string, ObjectHash>>
  readonly cost: StageCost | null
  readonly error: AppErrorShape | null
  readonly createdAt: string
  readonly finishedAt: string | null
}
