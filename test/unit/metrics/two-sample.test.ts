import { describe, expect, it } from 'vitest'
import { twoSampleTest } from '#main/metrics/two-sample.ts'
import { AppError } from '#shared/errors.ts'
import { Random } from '#shared/random.ts'

const options = { folds: 5, ridge: 0.01, seed: 1 }
/** Normal rows, the first column moved by `shift`. */
function rows(count: number, width: number, shift: number, seed: number) {
  const random = Random.of(seed, 'rows')
  const data = Float64Array.from({ length: count * width }, (_, i) => random.normal() + (i % width === 0 ? shift : 0))
  return { data, count }
}

describe('a classifier two-sample test', () => {
  it('tells two sets apart that differ, about as often as the best classifier could', () => {
    const found = twoSampleTest(rows(200, 5, 0, 1), rows(200, 5, 2, 2), 5, options)
    // Best possible: Phi(1) = 0.841, AUC Phi(sqrt 2) = 0.921.
    expect(found.n).toBe(200)
    expect(Math.abs(found.accuracy - 0.841)).toBeLessThan(0.04)
    expect(Math.abs(found.auc - 0.921)).toBeLessThan(0.03)
    expect(found.p).toBeLessThan(1e-6)
  })

  it('finds nothing in two draws of one distribution, in about 95 of 100 tries', () => {
    let alarms = 0
    for (let seed = 0; seed < 60; seed++) {
      if (twoSampleTest(rows(60, 3, 0, 100 + seed), rows(60, 3, 0, 900 + seed), 3, options).p < 0.05) alarms++
    }
    expect(alarms).toBeLessThanOrEqual(9)
  })

  it('takes as many of the larger set as the smaller one has, and no constant column in the way', () => {
    const narrow = rows(300, 2, 0, 3)
    const constant = { count: 40, data: Float64Array.from({ length: 80 }, (_, i) => (i % 2 === 0 ? 5 : i)) }
    expect(twoSampleTest(narrow, constant, 2, options).n).toBe(40)
  })

  it('refuses sets that are too small to decide anything', () => {
    expect(() => twoSampleTest(rows(19, 2, 0, 1), rows(100, 2, 0, 2), 2, options)).toThrow(AppError)
  })
})
