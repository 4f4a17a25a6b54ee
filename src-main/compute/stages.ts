/**
 * The stage catalogue: what each kind of stage takes and gives. Planner, scheduler and workers all
 * speak these types; a spec is self-contained (parameters and object hashes), so that a stage can run
 * in any process that reaches the object store.
 *
 * A stage's key is the hash of its kind, version, parameters, seed, engine and inputs, where an input
 * is an object or *another stage's output by key*: the whole graph has its keys before anything ran,
 * identical stages in flight are one, and a plan can say what it will reuse.
 */

import type { AttackId } from '#shared/domain/attack.ts'
import type { Normalisation } from '#shared/domain/dataset.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import type { CostScope, CurvePoint, StageCost, StageKind } from '#shared/domain/stage.ts'
import type { Recipe } from '#shared/domain/study.ts'
import type { TmuFeature } from '#shared/domain/tmu.ts'
import type { ObjectHash, StageKey } from '#shared/ids.ts'

/** Raise a kind's version when its result changes for equal parameters: old artifacts are then not reused. */
export const stageVersions: Readonly<Record<StageKind, number>> = {
  'train-original': 1,
  'given-original': 1,
  'train-gold': 1,
  'train-twin': 1,
  'random-init': 1,
  features: 1,
  'fit-predictor': 1,
  label: 1,
  'oracle-label': 1,
  'two-sample': 1,
  unlearn: 1,
  predict: 1,
  evaluate: 4,
  'train-shadow': 1,
  relearn: 1,
  cka: 4,
  attack: 5,
}

/** Of a training whose early weights are kept. */
export interface KeepingParams {
  readonly data: DataParams
  readonly architecture: string
  readonly recipe: Recipe
  readonly keepEpochs: readonly number[]
  /**
   * Trained to the end of this epoch only, to the same bits: for an epoch that was not kept. The stage then has no
   * `weights`.
   */
  readonly until?: number
}

/** Everything that reads pixels needs these; in every such stage's params as `data`. */
export interface DataParams {
  readonly height: number
  readonly width: number
  readonly channels: number
  readonly classCount: number
  /** Of the split's members D, for every model of the study. */
  readonly normalisation: Normalisation
}

export { type PredictorReport, type TmuFeature, tmuFeatures } from '#shared/domain/tmu.ts'

/** What was done to the twin samples' pixels, to see how far off the twin pool may be. Severity 1 to 5. */
export interface Corruption {
  readonly kind: 'noise' | 'blur' | 'contrast'
  readonly severity: number
}

/** What of the twin pool the twin problem is made of. */
export interface TwinShift {
  /** Share of H_c that is used. */
  readonly share: number
  /** Share of it that is replaced by samples of other classes. */
  readonly mix: number
  /** Another class than F's; null: F's own. */
  readonly classIndex: number | null
  readonly corruption?: Corruption
}

/** How the easy/hard labels of F are made. `oracle` is a stage kind of its own: it alone may see a gold. */
export type LabelRule = 'predicted' | 'all-easy' | 'all-hard' | 'cf-quantile' | 'count-matched-random'

/**
 * Parameters, input names and output names of each kind. "ids" inputs are ids objects (safetensors,
 * `ids` int32 [n], ascending sample indices); weights are safetensors with one array a variable.
 */
