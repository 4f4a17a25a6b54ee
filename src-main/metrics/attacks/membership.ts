import type { RocPoint } from '#shared/domain/attack.ts'
import type { MetricTable } from '#shared/domain/metrics.ts'
import { Random } from '#shared/random.ts'
import { leastCountForInterval, percentileInterval } from '../bootstrap.ts'
import { type AttackFigures, attackFigures, fprLimits, type Ranking, rank } from '../ranking.ts'
import { drawStratum, membersOf, strataOfClasses } from '../strata.ts'
import { counted } from '../words.ts'

/**
 * Scores to tell members from non-members by: the members' come first. Several scores may be of one unit (the same image
 * under several models); units are what is resampled, within their stratum.
 */
export interface MembershipTest {
  readonly scores: Float64Array
  readonly memberCount: number
  /** Of each score; 1 for members, class weights for non-members. */
  readonly weights: Float64Array
  /** Unit of each score. */
  readonly units: Int32Array
  /** Stratum of each unit. */
  readonly strata: Int32Array
}

export interface MembershipResult {
  /**
   * `auc`, `balancedAccuracy`, `tprAtFpr01`, `tprAtFpr001`; a rate that n can't resolve is absent with the reason. n
   * counts distinct units on the smaller side, whatever the number of scores.
   */
  readonly figures: MetricTable
  readonly roc: readonly RocPoint[]
}

const rateWords = { tprAtFpr001: '0.1 %', tprAtFpr01: '1 %' } as const
const rates = ['tprAtFpr01', 'tprAtFpr001'] as const
/** Points of a curve that is drawn: more can't be told apart. */
const mostPoints = 400
/** Room for rounding where a sum of weights meets a limit exactly. */
const slack = 1 + 1e-9

/** One score a sample: members and non-members are strata of their own, by class. */
export function membershipTest(
  members: { readonly scores: Float64Array; readonly labels: Int32Array },
  nonMembers: { readonly scores: Float64Array; readonly labels: Int32Array; readonly weights: Float64Array },
): MembershipTest {
  const memberCount = members.scores.length
  const n = memberCount + nonMembers.scores.length
  const scores = new Float64Array(n)
  scores.set(members.scores)
  scores.set(nonMembers.scores, memberCount)
  const weights = new Float64Array(n).fill(1)
  weights.set(nonMembers.weights, memberCount)
  const strata = new Int32Array(n)
  strata.set(strataOfClasses(members.labels).map((stratum) => 2 * stratum))
  strata.set(
    strataOfClasses(nonMembers.labels).map((stratum) => 2 * stratum + 1),
    memberCount,
  )
  return { scores, memberCount, weights, units: Int32Array.from({ length: n }, (_, i) => i), strata }
}

/**
 * Figures with percentile bootstrap intervals, in steps of one draw that yield the share done. The same seed gives the
 * same draws to every test of the same strata.
 */
export function* membershipSteps(
  test: MembershipTest,
  { seed, draws }: { readonly seed: number; readonly draws: number },
): Generator<number, MembershipResult, void> {
  const { memberCount, weights, units } = test
  const others = weights.length - memberCount
  if (memberCount === 0 || others === 0) {
    const absent =
      memberCount === 0 ? 'There are no members to tell apart.' : 'There are no non-members to tell members from.'
    return {
      figures: Object.fromEntries(['auc', 'balancedAccuracy', ...rates].map((name) => [name, { absent }])),
      roc: [],
    }
  }
  const ranking = rank(test.scores.subarray(0, memberCount), test.scores.subarray(memberCount))
  const isMember = new Uint8Array(weights.length).fill(1, 0, memberCount)
  const value = attackFigures(ranking, weights, isMember)
  const ofMembers = unitMasses(test, 0, memberCount)
  const ofOthers = unitMasses(test, memberCount, weights.length)
  const least = Math.min(ofMembers.length, ofOthers.length)
  const resampled = least >= leastCountForInterval ? draws : 0
  const names = ['auc', 'balancedAccuracy', ...rates] as const
  const drawn = Object.fromEntries(names.map((name) => [name, new Float64Array(resampled)])) as Record<
    keyof AttackFigures,
    Float64Array
  >
  const mass = new Float64Array(weights.length)
  let draw = 0
  for (const counts of unitResamples(test.strata, seed, resampled)) {
    for (let i = 0; i < mass.length; i++) mass[i] = weights[i] * counts[units[i]]
    const figures = attackFigures(ranking, mass, isMember)
    for (const name of names) drawn[name][draw] = figures[name]
    draw++
    yield draw / resampled
  }
  const effective = effectiveCount(ofOthers)
  const figures: MetricTable = Object.fromEntries(
    names.map((name) => {
      const absent = name === 'tprAtFpr001' || name === 'tprAtFpr01' ? unresolved(effective, name) : null
      if (absent !== null) return [name, { absent }]
      return [name, { value: value[name], ci: percentileInterval(drawn[name], 0.95), n: least }]
    }),
  )
  return { figures, roc: rocCurve(ranking, weights, isMember) }
}

