import { countFirst, MixedPopulation } from './mixed-population.ts'

/**
 * RMIA (Zarifzadeh, Liu and Shokri 2024): the share of population samples z that x beats, where x beats z if
 * (p(x | target) / p(x)) / (p(z | target) / p(z)) >= gamma.
 */
export interface RmiaOptions {
  /** How clearly x must beat z; the paper's is 2. */
  readonly gamma: number
  /** Offline slope: p(x) is estimated as ((1 + a) pOut + (1 - a)) / 2; the paper takes 0.3 to 0.6 for images. */
  readonly offlineSlope: number
}

/** Probabilities of the true class under the target and, as a mean over them, under reference models. */
export interface RmiaSide {
  readonly target: Float64Array
  /** Mean over reference models that weren't trained on the sample. */
  readonly out: Float64Array
}

/** What z is drawn from. */
export interface RmiaPopulation extends RmiaSide {
  readonly labels: Int32Array
  /** Equal within a class. */
  readonly weights: Float64Array
}

/**
 * Score of each x in [0, 1]: the share of z that it beats, where each class of z weighs what it does in F. `self[i]` is
 * x's own place in the population, -1 where it isn't in it.
 */
export function rmiaScores(
  samples: RmiaSide,
  population: RmiaPopulation,
  self: Int32Array,
  { gamma, offlineSlope }: RmiaOptions,
): Float64Array {
  const ratio = ({ target, out }: RmiaSide): Float64Array =>
    target.map((p, i) => p / (((1 + offlineSlope) * out[i] + (1 - offlineSlope)) / 2))
  const { labels, weights } = population
  const mixed = new MixedPopulation({ values: ratio(population), labels, weights })
  return ratio(samples).map((value, i) => {
    // Counted by division, not as value / gamma: the two differ in the last bit, and both sides are finite.
    const beaten = (ascending: Float64Array): number => countFirst(ascending, (other) => value / other >= gamma)
    return mixed.share(beaten, self[i]) ?? 0
  })
}
