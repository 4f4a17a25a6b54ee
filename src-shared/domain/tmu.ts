import type { SampleIndex } from '#shared/ids.ts'

/** Distance to the class's core, adversarial sensitivity, late learning: SCIENCE section 1, step 4. */
export const tmuFeatures = ['df', 'af', 'cf'] as const
export type TmuFeature = (typeof tmuFeatures)[number]

/** A share of the hard among fewer than so many is known to 14 points at best (95 %): said before a study is run. */
export const fewTwinSamples = 50

/** How well the easy/hard predictor does on the twin set; cross-validated. */
export interface PredictorReport {
  readonly n: number
  readonly easy: number
  readonly hard: number
  /** Absent where the twin is all easy or all hard. */
  readonly auc: number | { readonly absent: string }
  readonly brier: number
  readonly reliability: readonly {
    readonly from: number
    readonly to: number
    readonly n: number
    readonly meanPredicted: number
    readonly easyShare: number
  }[]
  /** AUC of each feature alone; hard is the positive class. */
  readonly featureAuc: Readonly<Partial<Record<TmuFeature, number>>>
}

/** A sample in feature space: of the twin set (truth known) or of F (label predicted; golds as evidence). */
export interface FeaturePoint {
  readonly index: SampleIndex
  readonly set: 'twin' | 'forget'
  readonly features: Readonly<Partial<Record<TmuFeature, number | null>>>
  /** Probability of easy under the predictor; forget samples only. */
  readonly probability: number | null
  /** Twin: M_o correct. Forget: the predicted label. */
  readonly easy: boolean
  /** Share of golds that classify the sample correctly; forget samples only. */
  readonly goldCorrectShare: number | null
}

/** The twin problem of one study and seed, for the feature scatter. */
export interface TwinView {
  readonly method: string
  readonly seed: number
  readonly threshold: number
  readonly report: PredictorReport
  readonly points: readonly FeaturePoint[]
}

/** One forgotten image under one run, against the golds. */
export interface ForgetSample {
  readonly index: SampleIndex
  readonly name: string
  readonly label: number
  /** Mean JS divergence to the golds, nats. */
  readonly disagreement: number
  readonly predicted: number
  /** Probability of the true class. */
  readonly confidence: number
  readonly goldPredicted: readonly number[]
  readonly goldConfidence: number
  readonly originalPredicted: number
  /** The label this run unlearned with; null where it used none, or left the sample out. */
  readonly easy: boolean | null
}

/** A twin pool, as some methods of a study take it, against F. */
export interface TwinPoolTest {
  /** None: no method has a twin problem. */
  readonly methods: readonly string[]
  readonly report: TwoSampleReport
}

/** Classifier two-sample test between F and H_c: chance is an accuracy and AUC of 0.5. */
export interface TwoSampleReport {
  /** Samples of each set. */
  readonly n: number
  readonly accuracy: number
  readonly auc: number
  /** One-sided, of the accuracy. */
  readonly p: number
}
