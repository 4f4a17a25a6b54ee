import { describe, expect, it } from 'vitest'
import { pairedSeedCi, powerFactor, seedCi } from '#main/metrics/seed-ci.ts'
import { isPresent } from '#shared/domain/metrics.ts'

describe('seedCi', () => {
  it('is the t interval of the mean: 1, 2, 3, 4 with t = 3.182446', () => {
    const metric = seedCi([1, 2, 3, 4])
    if (!isPresent(metric) || metric.ci === null) throw new Error('no interval')
    expect(metric.value).toBe(2.5)
    expect(metric.n).toBe(4)
    const halfWidth = (3.182446305284263 * Math.sqrt(5 / 3)) / 2
    expect(metric.ci[0]).toBeCloseTo(2.5 - halfWidth, 9)
    expect(metric.ci[1]).toBeCloseTo(2.5 + halfWidth, 9)
  })

  it('has no interval from one seed, and is absent without any', () => {
    expect(seedCi([0.3])).toEqual({ value: 0.3, ci: null, n: 1 })
    expect(isPresent(seedCi([]))).toBe(false)
  })
})

describe('pairedSeedCi', () => {
  it('compares seed by seed, so that what seeds share cancels', () => {
    const ours = new Map([
      [7, 0.9],
      [1, 0.5],
      [4, 0.7],
    ])
    const theirs = new Map([
      [1, 0.4],
      [4, 0.6],
      [7, 0.8],
    ])
    const metric = pairedSeedCi(ours, theirs)
    if (!isPresent(metric) || metric.ci === null) throw new Error('no interval')
    expect(metric.value).toBeCloseTo(0.1, 12)
    expect(metric.ci[1] - metric.ci[0]).toBeLessThan(1e-12)
  })

  it('leaves out seeds that only one of them has', () => {
    const metric = pairedSeedCi(
      new Map([
        [1, 3],
        [2, 9],
      ]),
      new Map([
        [1, 1],
        [3, 0],
      ]),
    )
    expect(metric).toEqual({ value: 2, ci: null, n: 1 })
    expect(isPresent(pairedSeedCi(new Map([[1, 3]]), new Map([[2, 3]])))).toBe(false)
  })
})

describe('the factor from half an interval to the difference that is found with 80 % power', () => {
  it('comes from Student’s t with as many degrees as the interval has', () => {
    // For 2 degrees t(p) = (2p - 1) sqrt(2 / (1 - (2p - 1)^2)): 4.302653 at .975 and .6 sqrt(2 / .64) at .8.
    const t975 = 0.95 * Math.sqrt(2 / (1 - 0.95 ** 2))
    const t80 = 0.6 * Math.sqrt(2 / 0.64)
    expect(powerFactor(2)).toBeCloseTo((t975 + t80) / t975, 9)
    // For 1 degree (Cauchy) t(p) = tan(pi (p - .5)).
    expect(powerFactor(1)).toBeCloseTo(1 + Math.tan(0.3 * Math.PI) / Math.tan(0.475 * Math.PI), 9)
  })

  it('nears the normal one, (1.96 + 0.84) / 1.96, with many degrees and is that where there are none', () => {
    expect(powerFactor(null)).toBeCloseTo((1.959964 + 0.841621) / 1.959964, 6)
    expect(powerFactor(2000)).toBeCloseTo(powerFactor(null), 3)
    expect(powerFactor(30)).toBeLessThan(powerFactor(2000))
  })
})
