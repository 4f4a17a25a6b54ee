/** Quantile of ascending values, interpolated linearly between order statistics (type 7 of Hyndman and Fan 1996). */
export function quantileOfSorted(sorted: Float64Array, share: number): number {
  const position = (sorted.length - 1) * share
  const below = Math.floor(position)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below] + (position - below) * (sorted[above] - sorted[below])
}

/**
 * The same quantile of a multiset: `descending[k]` occurs `counts[k]` times, `total` values in all. Walks from the
 * top, since the shares asked for are near 1.
 */
export function quantileFromTop(descending: Float64Array, counts: Float64Array, total: number, share: number): number {
  const position = (total - 1) * share
  const below = Math.floor(position)
  const above = Math.min(below + 1, total - 1)
  let k = 0
  let passed = counts[0]
  while (passed <= total - 1 - above) passed += counts[++k]
  const high = descending[k]
  while (passed <= total - 1 - below) passed += counts[++k]
  const low = descending[k]
  return low + (position - below) * (high - low)
}
