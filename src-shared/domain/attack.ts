import type { Metric, MetricTable } from '#shared/domain/metrics.ts'
import type { Cost, JobState } from '#shared/domain/stage.ts'
import type { SampleIndex, StageKey } from '#shared/ids.ts'

/** Attacks and slow metrics, in the order in which tables show them. */
export const attackIds = [
  'population',
  'streisand',
  'lira',
  'rmia',
  'ulira',
  'relearn',
  'klom',
  'forgetting-quality',
  'cka',
  'weights',
] as const
export type AttackId = (typeof attackIds)[number]

/** What a study is attacked with: may be extended after the study has finished. */
export interface AttackPlan {
  readonly attacks: readonly AttackId[]
  /** Shadow models, an even number: each pair trains on two complementary halves. */
  readonly shadows: number
  /** Unlearned and gold models each that KLoM and forgetting quality compare. */
  readonly models: number
  /** ATTACK -> its parameters, complete (defaults filled in). */
  readonly options: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** An attack as forms, help and docs show it. */
export interface AttackInfo {
  readonly id: AttackId
  readonly title: string
  readonly summary: string
  readonly citation: string
  /** What it trains beyond the study: nothing, shadow models, or more models of every method. */
  readonly trains: 'nothing' | 'shadows' | 'models'
  /** Of a method as a whole rather than of one run. */
  readonly perMethod: boolean
  readonly defaults: Readonly<Record<string, unknown>>
  /** JSON Schema of the parameters (zod's). */
  readonly schema: Readonly<Record<string, unknown>>
}

export interface RocPoint {
  readonly fpr: number
  readonly tpr: number
}

/** Parts of F: by what the golds say, and by what the run predicted before it unlearned. */
export const attackSubsets = ['trueEasy', 'trueHard', 'predictedEasy', 'predictedHard'] as const
export type AttackSubset = (typeof attackSubsets)[number]

/** One layer of two networks compared. */
export interface LayerFigure {
  readonly layer: string
  /** The samples it is computed on: F, a part of it, or E; null for weights. */
  readonly set: 'forget' | AttackSubset | 'evaluation' | null
  /** Mean over golds. */
  readonly value: Metric
}

/** Accuracy on F after each step of relearning. */
export interface RelearnCurve {
  readonly model: string
  readonly accuracy: readonly number[]
}

/** What an attack found on one model (stage `attack`, output `report`). */
export interface AttackReport {
  readonly attack: AttackId
  /** Its figures on all of F; the first named is the headline. */
  readonly figures: MetricTable
  /** The same on parts of F, where their labels are known. */
  readonly subsets: Readonly<Partial<Record<AttackSubset, MetricTable>>>
  /** Curves by variant (`online`, `offline`, …), for attacks that tell members from non-members. */
  readonly roc: Readonly<Record<string, readonly RocPoint[]>>
  readonly layers: readonly LayerFigure[]
  readonly relearning: {
    readonly curves: readonly RelearnCurve[]
    /** Accuracy on F that counts as relearned. */
    readonly target: number
    /** Steps after which relearning was given up. */
    readonly steps: number
  } | null
  /** Plain sentences that a reader of the figures must know. */
  readonly notes: readonly string[]
}

/** One attack on one run, or on one method. */
export interface AttackRow {
  /** The stage that makes it. */
  readonly key: StageKey
  readonly attack: AttackId
  readonly method: string
  /** null: of the method as a whole. */
  readonly seed: number | null
  readonly state: JobState | 'planned'
  readonly report: AttackReport | null
  readonly error: string | null
  readonly cost: Cost | null
}

/** An attack's figures beside those of golds. */
export interface AttackSummary {
  readonly attack: AttackId
  readonly method: string
  readonly seed: number | null
  readonly state: JobState | 'planned'
  readonly figures: MetricTable
  readonly floor: MetricTable
  /** Its headline on parts of F, where their labels are known; all figures of the parts are in `AttackResults`. */
  readonly subsets?: Readonly<Partial<Record<AttackSubset, AttackPart>>>
  /** What a reader of the figures must know, where there is anything. */
  readonly notes?: readonly string[]
  readonly error: string | null
}

/** What an attack found on a part of F. */
export interface AttackPart {
  readonly figures: MetricTable
  /** Of golds; none of predicted parts, since a gold's are by another run's labels. */
  readonly floor: MetricTable
}

/** Everything that a study's attacks found. */
export interface AttackResults {
  readonly study: string
  readonly plan: AttackPlan | null
  readonly rows: readonly AttackRow[]
  /** ATTACK -> figure -> what the same attack finds on golds, mean over them: the floor that no method need go below. */
  readonly floors: Readonly<Partial<Record<AttackId, MetricTable>>>
  /** What all of the attacks' own stages cost so far. */
  readonly cost: Cost
}

/** A forgotten image and how much an attack makes of it. */
export interface ExposedSample {
  readonly index: SampleIndex
  readonly name: string
  readonly label: number
  /** The attack's score; larger = more like a member. */
  readonly score: number
  /** Share of the non-members that score lower. */
  readonly exposure: number
  /** Mean share of golds that classify it correctly. */
  readonly goldCorrectShare: number | null
  /** The label the run unlearned with; null where it used none, or left the sample out. */
  readonly easy: boolean | null
}