/** The whole of `membershipSteps`. */
export function membershipFigures(
  test: MembershipTest,
  options: { readonly seed: number; readonly draws: number },
): MembershipResult {
  const steps = membershipSteps(test, options)
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

/** Why a rate can't be had from so many non-members, or null: 1 in N can't be read off fewer than N. */
export function unresolved(nonMembers: number, rate: keyof typeof fprLimits): string | null {
  const needed = Math.round(1 / fprLimits[rate])
  // Equal weights of a non-dyadic value sum up a hair short.
  if (nonMembers >= needed * (1 - 1e-9)) return null
  const n = Math.floor(nonMembers)
  return `With n = ${n.toLocaleString('en')} a TPR at ${rateWords[rate]} cannot be resolved: it takes ${counted(needed, 'non-member')}.`
}

/** Weight of each distinct unit among some of the scores: a unit's several scores are no further evidence. */
function unitMasses({ units, weights, strata }: MembershipTest, from: number, to: number): Float64Array {
  const masses = new Float64Array(strata.length)
  for (let i = from; i < to; i++) masses[units[i]] += weights[i]
  return masses.filter((mass) => mass > 0)
}

/** (sum w)^2 / sum w^2: how many equally weighted samples they are worth. */
function effectiveCount(weights: Float64Array): number {
  let sum = 0
  let squares = 0
  for (const weight of weights) {
    sum += weight
    squares += weight * weight
  }
  return squares === 0 ? 0 : (sum * sum) / squares
}

/** Counts of each unit, drawn with replacement within strata; the same array every time. */
export function* unitResamples(strata: Int32Array, seed: number, draws: number): Generator<Float64Array> {
  const pools = membersOf(strata).map((units) => ({
    units,
    // A stream a stratum: members are drawn alike whoever the non-members are.
    random: Random.of(seed, 'attack-bootstrap', strata[units[0]]),
  }))
  const counts = new Float64Array(strata.length)
  for (let draw = 0; draw < draws; draw++) {
    counts.fill(0)
    for (const { units, random } of pools) drawStratum(units, random, counts)
    yield counts
  }
}

/** Rates at every threshold, from (0, 0) to (1, 1), thinned by fixed steps of the logarithm of the false-positive rate. */
function rocCurve(ranking: Ranking, weights: Float64Array, isMember: Uint8Array): readonly RocPoint[] {
  const { order, groupEnd } = ranking
  let positives = 0
  let negatives = 0
  for (let i = 0; i < weights.length; i++) {
    if (isMember[i] === 1) positives += weights[i]
    else negatives += weights[i]
  }
  const points: RocPoint[] = [{ fpr: 0, tpr: 0 }]
  let tp = 0
  let fp = 0
  for (let k = 0; k < order.length; k++) {
    if (isMember[order[k]] === 1) tp += weights[order[k]]
    else fp += weights[order[k]]
    if (groupEnd[k] !== 1) continue
    const point = { fpr: Math.min(1, fp / negatives), tpr: Math.min(1, tp / positives) }
    const last = points[points.length - 1]
    // A vertical step of the curve is one point: its end.
    if (last.fpr * slack >= point.fpr && points.length > 1) points[points.length - 1] = point
    else points.push(point)
  }
  return thinned(points)
}

function thinned(points: readonly RocPoint[]): readonly RocPoint[] {
  if (points.length <= mostPoints) return points
  const lowest = Math.log(points.find(({ fpr }) => fpr > 0)?.fpr ?? 1)
  const kept: RocPoint[] = []
  let lastStep = -1
  for (const [i, point] of points.entries()) {
    const step = point.fpr === 0 ? -1 : Math.floor(((Math.log(point.fpr) - lowest) / -lowest) * mostPoints)
    if (i === 0 || i === points.length - 1 || step !== lastStep) kept.push(point)
    lastStep = step
  }
  return kept
}
