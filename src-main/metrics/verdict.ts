import type { Evaluation, Gate, GateCheck, Metric, Verdict } from '#shared/domain/metrics.ts'
import { isPresent } from '#shared/domain/metrics.ts'
import { leastCountForInterval } from './bootstrap.ts'
import { marginFor } from './margin.ts'
import { counted, interval, percent, plusMinus, points } from './words.ts'

/** How far easyHardAgreement may lie below what two golds reach: 5 points. */
const agreementTolerance = 0.05

export interface VerdictInput {
  readonly method: string
  readonly seed: number
  readonly evaluation: Evaluation
  /** The plan's accepted gap, a fraction; 5 points unless given. */
  readonly margin?: number | undefined
  /** A gate that failed lets nothing be told. */
  readonly gate?: Gate | undefined
  /** F is all of a class's members. */
  readonly classRemoval?: boolean | undefined
  /** Why there is no difference to a count-matched random control, where there is none. */
  readonly uncontrolled?: string | null | undefined
}

type Present = Extract<Metric, { value: number }>
type Interval = readonly [low: number, high: number]
/** A rule with what to say, and how many samples would decide, where it isn't met. */
interface Rule {
  readonly check: GateCheck
  readonly doubt: string
  readonly decidingCount: number | null
}

/**
 * The verdict on one run by fixed rules: pass only where every rule is met beyond sampling noise, fail only where the
 * gap or the utility is off beyond sampling noise, and otherwise inconclusive with the figure that left it open.
 */
export function verdictOf(input: VerdictInput): Verdict {
  const { evaluation, gate, classRemoval = false } = input
  const { margin, noFloor } = marginFor(evaluation, input.margin)
  const { gap } = evaluation.metrics
  const rules = [
    gapRule(gap, margin),
    agreementRule(evaluation),
    controlRule(evaluation, input.uncontrolled ?? 'no count-matched random control'),
    utilityRule('retainAccuracy', 'retained images', evaluation.differences.retain, margin),
    utilityRule('evaluationAccuracy', 'evaluation images', evaluation.differences.evaluation, margin),
  ]
  const verdict = (
    value: Verdict['value'],
    label: Verdict['label'],
    clause: string,
    decidingCount?: number | null,
  ) => ({
    method: input.method,
    seed: input.seed,
    value,
    label,
    sentence: `${clause}${evaluation.evidence.goldCount === 1 ? ' (one gold, no floor)' : ''}.`,
    checks: rules.map((rule) => rule.check),
    margin,
    noFloor,
    decidingCount: decidingCount ?? null,
  })
  const cannotTell = (doubt: string, decidingCount?: number | null): Verdict =>
    verdict('inconclusive', 'cannot tell', `Cannot tell: ${doubt}`, decidingCount)

  const failedGate = gate?.checks.find((check) => check.passed === false)
  if (failedGate !== undefined) return cannotTell(`the validity gate failed, as ${failedGate.note ?? failedGate.name}`)
  if (!isPresent(gap) || gap.ci === null) return cannotTell(rules[0].doubt)

  const known = knowledgeClauses(evaluation, classRemoval)
  const found = `gap ${points(gap.value)} (${interval(95, gap.ci)})`
  if (gap.ci[0] > margin) {
    return verdict('fail', 'under-forgotten', `${known.still}: under-forgotten, ${found} beyond ${plusMinus(margin)}`)
  }
  if (gap.ci[1] < -margin) {
    return verdict('fail', 'over-forgotten', `${known.lost}: over-forgotten, ${found} beyond ${plusMinus(margin)}`)
  }
  const loss = utilityLoss(evaluation, margin)
  if (loss !== null) return verdict('fail', 'utility-lost', loss)

  const open = rules.find((rule) => rule.check.passed === false)
  if (open !== undefined) return cannotTell(open.doubt, open.decidingCount)
  const close = `gap ${points(gap.value)}${gap.ci90 ? ` (${interval(90, gap.ci90)})` : ''}`
  return verdict('pass', 'aligned', `${known.still} and is aligned: ${close} within ${plusMinus(margin)}`)
}

