/** Isotonic regression by pooling adjacent violators (Ayer et al. 1955): the nearest non-decreasing map to 0/1 outcomes. */

/** A step function: the value of the last knot at or below x; below the first knot, the first value. */
export interface IsotonicMap {
  /** Ascending. */
  readonly knots: readonly number[]
  /** Non-decreasing, in [0, 1]. */
  readonly values: readonly number[]
}

/** `outcomes`: 0 or 1. Equal scores get one value. */
export function fitIsotonic(scores: ArrayLike<number>, outcomes: ArrayLike<number>): IsotonicMap {
  const order = Int32Array.from(scores, (_, i) => i).sort((a, b) => scores[a] - scores[b] || a - b)
  const blocks: { knot: number; sum: number; count: number }[] = []
  for (const i of order) {
    const last = blocks.at(-1)
    if (last !== undefined && last.knot === scores[i]) {
      last.sum += outcomes[i]
      last.count++
    } else blocks.push({ knot: scores[i], sum: outcomes[i], count: 1 })
  }
  const pooled: { knot: number; sum: number; count: number }[] = []
  for (const block of blocks) {
    let current = block
    for (let last = pooled.at(-1); last !== undefined && last.sum * current.count >= current.sum * last.count; ) {
      pooled.pop()
      current = { knot: last.knot, sum: last.sum + current.sum, count: last.count + current.count }
      last = pooled.at(-1)
    }
    pooled.push(current)
  }
  return { knots: pooled.map(({ knot }) => knot), values: pooled.map(({ sum, count }) => sum / count) }
}

export function applyIsotonic({ knots, values }: IsotonicMap, score: number): number {
  let low = 0
  let high = knots.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (knots[middle] <= score) low = middle
    else high = middle - 1
  }
  return values[low]
}
