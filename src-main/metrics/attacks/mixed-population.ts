/** A value of each sample of a population whose classes count by weight. */
export interface Weighted {
  readonly values: Float64Array
  readonly labels: Int32Array
  /** Equal within a class. */
  readonly weights: Float64Array
}

/**
 * Shares of a population at a class mix that isn't its own. They are taken within each class and averaged by the
 * classes' weights, not summed up sample by sample: all of the population is exactly 1, whoever is left out, so that
 * round-off breaks no tie between scores.
 */
export class MixedPopulation {
  readonly #population: Weighted
  readonly #classes: ReadonlyMap<number, { readonly ascending: Float64Array; readonly mass: number }>

  constructor(population: Weighted) {
    const byClass = Map.groupBy(population.values.keys(), (i) => population.labels[i])
    this.#population = population
    this.#classes = new Map(
      [...byClass].map(([label, members]) => [
        label,
        {
          ascending: Float64Array.from(members, (i) => population.values[i]).sort(),
          mass: population.weights[members[0]] * members.length,
        },
      ]),
    )
  }

  /**
   * Share of those that `count` counts among ascending values; null where nobody is left. `self` is the position of one
   * that is left out, -1 for none; its class weighs what it did as long as any of it is left.
   */
  share(count: (ascending: Float64Array) => number, self: number): number | null {
    let sum = 0
    let total = 0
    for (const [label, { ascending, mass }] of this.#classes) {
      const leavesOut = self >= 0 && this.#population.labels[self] === label
      const size = ascending.length - (leavesOut ? 1 : 0)
      if (size === 0) continue
      const own = leavesOut ? count(this.#population.values.subarray(self, self + 1)) : 0
      sum += mass * ((count(ascending) - own) / size)
      total += mass
    }
    return total === 0 ? null : sum / total
  }
}

/** How many of the ascending values satisfy a condition that holds for the smallest ones only. */
export function countFirst(ascending: Float64Array, holds: (value: number) => boolean): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (holds(ascending[middle])) low = middle + 1
    else high = middle
  }
  return low
}
