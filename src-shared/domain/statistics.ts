/** Comparisons between the methods of a study, over its seeds: what differs from what, and how sure that is. */
import type { StudyId } from '#shared/ids.ts'
import type { Metric } from './metrics.ts'
import type { JobState } from './stage.ts'

/** A figure that methods are compared in. */
interface ComparedFigure {
  readonly name: string
  /** Which way is better; `zero`: the nearer to 0; `gold`: the nearer to what a gold itself has, above or below. */
  readonly direction: 'lower' | 'higher' | 'zero' | 'gold'
  /** How it and its differences are written: a share of 1 in percent and points. */
  readonly unit: 'share' | 'nats' | 'number'
  /** It says how near a model is to a gold; the others are the model's own. */
  readonly isJudged: boolean
}

/** Compared and shown unless another is asked for. */
export const usualMetrics = [
  { name: 'absGap', direction: 'lower', unit: 'share', isJudged: true },
  { name: 'easyHardAgreement', direction: 'higher', unit: 'share', isJudged: true },
  { name: 'agreement', direction: 'higher', unit: 'share', isJudged: true },
  { name: 'jsDivergence', direction: 'lower', unit: 'nats', isJudged: true },
  { name: 'avgGap', direction: 'lower', unit: 'share', isJudged: true },
  { name: 'gap', direction: 'zero', unit: 'share', isJudged: true },
  { name: 'mia.gap', direction: 'zero', unit: 'share', isJudged: true },
  { name: 'retainAccuracy', direction: 'higher', unit: 'share', isJudged: false },
  { name: 'evaluationAccuracy', direction: 'higher', unit: 'share', isJudged: false },
] as const satisfies readonly ComparedFigure[]

const attackScores = ['loss', 'confidence', 'entropy', 'margin'] as const
const attackFigures = [
  { of: 'auc', unit: 'number' },
  { of: 'balancedAccuracy', unit: 'share' },
  { of: 'tprAtFpr001', unit: 'share' },
  { of: 'tprAtFpr01', unit: 'share' },
] as const

/** Compared where one is asked for by name. What an attack or an untrained network sees is best as the gold has it. */
export const furtherMetrics = [
  ...([
    { name: 'klToGold', direction: 'lower', unit: 'nats', isJudged: true },
    { name: 'activationDistance', direction: 'lower', unit: 'number', isJudged: true },
    { name: 'tow', direction: 'higher', unit: 'number', isJudged: true },
    { name: 'cka', direction: 'higher', unit: 'number', isJudged: true },
    { name: 'streisand', direction: 'zero', unit: 'share', isJudged: true },
    { name: 'zrf', direction: 'gold', unit: 'number', isJudged: false },
    { name: 'forgetAccuracy', direction: 'gold', unit: 'share', isJudged: false },
    { name: 'classEvaluationAccuracy', direction: 'gold', unit: 'share', isJudged: false },
  ] as const),
  ...attackScores.flatMap((score) =>
    attackFigures.map(
      ({ of, unit }) => ({ name: `mia.${score}.${of}`, direction: 'gold', unit, isJudged: false }) as const,
    ),
  ),
] satisfies readonly ComparedFigure[]

export const comparedMetrics = [...usualMetrics, ...furtherMetrics]

export type ComparedMetric = (typeof comparedMetrics)[number]['name']

/** Whether golds judge it, so that a gold's own is by the other golds. */
export function isJudged(metric: ComparedMetric): boolean {
  return comparedMetrics.some((figure) => figure.name === metric && figure.isJudged)
}

export function unitOf(metric: ComparedMetric): ComparedFigure['unit'] {
  return comparedMetrics.find(({ name }) => name === metric)?.unit ?? 'number'
}

/** A method's mean over its seeds. */
export interface MethodFigure {
  readonly method: string
  /** t interval over seeds; for one seed the bootstrap interval over images. */
  readonly figure: Metric
  readonly perSeed: readonly { readonly seed: number; readonly value: number }[]
  readonly intervalOver: 'seeds' | 'images'
}

/** One method minus the reference, seed by seed and image by image. */
export interface MethodDifference {
  readonly method: string
  /** Mean difference over the seeds that both have; absent with the reason. */
  readonly difference: Metric
  /** 95 % percentile bootstrap over images, the same draws for both, mean over seeds; null: fewer than 10 images. */
  readonly imagesCi: readonly [low: number, high: number] | null
  /** 95 % paired t interval over seeds; null: one seed. */
  readonly seedsCi: readonly [low: number, high: number] | null
  /**
   * Two-sided, of the paired t test over seeds; of the bootstrap with one seed, and where all seeds differ by exactly
   * as much. null: neither can be had.
   */
  readonly p: number | null
  /** After Holm 1979, over all methods compared with the reference in this metric. */
  readonly pHolm: number | null
  /**
   * Whether the two differ: the interval over images clears zero, that over seeds too where there are several, pHolm is
   * at most 0.05, and the difference exceeds the gold-gold floor where one exists.
   */
  readonly differs: boolean
}

export interface MetricComparison {
  readonly metric: ComparedMetric
  readonly direction: ComparedFigure['direction']
  /** How much the figure changes when another gold judges; null: one gold. */
  readonly floor: number | null
  /** What a gold reaches, judged by the other golds: mean over golds; null: one gold. */
  readonly gold: number | null
  readonly figures: readonly MethodFigure[]
  /** Empty where there's no reference. */
  readonly differences: readonly MethodDifference[]
  /**
   * Smallest difference to the reference that a repetition would find with 80 % power, before Holm's correction: the
   * median over the methods. null: it can't be told.
   */
  readonly detectable: number | null
}

export interface ParetoPoint {
  readonly method: string
  /** Mean absolute gap to the golds, a fraction. */
  readonly absGap: number
  /** Backward sample-visits of one request. */
  readonly cost: number
  /** Accuracy lost on evaluation against the golds, a fraction; negative: gained. */
  readonly utilityLoss: number | null
  /** No other method is at least as good in both and better in one. */
  readonly onCostFront: boolean
  readonly onUtilityFront: boolean
}

export interface StudyStatistics {
  /** Method that the others are compared with; null: fewer than two methods have finished. */
  readonly reference: string | null
  /** Methods that can be the reference. */
  readonly methods: readonly string[]
  readonly seeds: number
  readonly golds: number
  readonly forgetCount: number
  /** The usual ones, and one that was asked for. */
  readonly metrics: readonly MetricComparison[]
  readonly pareto: readonly ParetoPoint[]
  /** METHOD -> AUC of its easy/hard predictor on the twin, of those that have one: what a sweep of the twin pool moves. */
  readonly predictors: Readonly<Record<string, number>>
  /** Plain sentences on what these numbers of seeds, golds and images can't tell. */
  readonly notes: readonly string[]
}

/** What the size of F does: a study for each. */
export interface StudySeries {
  readonly name: string
  /** The smallest F first. */
  readonly studies: readonly {
    readonly study: StudyId
    readonly name: string
    readonly state: JobState | 'new'
    readonly forgetCount: number
    /** Without a reference or a finished run: empty. */
    readonly statistics: StudyStatistics
  }[]
}
