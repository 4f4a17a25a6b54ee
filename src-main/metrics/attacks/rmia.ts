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

/** Score of each x in [0, 1]. `self[i]` is x's own place in the population, -1 where it isn't in it. */
export function rmiaScores(
  samples: RmiaSide,
  population: RmiaSide,
  self: Int32Array,
  { gamma, offlineSlope }: RmiaOptions,
): Float64Array {
  const ratio = ({ target, out }: RmiaSide): Float64Array =>
    target.map((p, i) => p / (((1 + offlineSlope) * out[i] + (1 - offlineSlope)) / 2))
  const ofPopulation = ratio(population)
  const ascending = ofPopulation.slice().sort()
  return ratio(samples).map((value, i) => {
    const own = self[i]
    // Counted by division, not as value / gamma: the two differ in the last bit, and both sides are finite.
    const beaten = countUpTo(ascending, value, gamma)
    const beatsItself = own >= 0 && value / ofPopulation[own] >= gamma ? 1 : 0
    const size = ascending.length - (own >= 0 ? 1 : 0)
    return size === 0 ? 0 : (beaten - beatsItself) / size
  })
}

/** How many of the ascending values v have value / v >= gamma. */
function countUpTo(ascending: Float64Array, value: number, gamma: number): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (value / ascending[middle] >= gamma) low = middle + 1
    else high = middle
  }
  return low
}
