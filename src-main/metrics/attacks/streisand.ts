import { quantileOfSorted } from '../quantile.ts'
import { countFirst, MixedPopulation, type Weighted } from './mixed-population.ts'

/**
 * The Streisand effect (Golatkar et al. 2020): forgetting so hard that it shows. A score that is high for samples whose
 * loss lies unusually far from the middle of the losses of unseen samples of F's class mix, on either side, so that an
 * attacker who knows nothing of the sample would notice it: |loss's rank among the non-members - 1/2|, equal losses
 * counting half. Each class weighs what it does in F. `self[i]` is a sample's own place in the population, -1 where it
 * isn't in it.
 */
export function conspicuousness(losses: Float64Array, population: Weighted, self: Int32Array): Float64Array {
  const mixed = new MixedPopulation(population)
  return losses.map((loss, i) => {
    const counted = (ascending: Float64Array): number =>
      (countFirst(ascending, (value) => value < loss) + countFirst(ascending, (value) => value <= loss)) / 2
    const rank = mixed.share(counted, self[i])
    return rank === null ? 0 : Math.abs(rank - 0.5)
  })
}

/**
 * 1 for each loss above the given percentile of the non-members' losses, else 0. Each non-member counts once, as in the
 * metric `streisand` of an outcome (SCIENCE section 3), so that the two agree.
 */
export function standsOut(losses: Float64Array, population: Float64Array, percentile: number): Float64Array {
  const limit = quantileOfSorted(population.slice().sort(), percentile)
  return losses.map((loss) => (loss > limit ? 1 : 0))
}
