/**
 * Forgetting quality of the NeurIPS 2023 challenge (Triantafillou et al. 2024; code google-deepmind/unlearning_evaluation).
 * Each forget sample has one phi a model: of several unlearned and several gold models.
 */

/** Of the (epsilon, delta) that a sample's distributions are compared in. */
export interface ForgettingQualityOptions {
  readonly delta: number
  /** Samples whose epsilons fall into one bin score alike. */
  readonly binWidth: number
}

/** Fewer models a side are told apart by chance alone. */
export const leastModelsForQuality = 4

/**
 * The largest epsilon that any attack on the sample shows: thresholds on phi in either direction, and intervals with two
 * thresholds. Infinite where one tells the two sets of models apart without error; attacks with one error rate of
 * exactly 0 prove nothing with so few models and are passed over, as in the challenge. Never below 0.
 */
export function sampleEpsilon(unlearned: readonly number[], gold: readonly number[], delta: number): number {
  const values = [...new Set([...unlearned, ...gold])].sort((a, b) => a - b)
  const cuts = [Number.NEGATIVE_INFINITY, ...values]
  let epsilon = 0
  // "Unlearned" is claimed for phi in (low, high], or for phi outside of it: single thresholds are the open intervals.
  for (let a = 0; a < cuts.length; a++) {
    for (let b = a + 1; b < cuts.length; b++) {
      const inside = (phi: number): boolean => phi > cuts[a] && phi <= cuts[b]
      const goldInside = gold.filter(inside).length / gold.length
      const unlearnedInside = unlearned.filter(inside).length / unlearned.length
      epsilon = Math.max(
        epsilon,
        attackEpsilon(goldInside, 1 - unlearnedInside, delta),
        attackEpsilon(1 - goldInside, unlearnedInside, delta),
      )
    }
  }
  return epsilon
}

function attackEpsilon(fpr: number, fnr: number, delta: number): number {
  if (fpr === 0 && fnr === 0) return Number.POSITIVE_INFINITY
  if (fpr === 0 || fnr === 0) return 0
  const one = 1 - delta - fpr
  const other = 1 - delta - fnr
  const fromFpr = one > 0 ? Math.log(one / fnr) : 0
  const fromFnr = other > 0 ? Math.log(other / fpr) : 0
  return Math.max(0, fromFpr, fromFnr)
}

/**
 * The largest finite epsilon that so many models can show: one error of each kind, the least that isn't 0, among the
 * unlearned models and among the golds. 0 where delta swallows it.
 */
export function largestEpsilon(unlearned: number, golds: number, delta: number): number {
  return attackEpsilon(1 / golds, 1 / unlearned, delta)
}

/** 2^-floor(epsilon / binWidth), 0 for an infinite epsilon: 1 = not to be told from a gold. */
export function sampleQuality(epsilon: number, binWidth: number): number {
  return Number.isFinite(epsilon) ? 2 ** -Math.floor(epsilon / binWidth) : 0
}

/** Score of every forget sample; rows are models: [models][n]. Its mean is the forgetting quality before utility. */
export function forgettingScores(
  unlearned: readonly Float64Array[],
  golds: readonly Float64Array[],
  { delta, binWidth }: ForgettingQualityOptions,
): Float64Array {
  const n = unlearned[0]?.length ?? 0
  return Float64Array.from({ length: n }, (_, i) =>
    sampleQuality(
      sampleEpsilon(
        unlearned.map((row) => row[i]),
        golds.map((row) => row[i]),
        delta,
      ),
      binWidth,
    ),
  )
}
