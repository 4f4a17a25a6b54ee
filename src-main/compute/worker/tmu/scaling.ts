/**
 * Brings a feature to [0, 1] (SCIENCE section 1, step 5): clipped to Tukey's fences
 * [Q1 - 1.5 IQR, Q3 + 1.5 IQR], then min-max. A sample without the feature (NaN) takes the set's median, which
 * says nothing about it.
 */
import { quantileOfSorted } from '#main/metrics/quantile.ts'

export interface FeatureBounds {
  /** Least and largest value after clipping; equal where the feature tells no samples apart. */
  readonly min: number
  readonly max: number
  /** Stands in where the feature is absent, in the feature's own unit. */
  readonly median: number
}

/** How far beyond the quartiles a value counts, in interquartile ranges. */
const fence = 1.5

/** Bounds of one feature over a set; NaN is an absent value. */
export function boundsOf(values: ArrayLike<number>): FeatureBounds {
  const sorted = Float64Array.from(values)
    .filter((value) => !Number.isNaN(value))
    .sort()
  if (sorted.length === 0) return { min: 0, max: 0, median: 0 }
  const lower = quantileOfSorted(sorted, 0.25)
  const upper = quantileOfSorted(sorted, 0.75)
  const reach = fence * (upper - lower)
  return {
    min: Math.max(sorted[0], lower - reach),
    max: Math.min(sorted[sorted.length - 1], upper + reach),
    median: quantileOfSorted(sorted, 0.5),
  }
}

/** In [0, 1]; 0 where all values of the bounds' set are equal. */
export function scaled(value: number, bounds: FeatureBounds): number {
  const { min, max, median } = bounds
  if (!(max > min)) return 0
  const known = Number.isNaN(value) ? median : value
  return (Math.min(Math.max(known, min), max) - min) / (max - min)
}
