import { describe, expect, it } from 'vitest'
import { holm, pairedDifference, paretoFront, type SeedScore } from '#main/metrics/compare.ts'
import { studentPValue } from '#main/metrics/seed-ci.ts'
import { isPresent } from '#shared/domain/metrics.ts'

const scores = (...values: readonly (readonly [seed: number, value: number, draws?: readonly number[]])[]) =>
  new Map(values.map(([seed, value, draws]): [number, SeedScore] => [seed, { value, draws: draws ?? null }]))

describe('studentPValue', () => {
  it('agrees with the tables: 12.706 with 1, 2.776 with 4 and 2.228 with 10 degrees leave 5 %', () => {
    expect(studentPValue(12.7062047, 1)).toBeCloseTo(0.05, 7)
    expect(studentPValue(-2.7764451, 4)).toBeCloseTo(0.05, 7)
    expect(studentPValue(2.2281389, 10)).toBeCloseTo(0.05, 7)
    expect(studentPValue(0, 3)).toBe(1)
  })

  it('is 1 - 2 atan(t) / pi for one degree (Cauchy)', () => {
    expect(studentPValue(1, 1)).toBeCloseTo(0.5, 12)
    expect(studentPValue(Math.sqrt(3), 1)).toBeCloseTo(1 / 3, 12)
  })
})

describe('a paired difference', () => {
  it('of 1, 2, 3 has t = 2 / (1 / sqrt 3) with 2 degrees', () => {
    const found = pairedDifference(scores([1, 2], [2, 4], [3, 6]), scores([3, 3], [2, 2], [1, 1]))
    if (!isPresent(found.difference) || found.seedsCi === null) throw new Error('no interval')
    expect(found.difference.value).toBe(2)
    // P(|T| >= t) with 2 degrees is 1 - t / sqrt(2 + t^2); t = 2 sqrt 3.
    expect(found.p).toBeCloseTo(1 - Math.sqrt(12) / Math.sqrt(14), 12)
    expect(found.seedsCi[0]).toBeCloseTo(2 - 4.302652729911275 / Math.sqrt(3), 9)
    expect(found.imagesCi).toBeNull()
  })

  it('of one seed has the bootstrap interval of draw-by-draw differences', () => {
    const ours = Array.from({ length: 101 }, (_, b) => 0.5 + b / 100)
    const theirs = ours.map(() => 0.25)
    const found = pairedDifference(scores([1, 1, ours]), scores([1, 0.25, theirs]))
    expect(found.seedsCi).toBeNull()
    // Differences run from 0.25 to 1.25 in hundredths.
    expect(found.imagesCi?.[0]).toBeCloseTo(0.275, 12)
    expect(found.imagesCi?.[1]).toBeCloseTo(1.225, 12)
    expect(found.p).toBeCloseTo(2 / 102, 12)
  })

  it('averages draws over seeds, draw by draw, so that noise that two seeds share with opposite signs cancels', () => {
    const up = [-1, 0, 1, 2]
    const down = [1, 0, -1, -2]
    const zero = [0, 0, 0, 0]
    const found = pairedDifference(scores([1, 0, up], [2, 0, down]), scores([1, 0, zero], [2, 0, zero]))
    expect(found.imagesCi).toEqual([0, 0])
  })

  it('to itself is 0 with certainty 0', () => {
    const same = scores([1, 0.4, [0.3, 0.4, 0.5]], [2, 0.6, [0.5, 0.6, 0.7]])
    const found = pairedDifference(same, same)
    expect(found).toMatchObject({ difference: { value: 0 }, imagesCi: [0, 0], seedsCi: [0, 0], p: 1 })
  })

  it('that is exactly the same at every seed has the p of the images, and none without them', () => {
    const draws = Array.from({ length: 99 }, (_, b) => 0.5 + b / 1000)
    const zero = draws.map(() => 0)
    const steady = pairedDifference(scores([1, 1, draws], [2, 1, draws]), scores([1, 0, zero], [2, 0, zero]))
    expect(steady.p).toBeCloseTo(2 / 100, 12)
    expect(pairedDifference(scores([1, 1], [2, 1]), scores([1, 0], [2, 0])).p).toBeNull()
  })

  it('is absent where the two have no seed in common', () => {
    const found = pairedDifference(scores([1, 0.4]), scores([2, 0.4]))
    expect(isPresent(found.difference)).toBe(false)
    expect(found.p).toBeNull()
  })
})

describe("Holm's correction", () => {
  it('multiplies the smallest by m, the next by m - 1, and never falls', () => {
    expect(holm([0.01, 0.04, 0.03, 0.005])).toEqual([0.03, 0.06, 0.06, 0.02])
  })

  it('stops at 1 and leaves out what was not tested', () => {
    expect(holm([0.6, null, 0.7])).toEqual([1, null, 1])
    expect(holm([0.02, null])).toEqual([0.02, null])
    expect(holm([])).toEqual([])
  })
})

describe('the Pareto front', () => {
  it('keeps what nothing beats in both', () => {
    const points = [
      [1, 5],
      [2, 2],
      [3, 3],
      [5, 1],
      [2, 6],
    ] as const
    expect(paretoFront(points)).toEqual([true, true, false, true, false])
  })

  it('keeps equal points and drops one that is equal in one and worse in the other', () => {
    expect(
      paretoFront([
        [1, 1],
        [1, 1],
        [1, 2],
      ]),
    ).toEqual([true, true, false])
  })
})
