import { describe, expect, it } from 'vitest'
import { studentQuantile975, summariseSeeds } from '../../../src-renderer/lib/statistics.ts'

describe('the interval over seeds', () => {
  // Student's t, two-sided 95 %, as printed in statistical tables.
  it.each([
    [1, 12.706],
    [2, 4.303],
    [4, 2.776],
    [9, 2.262],
    [29, 2.045],
    [120, 1.98],
  ])('knows the quantile for %i degrees of freedom', (df, expected) => {
    expect(studentQuantile975(df)).toBeCloseTo(expected, 3)
  })

  it('is mean plus and minus t times standard error', () => {
    // 1, 2, 3: mean 2, standard deviation 1, standard error 1/sqrt(3), t = 4.303.
    const summary = summariseSeeds([1, 2, 3])
    expect(summary?.mean).toBe(2)
    expect(summary?.n).toBe(3)
    expect(summary?.ci?.[0]).toBeCloseTo(2 - 4.3027 / Math.sqrt(3), 3)
    expect(summary?.ci?.[1]).toBeCloseTo(2 + 4.3027 / Math.sqrt(3), 3)
  })

  it('is absent for a single seed, and nothing is said of none', () => {
    expect(summariseSeeds([0.4])).toEqual({ mean: 0.4, ci: null, n: 1 })
    expect(summariseSeeds([])).toBeNull()
  })
})
