import { quantileOfSorted } from '../quantile.ts'

/**
 * The Streisand effect (Golatkar et al. 2020): forgetting so hard that it shows. A score that is high for samples whose
 * loss lies unusually far from the middle of the losses of unseen samples of its class mix, on either side, so that an
 * attacker who knows nothing of the sample would notice it: |loss's rank among the non-members - 1/2|.
 */
export function conspicuousness(losses: Float64Array, population: Float64Array, self: Int32Array): Float64Array {
  const ascending = population.slice().sort()
  return losses.map((loss, i) => {
    const own = self[i] >= 0 ? 1 : 0
    const size = ascending.length - own
    if (size === 0) return 0
    let below = 0
    let equal = 0
    for (const value of ascending) {
      if (value < loss) below++
      else if (value === loss) equal++
    }
    return Math.abs((below + (equal - own) / 2) / size - 0.5)
  })
}

/** 1 for each loss above the given percentile of the non-members' losses, else 0. */
export function standsOut(losses: Float64Array, population: Float64Array, percentile: number): Float64Array {
  const limit = quantileOfSorted(population.slice().sort(), percentile)
  return losses.map((loss) => (loss > limit ? 1 : 0))
}