/** The 90 % CI of the signed gap lies within the margin: two one-sided tests at 5 %. */
function gapRule(gap: Metric, margin: number): Rule {
  const name = 'gap'
  const required = `90 % CI within ${plusMinus(margin)}`
  if (!isPresent(gap)) return unmeasured(name, required, lowerFirst(gap.absent))
  const { ci90 } = gap
  if (!ci90 || gap.ci === null) return unmeasured(name, required, tooFew(gap, 'images to forget'), gap.value)
  const decidingCount = equivalenceCount(gap, ci90, margin)
  return {
    check: { name, passed: within(ci90, margin), value: gap.value, required, note: interval(90, ci90) },
    doubt:
      `the gap of ${points(gap.value)} (${interval(90, ci90)}) is not surely on one side of ${plusMinus(margin)}; ` +
      advice(decidingCount, 'images to forget'),
    decidingCount,
  }
}

/** The right images, not only the right number of them: nearly as often as another gold would. */
function agreementRule({ metrics, evidence }: Evaluation): Rule {
  const name = 'easyHardAgreement'
  const agreement = metrics.easyHardAgreement
  const floor = metrics.easyHardAgreementFloor
  if (!isPresent(floor)) {
    const note = evidence.goldCount === 1 ? 'no floor: there is one gold' : 'no floor'
    return notApplicable(name, 'the gold-gold floor less 5 points', note, isPresent(agreement) ? agreement.value : null)
  }
  const least = floor.value - agreementTolerance
  const required = `lower 95 % CI bound at least ${percent(least)}`
  if (!isPresent(agreement)) return unmeasured(name, required, lowerFirst(agreement.absent))
  if (agreement.ci === null) return unmeasured(name, required, tooFew(agreement, 'images to forget'), agreement.value)
  const decidingCount = boundCount(agreement, agreement.ci[0], least)
  return {
    check: {
      name,
      passed: agreement.ci[0] >= least,
      value: agreement.value,
      required,
      note: `lower bound ${percent(agreement.ci[0])}, two golds ${percent(floor.value)}`,
    },
    doubt:
      `the unlearned model and the golds know and miss the same ${percent(agreement.value)} of the images ` +
      `(lower bound ${percent(agreement.ci[0])}), where two golds share ${percent(floor.value)} and ` +
      `at least ${percent(least)} is needed; ${advice(decidingCount, 'images to forget')}`,
    decidingCount,
  }
}

/**
 * Better than as many hard labels drawn at random, on the same images and draws: only where a control differs from the
 * method in nothing else. Not applicable elsewhere, which decides nothing.
 */
function controlRule({ paired }: Evaluation, uncontrolled: string): Rule {
  const name = 'controlDifference'
  const required = 'lower 95 % CI bound above 0'
  if (paired === null) return notApplicable(name, required, uncontrolled, null)
  const difference = paired.easyHardAgreement
  if (!isPresent(difference)) return unmeasured(name, required, lowerFirst(difference.absent))
  const { ci, value } = difference
  if (ci === null) return unmeasured(name, required, tooFew(difference, 'images to forget'), value)
  const decidingCount = boundCount(difference, ci[0], 0)
  return {
    check: { name, passed: ci[0] > 0, value, required, note: interval(95, ci) },
    doubt:
      `agreement with the golds exceeds that of as many hard labels drawn at random by ${points(value)} ` +
      `(${interval(95, ci)}), which does not surely beat chance; ${advice(decidingCount, 'images to forget')}`,
    decidingCount,
  }
}

function utilityRule(name: string, images: string, difference: Metric, margin: number): Rule {
  const required = `90 % CI of the difference to the gold within ${plusMinus(margin)}`
  if (!isPresent(difference)) return unmeasured(name, required, lowerFirst(difference.absent))
  const { ci90, value } = difference
  if (!ci90) return unmeasured(name, required, tooFew(difference, images), value)
  const decidingCount = equivalenceCount(difference, ci90, margin)
  return {
    check: { name, passed: within(ci90, margin), value, required, note: interval(90, ci90) },
    doubt:
      `accuracy on ${images} differs from the gold's by ${points(value)} (${interval(90, ci90)}), not surely within ` +
      `${plusMinus(margin)}; ${advice(decidingCount, images)}`,
    decidingCount,
  }
}

