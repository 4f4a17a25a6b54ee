export interface Histogram {
  readonly low: number
  readonly high: number
  /** Per bin. */
  readonly all: Int32Array
  readonly selected: Int32Array
  /** Samples without a value. */
  readonly missing: number
}

/** Counts of the matching samples' values in equal bins; null where none has a value. */
export function histogramOf(
  values: ArrayLike<number>,
  matching: Uint8Array,
  selected: Uint8Array,
  bins: number,
): Histogram | null {
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  let missing = 0
  for (let id = 0; id < matching.length; id++) {
    if (matching[id] === 0) continue
    const value = values[id]
    if (Number.isNaN(value)) {
      missing++
      continue
    }
    if (value < low) low = value
    if (value > high) high = value
  }
  if (low > high) return null
  const all = new Int32Array(bins)
  const chosen = new Int32Array(bins)
  const scale = high > low ? bins / (high - low) : 0
  for (let id = 0; id < matching.length; id++) {
    if (matching[id] === 0 || Number.isNaN(values[id])) continue
    const bin = Math.min(bins - 1, Math.floor((values[id] - low) * scale))
    all[bin]++
    chosen[bin] += selected[id]
  }
  return { low, high, all, selected: chosen, missing }
}

/** Matching samples whose value lies in a range, ends included. */
export function samplesInRange(values: ArrayLike<number>, matching: Uint8Array, low: number, high: number): Int32Array {
  const found: number[] = []
  for (let id = 0; id < matching.length; id++) {
    if (matching[id] === 1 && values[id] >= low && values[id] <= high) found.push(id)
  }
  return Int32Array.from(found)
}