export interface StageTypes {
  /** M_o on D. `epoch-N` are the weights after epoch N of `keepEpochs` (M_e, rewind, surrogates). */
  'train-original': {
    params: KeepingParams
    inputs: 'images' | 'labels' | 'members'
    outputs: 'weights' | 'curve' | `epoch-${number}`
  }
  /** M_o as the user gave it: checked to be a model of this architecture for these data. It has no early checkpoints. */
  'given-original': {
    params: { data: DataParams; architecture: string }
    inputs: 'weights'
    outputs: 'weights'
  }
  /** M_g on R from scratch. It never reads F or a model that saw F. */
  'train-gold': {
    params: { data: DataParams; architecture: string; recipe: Recipe }
    inputs: 'images' | 'labels' | 'retain'
    outputs: 'weights' | 'curve'
  }
  /** M_t: M_o fine-tuned on D plus the twin samples H_c. */
  'train-twin': {
    params: { data: DataParams; architecture: string; recipe: Recipe; corruption?: Corruption }
    inputs: 'images' | 'labels' | 'members' | 'twin' | 'original'
    outputs: 'weights' | 'curve'
  }
  /** An untrained network, for zrf. */
  'random-init': {
    params: { data: DataParams; architecture: string }
    inputs: never
    outputs: 'weights'
  }
  /**
   * DF, AF, CF of `samples` under `model` (SCIENCE section 1, step 4). `references` = R;
   * `referenceModel` (faithful mode) gives the references' features when it isn't `model`.
   * Output safetensors: `df` `af` `cf` float32 [n] (those asked for), `labels` int32 [n], `ids` int32 [n], `logits` float32 [n, K].
   */
  features: {
    params: {
      data: DataParams
      architecture: string
      features: readonly TmuFeature[]
      neighbours: number
      /** L-infinity radius in units of [0, 1] images. */
      epsilon: number
      steps: number
      pgdTarget: 'softmax' | 'logits'
      /** Of `samples`. */
      corruption?: Corruption
    }
    inputs: 'images' | 'labels' | 'samples' | 'references' | 'model' | 'early' | 'referenceModel'
    outputs: 'features'
  }
  /**
   * The easy/hard predictor, learned on the twin: features of H_c under M_t, truth = M_o correct on H_c
   * (`twinOutcome`: predict of M_o, array `twin/logits`). Plain float64 arithmetic, no engine.
   * `predictor` JSON: bounds, weights, twin hard share; `report` JSON: PredictorReport.
   */
  'fit-predictor': {
    params: {
      features: readonly TmuFeature[]
      bounds: 'twin' | 'per-set'
      hidden: readonly number[]
      lr: number
      epochs: number
      batchSize: number
      folds: number
      /** Isotonic: monotone recalibration on cross-validated probabilities. */
      calibration?: 'isotonic'
    }
    inputs: 'twinFeatures' | 'twinOutcome'
    outputs: 'predictor' | 'report'
  }
  /**
   * Output `labels` safetensors: `easy` uint8 [n], `ids` int32 [n], `probability` float32 [n] where the rule has one,
   * `abstained` uint8 [n] where `abstain` is given: samples nearer to the threshold than that.
   * `predicted` and `cf-quantile` read predictor and features; `count-matched-random` reads `predicted` (a labels object).
   */
  label: {
    /** `matchesShare`: `probability` is shifted until the twin samples' share of it is below the threshold. */
    params: { rule: LabelRule; threshold: number; abstain?: number; matchesShare?: true }
    inputs: 'forget' | 'predictor' | 'features' | 'predicted'
    outputs: 'labels'
  }
  /** Hard labels read off gold 0's outcome: an upper bound, scored against the other golds only. */
  'oracle-label': {
    params: Record<string, never>
    inputs: 'forget' | 'labels' | 'goldOutcome'
    outputs: 'labels'
  }
  /** Whether F and H_c look alike: predictions of both with features, by an untrained network. `report`: TwoSampleReport. */
  'two-sample': {
    params: { folds: number; ridge: number }
    inputs: 'outcome'
    outputs: 'report'
  }
  /**
   * One method. Which inputs it has is declared by the method; a gold isn't among the names, so no
   * method can be given one. `report` JSON: whatever the method wants shown (tmu-soft's map, say).
   */
  unlearn: {
    params: {
      data: DataParams
      architecture: string
      recipe: Recipe
      method: string
      options: Readonly<Record<string, unknown>>
      /** Of the twin samples. */
      corruption?: Corruption
    }
    inputs: 'images' | 'labels' | UnlearnInput
    outputs: 'weights' | 'curve' | 'report'
  }
  /**
   * Logits and penultimate features. Output safetensors, for every SET among the inputs: `ids/SET` int32 [n], `SET/logits`
   * float32 [n, K], and `SET/features` float32 [n, width] for SET in `featureSets`.
   */
  predict: {
    params: {
      data: DataParams
      architecture: string
      featureSets: readonly OutcomeSet[]
      /** Of the set `twin`. */
      corruption?: Corruption
    }
    inputs: 'images' | 'model' | OutcomeSet
    outputs: 'outcome'
  }
  /**
   * Composes the outcome file (SCIENCE section 3) and computes every metric. Predict outputs go in as models; `control`
   * is that of the count-matched random control, for the paired difference alone. Predictions of other samples than
   * `forget`, `retain` and `evaluation` are refused. `draws`: float32 [draws] for each metric that methods are compared
   * in and that has an interval, in the order of the resamples, which are the same for every method.
   */
  evaluate: {
    params: { draws: number; classCount: number }
    inputs:
      | 'labels'
      | 'forget'
      | 'retain'
      | 'evaluation'
      | 'unlearned'
      | 'original'
      | 'randomInit'
      | 'control'
      | `gold${number}`
    outputs: 'outcome' | 'metrics' | 'draws'
  }
  /**
   * A shadow model for attacks: trained like M_o, on one half of a pool of members and of samples that no model of a
   * study sees (`members`, an ids object). Evidence, as a gold is; only attacks on the method itself unlearn from one.
   */
  'train-shadow': {
    params: KeepingParams
    inputs: 'images' | 'labels' | 'members'
    outputs: 'weights' | 'curve' | `epoch-${number}`
  }
  /**
   * A model trained on F again, mini-batch by mini-batch. Output `relearning` safetensors: `ids` int32 [n], `correct`
   * uint8 [steps + 1, n], row t after t steps.
   */
  relearn: {
    params: {
      data: DataParams
      architecture: string
      optimizer: Recipe['optimizer']
      lr: number
      batchSize: number
      steps: number
    }
    inputs: 'images' | 'labels' | 'forget' | 'model'
    outputs: 'relearning'
  }
  /**
   * Debiased linear CKA of every layer to the same layer of the golds, on F, its parts and E (`truthN` and `easyHard` as in
   * `attack`). `report` JSON: AttackReport.
   */
  cka: {
    params: { data: DataParams; architecture: string; samples: number; draws: number }
    inputs: 'images' | 'labels' | 'forget' | 'evaluation' | 'model' | 'easyHard' | `gold${number}` | `truth${number}`
    outputs: 'report'
  }
  /**
   * An attack or slow metric on one run (`target`) or on a method (`unlearned0`, …): plain arithmetic on what is stored.
   * What `target`, `goldN` and `shadowN` are depends on the attack: predictions, weights (`weights`) or relearning
   * (`relearn`). `truthN` are predictions of golds and `easyHard` the run's labels, for parts of F; `membersN` are the
   * samples of shadow N. `report` JSON: AttackReport; `scores` safetensors, where each forgotten sample has one: `ids`
   * int32 [n], `score` float64 [n], `exposure` float64 [n].
   */
  attack: {
    params: {
      attack: Exclude<AttackId, 'cka'>
      classCount: number
      draws: number
      options: Readonly<Record<string, unknown>>
    }
    inputs:
      | 'labels'
      | 'forget'
      | 'retain'
      | 'evaluation'
      | 'audit'
      | 'target'
      | 'original'
      | 'easyHard'
      | `truth${number}`
      | `gold${number}`
      | `unlearned${number}`
      | `shadow${number}`
      | `members${number}`
    outputs: 'report' | 'scores'
  }
}

