import { countFirst } from './mixed-population.ts'

/**
 * The population attack (Attack P of Ye et al. 2022): the share of samples of the same class, none of them trained on,
 * that the model finds less likely than x. `losses` and `labels` are the attacked samples', `population*` those of the
 * non-members; `self[i]` is x's own place among them, -1 where it is none.
 */
export function populationScores(
  losses: Float64Array,
  labels: Int32Array,
  population: { readonly losses: Float64Array; readonly labels: Int32Array },
  self: Int32Array,
): Float64Array {
  const byClass = new Map<number, number[]>()
  for (let j = 0; j < population.losses.length; j++) {
    const held = byClass.get(population.labels[j])
    if (held === undefined) byClass.set(population.labels[j], [population.losses[j]])
    else held.push(population.losses[j])
  }
  const sorted = new Map([...byClass].map(([label, values]) => [label, Float64Array.from(values).sort()]))
  return losses.map((loss, i) => {
    const ascending = sorted.get(labels[i]) ?? new Float64Array()
    const own = self[i] >= 0 ? 1 : 0
    const size = ascending.length - own
    if (size === 0) return 0.5
    const below = countFirst(ascending, (value) => value < loss)
    const upTo = countFirst(ascending, (value) => value <= loss)
    // Equal losses count half; its own is one of them.
    return (ascending.length - upTo + (upTo - below - own) / 2) / size
  })
}
