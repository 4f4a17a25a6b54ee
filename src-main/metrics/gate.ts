import type { Evaluation, Gate, GateCheck } from '#shared/domain/metrics.ts'
import { isPresent } from '#shared/domain/metrics.ts'
import { defaultMargin, marginFor } from './margin.ts'
import { percent, percentApart, plusMinus, points } from './words.ts'

/** Below these a study can't tell methods apart (found on the demo's data; see each check's words). */
export const studyLimits = {
  originalForgetAccuracy: 0.97,
  goldForgetAccuracy: [0.6, 0.92],
  hardCount: 30,
  forgetCount: 250,
  predictorAuc: 0.6,
} as const

/** Means over golds, and over originals where there are several seeds; null: not measured. */
export interface StudyFacts {
  readonly originalForgetAccuracy: number | null
  readonly goldForgetAccuracy: number | null
  readonly hardCount: number | null
  readonly forgetCount: number
  /** null: the study has no twin. An AUC of null: no predictor yet, or (`fitted`) a twin that is all easy or all hard. */
  readonly twin: { readonly predictorAuc: number | null; readonly fitted: boolean } | null
  /** F is all of a class's members: the gold then knows nothing of it, and the twin problem doesn't exist. */
  readonly classRemoval: boolean
}

const notMeasured = 'not measured'

/** Whether a study made here can decide anything. A failing check's note is the clause that says why it can't. */
export function studyGate(facts: StudyFacts): Gate {
  const { originalForgetAccuracy, goldForgetAccuracy, hardCount, forgetCount, twin, classRemoval } = facts
  const [goldLow, goldHigh] = studyLimits.goldForgetAccuracy
  const noTwin = twin === null ? 'not applicable without a twin' : null
  return gateOf([
    judged('originalForgetAccuracy', originalForgetAccuracy, {
      passed: (value) => value >= studyLimits.originalForgetAccuracy,
      required: `at least ${percent(studyLimits.originalForgetAccuracy)}`,
      failure: (value) =>
        `the original knows only ${percentApart(value, studyLimits.originalForgetAccuracy)} of the images to forget`,
    }),
    judged('goldForgetAccuracy', goldForgetAccuracy, {
      passed: (value) => value >= goldLow && value <= goldHigh,
      required: `between ${percent(goldLow)} and ${percent(goldHigh)}`,
      failure: (value) =>
        value < goldLow
          ? `the gold knows only ${percentApart(value, goldLow)} of the images to forget`
          : `the gold still knows ${percentApart(value, goldHigh)} of the images to forget`,
      notApplicable: classRemoval ? 'class removal' : null,
    }),
    judged('hardCount', hardCount, {
      passed: (value) => value >= studyLimits.hardCount,
      required: `at least ${studyLimits.hardCount}`,
      failure: (value) => `the gold forgets only ${Number(value.toFixed(1))} images`,
      notApplicable: classRemoval ? 'class removal' : noTwin,
    }),
    judged('forgetCount', forgetCount, {
      passed: (value) => value >= studyLimits.forgetCount,
      required: `at least ${studyLimits.forgetCount}`,
      failure: (value) =>
        value === 1 ? 'there is only 1 image to forget' : `there are only ${value} images to forget`,
    }),
    judged('predictorAuc', twin === null ? null : twin.predictorAuc, {
      passed: (value) => value >= studyLimits.predictorAuc,
      required: `at least ${studyLimits.predictorAuc.toFixed(2)}`,
      failure: (value) => `the twin predictor's AUC is only ${value.toFixed(2)}`,
      notApplicable: noTwin,
      ...(twin?.fitted === true && { unmeasured: 'the twin is all easy or all hard, so there is nothing to predict' }),
    }),
  ])
}

/**
 * Whether any outcome, made here or elsewhere, can decide anything: a reference, something to forget, and enough
 * images. `plannedMargin` is null where no plan names one.
 */
export function auditGate(evaluation: Evaluation, plannedMargin: number | null): Gate {
  const { evidence, metrics, differences } = evaluation
  const { margin, noFloor } = marginFor(evaluation, plannedMargin ?? defaultMargin)
  const floor = isPresent(metrics.gapFloor) ? metrics.gapFloor.value : margin
  const { original } = differences
  const { gap } = metrics
  const halfWidth = isPresent(gap) && gap.ci !== null ? (gap.ci[1] - gap.ci[0]) / 2 : null
  return gateOf([
    {
      name: 'reference',
      passed: evidence.goldCount >= 2 || (evidence.goldCount === 1 && plannedMargin !== null),
      value: evidence.goldCount,
      required: 'two golds, or one and a planned margin',
      ...(evidence.goldCount < 2 &&
        (evidence.goldCount === 0 || plannedMargin === null) && {
          note: evidence.goldCount === 0 ? 'there is no gold' : 'there is one gold and no planned margin',
        }),
    },
    judged('originalSeparation', isPresent(original) ? Math.abs(original.value) : null, {
      passed: (value) => value > floor,
      required: `above ${points(floor)} (${noFloor ? 'the margin' : 'gold-gold floor'})`,
      failure: (value) => `original and gold differ by no more than ${points(value)} on the images to forget`,
      notApplicable: evidence.originalForgetAccuracy === null ? 'the outcome has no original' : null,
      unmeasured: 'original and gold cannot be compared',
    }),
    judged('gapPrecision', halfWidth, {
      passed: (value) => value <= margin,
      required: `at most ${plusMinus(margin)} (95 % CI)`,
      failure: (value) => `the gap is known only to ${plusMinus(value)}`,
      unmeasured: 'the gap has no confidence interval',
    }),
  ])
}

function judged(
  name: string,
  value: number | null,
  rule: {
    readonly passed: (value: number) => boolean
    readonly required: string
    readonly failure: (value: number) => string
    /** Why the check doesn't apply; null where it does. */
    readonly notApplicable?: string | null
    readonly unmeasured?: string
  },
): GateCheck {
  const { required } = rule
  if (rule.notApplicable) return { name, passed: null, value, required, note: rule.notApplicable }
  if (value === null) return { name, passed: false, value, required, note: rule.unmeasured ?? notMeasured }
  if (rule.passed(value)) return { name, passed: true, value, required }
  return { name, passed: false, value, required, note: `${rule.failure(value)}; needed: ${required}` }
}

function gateOf(checks: readonly GateCheck[]): Gate {
  return { passed: checks.every((check) => check.passed !== false), checks }
}