export type OutcomeSet = 'forget' | 'retain' | 'evaluation' | 'twin'

/** All that an unlearning method may ever read beside the pixels of D and H. */
export type UnlearnInput = 'forget' | 'retain' | 'original' | 'easyHard' | 'twinModel' | 'twin' | `epoch-${number}`

/** An input is an object, or another stage's output. */
export type StageInput = { readonly object: ObjectHash } | { readonly stage: StageKey; readonly output: string }

/** A node of the graph: everything the key is made of, and what people and the ledger call it. */
export interface StageNode<K extends StageKind = StageKind> {
  readonly key: StageKey
  readonly kind: K
  readonly version: number
  readonly params: StageTypes[K]['params']
  readonly seed: number
  readonly engine: EngineId
  readonly inputs: Readonly<Record<string, StageInput>>
  readonly label: string
  readonly scope: CostScope
}

/** What a worker gets: inputs resolved to objects. JSON. */
export interface StageSpec<K extends StageKind = StageKind> {
  readonly key: StageKey
  readonly kind: K
  readonly version: number
  readonly params: StageTypes[K]['params']
  readonly seed: number
  readonly engine: EngineId
  readonly inputs: Readonly<Record<string, ObjectHash>>
  /** The last checkpoint, if an earlier attempt left one. */
  readonly checkpoint: ObjectHash | null
}

export interface StageResult {
  readonly outputs: Readonly<Record<string, ObjectHash>>
  readonly cost: StageCost
}

/** What a running stage tells. A checkpoint is acknowledged (its row written) before the old one is dropped. */
export type StageProgress =
  | { readonly kind: 'progress'; readonly value: number }
  | { readonly kind: 'curve'; readonly point: CurvePoint }
  | { readonly kind: 'checkpoint'; readonly epoch: number; readonly object: ObjectHash }
