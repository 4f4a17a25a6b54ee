import type { AttackPlan, AttackSummary } from '#shared/domain/attack.ts'
import type { Normalisation } from '#shared/domain/dataset.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import type { Gate, MetricTable, Verdict } from '#shared/domain/metrics.ts'
import type { Cost, CostScope, JobState, StageKind } from '#shared/domain/stage.ts'
import type { AppErrorShape } from '#shared/errors.ts'
import type { DatasetId, ForgetSetId, ObjectHash, RunId, SplitId, StageKey, StudyId } from '#shared/ids.ts'

/** Random views of training images: mirrored left to right, or cropped out of a black border and mirrored. */
export const augmentations = ['flip', 'flip-crop'] as const
export type Augmentation = (typeof augmentations)[number]

/** How the original and the golds are trained; the golds differ in nothing but F and the seed. */
export interface Recipe {
  readonly epochs: number
  readonly batchSize: number
  readonly optimizer: 'adam' | 'sgd'
  readonly lr: number
  readonly schedule: 'cosine' | 'constant'
  /** SGD only. */
  readonly momentum: number
  readonly weightDecay: number
  /** Absent: the images as they are. */
  readonly augment?: Augmentation | undefined
}

/** A model of the user's own in the place of the one that the workbench would train. */
export interface GivenOriginal {
  readonly weights: ObjectHash
  /** Name of the file it was read from, for people. */
  readonly file: string
  /** How its inputs are normalised, and so those of every model of the study; null: by the split's members. */
  readonly normalisation: Normalisation | null
}

export const modelFormats = ['safetensors', 'tfjs'] as const
/** `tfjs`: a TensorFlow.js layers model, model.json and its weights. */
export type ModelFormat = (typeof modelFormats)[number]

/** Files that `models.export` wrote, the one to open first. */
export interface ModelExport {
  readonly run: RunId
  readonly format: ModelFormat
  readonly architecture: string
  readonly files: readonly string[]
}

/** What a sweep calls the size of F, which is no method's parameter: it makes a study for each value. */
export const forgetSizeKey = 'forget.size'

/** Everything that decides a study's results: frozen once the study exists. */
export interface StudyConfig {
  readonly datasetId: DatasetId
  readonly splitId: SplitId
  readonly forgetSetId: ForgetSetId
  readonly architecture: string
  /** Absent: the original is trained by the recipe. */
  readonly original?: GivenOriginal | undefined
  readonly recipe: Recipe
  /** Fine-tuning of M_o into the twin M_t: epochs, lr; the rest as the recipe. */
  readonly twinRecipe: Recipe
  /** M_e: the checkpoint after this epoch of M_o. */
  readonly earlyEpoch: number
  readonly methods: readonly string[]
  /** METHOD -> its parameters, complete (defaults filled in). */
  readonly methodParams: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly seeds: readonly number[]
  /** Disjoint from `seeds`. */
  readonly goldSeeds: readonly number[]
  /** Accepted gap of the audit plan, a fraction. */
  readonly margin: number
  /** The study is about forgetting H_c from M_t, with M_o as the gold: where settings are tuned. Absent: about F. */
  readonly problem?: 'twin'
  /** One of several studies that differ in the size of F alone. */
  readonly series?: { readonly name: string; readonly forgetCount: number } | undefined
  /** METHOD -> where its settings come from; absent: published defaults or what was set by hand. */
  readonly tuned?: Readonly<Record<string, TunedSettings>>
}

/** Settings that a search on the twin problem chose. */
export interface TunedSettings {
  /** The tuning study. */
  readonly study: string
  /** Settings that were tried, the default among them. */
  readonly tried: number
  /** avgGap to the twin problem's gold of the chosen ones, and of the default. */
  readonly score: number
  readonly defaultScore: number | null
}

export interface Study {
  readonly id: StudyId
  readonly name: string
  readonly config: StudyConfig
  /** Fixed at the first run. */
  readonly engine: EngineId | null
  readonly state: JobState | 'new'
  /** What it is attacked with; null: nothing. May be extended at any time. */
  readonly attacks: AttackPlan | null
  readonly createdAt: string
}

