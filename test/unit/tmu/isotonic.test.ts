import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyIsotonic, fitIsotonic } from '#main/compute/worker/tmu/isotonic.ts'

describe('isotonic calibration', () => {
  it('pools adjacent violators: 0 1 | 0 1 1 becomes 0, 1/2, 1/2, 1, 1', () => {
    const map = fitIsotonic([0.1, 0.2, 0.3, 0.4, 0.5], [0, 1, 0, 1, 1])
    expect([0.1, 0.2, 0.3, 0.4, 0.5].map((x) => applyIsotonic(map, x))).toEqual([0, 0.5, 0.5, 1, 1])
  })

  it('gives equal scores one value, and holds the ends outside of what it saw', () => {
    const map = fitIsotonic([0.5, 0.5, 0.9], [0, 1, 1])
    expect(applyIsotonic(map, 0.5)).toBe(0.5)
    expect(applyIsotonic(map, 0)).toBe(0.5)
    expect(applyIsotonic(map, 0.7)).toBe(0.5)
    expect(applyIsotonic(map, 2)).toBe(1)
  })

  it('turned around entirely becomes the mean', () => {
    const map = fitIsotonic([1, 2, 3, 4], [1, 1, 0, 0])
    expect(map.values).toEqual([0.5])
  })

  it('never falls, keeps the mean outcome, and leaves a sorted sample alone', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 1 })), { minLength: 1 }),
        (points) => {
          const scores = points.map(([score]) => score)
          const outcomes = points.map(([, outcome]) => outcome)
          const map = fitIsotonic(scores, outcomes)
          const fitted = scores.map((score) => applyIsotonic(map, score))
          const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
          expect(map.values).toEqual(map.values.toSorted((a, b) => a - b))
          expect(sum(fitted)).toBeCloseTo(sum(outcomes), 9)
          const sorted = outcomes.toSorted((a, b) => a - b)
          const alone = fitIsotonic(
            sorted.map((_, i) => i),
            sorted,
          )
          expect(sorted.map((_, i) => applyIsotonic(alone, i))).toEqual(sorted)
        },
      ),
      { seed: 1, numRuns: 200 },
    )
  })
})