function utilityLoss({ differences, evidence }: Evaluation, margin: number): string | null {
  for (const [images, difference] of [
    ['retained images', differences.retain],
    ['evaluation images', differences.evaluation],
  ] as const) {
    if (!isPresent(difference) || difference.ci === null || difference.ci[1] >= -margin) continue
    return (
      `The unlearned model has lost accuracy on ${images}: ${points(difference.value)} against ${golds(evidence.goldCount)} ` +
      `(${interval(95, difference.ci)}), beyond ${plusMinus(margin)}`
    )
  }
  return null
}

/** What the unlearned model knows and the gold doesn't, and the reverse, as clauses with a subject. */
function knowledgeClauses({ evidence }: Evaluation, classRemoval: boolean): { still: string; lost: string } {
  const { forgetCount, goldCount } = evidence
  const hard = Math.round(evidence.hardCount ?? 0)
  const still = Math.round(evidence.stillKnown ?? 0)
  const lost = Math.round(evidence.lost ?? 0)
  const theGold = golds(goldCount)
  const [has, knows] = goldCount > 1 ? ['have', 'know'] : ['has', 'knows']
  const ofClass = classRemoval ? ' of the removed class' : ''
  const verb = classRemoval ? 'recognises' : 'knows'
  return {
    still: `The unlearned model still ${verb} ${still} of the ${counted(hard, 'image')}${ofClass} ${theGold} ${has} forgotten`,
    lost: `The unlearned model has lost ${lost} of the ${counted(forgetCount - hard, 'image')}${ofClass} ${theGold} still ${knows}`,
  }
}

function golds(count: number): string {
  return count > 1 ? 'the golds' : 'the gold'
}

function within([low, high]: Interval, margin: number): boolean {
  return low >= -margin && high <= margin
}

/** Samples at which the interval, narrowing with 1 / sqrt n around the same value, is on one side of ±margin. */
function equivalenceCount({ value, n, ci }: Present, ci90: Interval, margin: number): number | null {
  if (Math.abs(value) > margin) {
    if (ci === null) return null
    const reach = value > 0 ? value - ci[0] : ci[1] - value
    return scaledCount(n, reach, Math.abs(value) - margin)
  }
  const above = scaledCount(n, ci90[1] - value, margin - value)
  const below = scaledCount(n, value - ci90[0], margin + value)
  return above === null || below === null ? null : Math.max(above, below)
}

/** Samples at which the lower bound would clear `least`; null where the value itself hardly does or doesn't. */
function boundCount({ value, n }: Present, low: number, least: number): number | null {
  return scaledCount(n, value - low, value - least)
}

/** A figure that sits on its limit would take any number of samples; beyond this none is worth naming. */
const mostWorthNaming = 1_000_000

function scaledCount(n: number, reach: number, room: number): number | null {
  if (room <= 0) return null
  const exact = Math.max(n + 1, n * (reach / room) ** 2)
  if (exact > mostWorthNaming) return null
  // Two digits: the estimate is no better than that.
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(exact)) - 1)
  return Math.ceil(exact / unit) * unit
}

function advice(decidingCount: number | null, images: string): string {
  return decidingCount === null
    ? 'more images would hardly change that'
    : `about ${decidingCount.toLocaleString('en')} ${images} would decide`
}

function tooFew({ n }: Present, images: string): string {
  return n < leastCountForInterval
    ? `${n} ${images} are too few for a confidence interval; at least ${leastCountForInterval} are needed`
    : `there is no confidence interval over the ${images}`
}

function unmeasured(name: string, required: string, reason: string, value: number | null = null): Rule {
  const clause = reason.replace(/\.$/, '')
  return { check: { name, passed: false, value, required, note: clause }, doubt: clause, decidingCount: null }
}

function notApplicable(name: string, required: string, note: string, value: number | null): Rule {
  return { check: { name, passed: null, value, required, note }, doubt: note, decidingCount: null }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