export interface Run {
  readonly id: RunId
  readonly studyId: StudyId
  readonly studyName: string
  readonly method: string
  readonly seed: number
  readonly state: JobState
  readonly metrics: MetricTable | null
  /** Cost of this run alone: what a further request would cost by this method. */
  readonly cost: Cost | null
  readonly error: AppErrorShape | null
  /** A file that `outcome evaluate` takes; null until the run has one. */
  readonly outcomePath: string | null
  readonly createdAt: string
  readonly finishedAt: string | null
}

/** One stage of a study's plan. */
export interface PlannedStage {
  readonly key: StageKey
  readonly kind: StageKind
  readonly label: string
  readonly scope: CostScope
  readonly state: JobState | 'planned'
  readonly dependsOn: readonly StageKey[]
  /** Runs that need it. */
  readonly runs: readonly RunId[]
  readonly estimate: {
    readonly visitsForward: number
    readonly visitsBackward: number
    readonly seconds: number | null
  }
}

export interface StudyPlan {
  readonly study: string
  readonly engine: EngineId
  readonly stages: readonly PlannedStage[]
  readonly toCompute: number
  readonly toReuse: number
  readonly trains: {
    readonly originals: number
    readonly golds: number
    readonly twins: number
    /** Shadow models, for attacks. */
    readonly shadows: number
  }
  /** Stages that run at once on this machine. */
  readonly workers: {
    readonly count: number
    /** How many there would be if memory were no limit. */
    readonly slots: number
    /** What the study's largest stage takes, bytes. */
    readonly stageMemory: number
  }
  /** What the twin problem is about; null where no method has one. */
  readonly twin: {
    /** Of H_c. */
    readonly samples: number
    /** Classes of F that H_c has no sample of: the twin problem can't be about them. */
    readonly lacking: readonly { readonly className: string; readonly forget: number }[]
    /** Classes whose share of H_c is less than half of their share of F; both are fractions. */
    readonly scarce: readonly { readonly className: string; readonly share: number; readonly forgetShare: number }[]
  } | null
  /** Wall-clock estimate on this machine's workers. */
  readonly seconds: number | null
}

/** Total over some stages. */
export interface StagesCost extends Cost {
  readonly stages: number
}

/** Amortisable and per-request cost, and when unlearning beats retraining. */
export interface CostLedger {
  /** Of every stage that the study has, measuring too, each once: also what was reused, with what it once took. */
  readonly total: StagesCost
  readonly perDataset: Cost
  /** The original was given: what its training cost is not known and not in `perDataset`. */
  readonly isOriginalGiven?: boolean
  readonly perClass: Cost
  /** The part of both, and of the golds, that another study had paid already: this one got it for nothing. */
  readonly reused: Readonly<Record<'perDataset' | 'perClass' | 'golds', StagesCost>>
  /** METHOD -> mean cost of one request. */
  readonly perRequest: Readonly<Record<string, Cost>>
  /** Mean cost of one gold. */
  readonly gold: Cost | null
  /** METHOD -> requests after which it's cheaper than retraining; null: never. By backward visits. */
  readonly breakEven: Readonly<Record<string, number | null>>
}

/** `study run --json`, `demo --json`, and what the result screen shows. */
export interface StudyResult {
  readonly study: string
  readonly engine: EngineId
  readonly seconds: number
  readonly gate: Gate
  readonly stages: { readonly computed: number; readonly reused: number; readonly failed: number }
  readonly runs: readonly Run[]
  readonly verdicts: readonly Verdict[]
  readonly ledger: CostLedger
  /** METHOD -> where its settings come from. */
  readonly settings: Readonly<Record<string, SettingsOrigin>>
  /** What attacks found, where there were any. */
  readonly attacks: readonly AttackSummary[]
  /** Finished runs whose evaluation this version of the program makes anew: gate, verdicts and statistics lack them. */
  readonly outdated?: number
}

/** A part of a result's runs, for a window that shows thousands of them. */
export interface ResultPage {
  /** Runs in all. */
  readonly total: number
  readonly runs: readonly Run[]
  readonly verdicts: readonly Verdict[]
}

/** Published: the defaults of its schema, from the paper or its code. Tuned: by a search on the twin problem. */
export type SettingsOrigin = 'published' | 'set' | 'tuned'
