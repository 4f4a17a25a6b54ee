import { describe, expect, it } from 'vitest'
import { boundsOf, scaled } from '#main/compute/worker/tmu/scaling.ts'

describe('feature scaling', () => {
  it('clips to 1.5 interquartile ranges beyond the quartiles before it takes least and largest', () => {
    // Sorted 0 1 2 3 100: Q1 = 1, Q3 = 3, fences -2 and 6, so that 100 counts as 6.
    const bounds = boundsOf([3, 100, 0, 2, 1])
    expect(bounds).toEqual({ min: 0, max: 6, median: 2 })
    expect([0, 3, 6, 100, -5].map((value) => scaled(value, bounds))).toEqual([0, 0.5, 1, 1, 0])
  })

  it('interpolates quartiles between neighbours', () => {
    // Sorted 0 0 0 1 (n = 4): Q1 = 0, Q3 = 0.25, upper fence 0.25 + 1.5 * 0.25 = 0.625.
    expect(boundsOf([0, 0, 0, 1])).toEqual({ min: 0, max: 0.625, median: 0 })
  })

  it('gives 0 where all values are equal', () => {
    expect(scaled(7, boundsOf([7, 7, 7]))).toBe(0)
    expect(scaled(9, boundsOf([7, 7, 7]))).toBe(0)
  })

  it('places a sample without the feature at the median of those that have it', () => {
    const bounds = boundsOf([0, Number.NaN, 1, 4])
    expect(bounds.median).toBe(1)
    expect(scaled(Number.NaN, bounds)).toBe(0.25)
  })

  it('says nothing of a feature that no sample has', () => {
    expect(scaled(Number.NaN, boundsOf([Number.NaN]))).toBe(0)
  })
})
