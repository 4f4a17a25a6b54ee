/** Paired comparison of two methods over seeds and images, and corrections for having compared several. */
import type { Metric } from '#shared/domain/metrics.ts'
import { isPresent } from '#shared/domain/metrics.ts'
import { percentileInterval } from './bootstrap.ts'
import { pairedSeedCi, studentPValue } from './seed-ci.ts'

/** One method's figure at one seed, with its bootstrap draws (the same resamples for every method). */
export interface SeedScore {
  readonly value: number
  readonly draws: ArrayLike<number> | null
}

export interface PairedDifference {
  readonly difference: Metric
  readonly imagesCi: readonly [low: number, high: number] | null
  readonly seedsCi: readonly [low: number, high: number] | null
  readonly p: number | null
}

/**
 * Ours minus theirs over the seeds that both have. Over seeds by the paired t test (training noise), over images by the
 * percentile bootstrap of the mean difference (sampling of F): resample b of one method is resample b of the other.
 */
export function pairedDifference(
  ours: ReadonlyMap<number, SeedScore>,
  theirs: ReadonlyMap<number, SeedScore>,
): PairedDifference {
  const shared = [...ours.keys()].filter((seed) => theirs.has(seed))
  const difference = pairedSeedCi(valuesOf(ours), valuesOf(theirs))
  const draws = meanDrawDifference(shared.map((seed) => [ours.get(seed)?.draws, theirs.get(seed)?.draws]))
  const imagesCi = draws === null ? null : percentileInterval(draws, 0.95)
  if (!isPresent(difference)) return { difference, imagesCi: null, seedsCi: null, p: null }
  const seedsCi = difference.ci
  const ofSeeds = seedsCi === null ? null : pairedP(ours, theirs, shared)
  const p = ofSeeds ?? (draws === null ? null : bootstrapP(draws))
  return { difference, imagesCi, seedsCi, p }
}

/**
 * Adjusted p-values in the order given (Holm 1979, step-down): (m - k) p of the k-th smallest, never below that of a
 * smaller one, at most 1. null stays null and counts as no test.
 */
export function holm(pValues: readonly (number | null)[]): readonly (number | null)[] {
  const order = pValues.flatMap((p, i) => (p === null ? [] : [{ p, i }])).sort((a, b) => a.p - b.p)
  const adjusted: (number | null)[] = pValues.map(() => null)
  let least = 0
  for (const [k, { p, i }] of order.entries()) {
    least = Math.min(1, Math.max(least, (order.length - k) * p))
    adjusted[i] = least
  }
  return adjusted
}

/**
 * Which points no other dominates, both coordinates the lower the better. A point dominates another that it equals or
 * beats in both and beats in one; equal points stay together.
 */
export function paretoFront(points: readonly (readonly [x: number, y: number])[]): readonly boolean[] {
  return points.map(([x, y]) => !points.some(([a, b]) => a <= x && b <= y && (a < x || b < y)))
}

function valuesOf(scores: ReadonlyMap<number, SeedScore>): ReadonlyMap<number, number> {
  return new Map([...scores].map(([seed, { value }]) => [seed, value]))
}

function meanDrawDifference(
  pairs: readonly (readonly [ArrayLike<number> | null | undefined, ArrayLike<number> | null | undefined])[],
): Float64Array | null {
  let sum: Float64Array | null = null
  for (const [ours, theirs] of pairs) {
    if (!ours || !theirs || ours.length !== theirs.length || ours.length === 0) return null
    sum ??= new Float64Array(ours.length)
    if (sum.length !== ours.length) return null
    for (let b = 0; b < sum.length; b++) sum[b] += (ours[b] - theirs[b]) / pairs.length
  }
  return sum
}

/** Two-sided, from the share of draws on the far side of zero; the +1 keeps it above 0 (Davison and Hinkley 1997, 4.2). */
function bootstrapP(draws: Float64Array): number {
  let below = 0
  let above = 0
  for (const value of draws) {
    if (value <= 0) below++
    if (value >= 0) above++
  }
  return Math.min(1, (2 * (Math.min(below, above) + 1)) / (draws.length + 1))
}

/** null where all seeds differ by exactly as much: they say nothing of how much training again would change. */
function pairedP(
  ours: ReadonlyMap<number, SeedScore>,
  theirs: ReadonlyMap<number, SeedScore>,
  seeds: readonly number[],
): number | null {
  const differences = seeds.map((seed) => (ours.get(seed)?.value ?? 0) - (theirs.get(seed)?.value ?? 0))
  const n = differences.length
  const mean = differences.reduce((sum, value) => sum + value, 0) / n
  const deviation = Math.sqrt(differences.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1) / n)
  if (deviation === 0) return mean === 0 ? 1 : null
  return studentPValue(mean / deviation, n - 1)
}
