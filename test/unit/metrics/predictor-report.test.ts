import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { areaUnderCurve, predictorReport, stratifiedFolds } from '#main/metrics/predictor-report.ts'

describe('predictorReport', () => {
  it('has AUC, Brier score and reliability by hand', () => {
    const report = predictorReport([0.05, 0.31, 0.38, 0.9, 1], [0, 0, 1, 1, 1])
    expect(report).toMatchObject({ count: 5, easyCount: 3, auc: 1 })
    expect(report.brier).toBeCloseTo((0.05 ** 2 + 0.31 ** 2 + 0.62 ** 2 + 0.1 ** 2 + 0) / 5, 12)
    expect(report.reliability.map((bin) => bin.count)).toEqual([1, 0, 0, 2, 0, 0, 0, 0, 0, 2])
    expect(report.reliability[3].predicted).toBeCloseTo(0.345, 12)
    expect(report.reliability[3].observed).toBe(0.5)
    expect(report.reliability[9].predicted).toBeCloseTo(0.95, 12)
    expect(report.reliability[1]).toEqual({ low: 0.1, high: 0.2, count: 0, predicted: null, observed: null })
  })

  it('has no AUC when the twin is all easy or all hard', () => {
    expect(predictorReport([0.5, 0.7], [1, 1]).auc).toBeNull()
    expect(predictorReport([0.5, 0.7], [0, 0]).auc).toBeNull()
  })

  it('counts equal probabilities half', () => {
    expect(areaUnderCurve([0.5, 0.8], [0.5, 0.2])).toBe(3.5 / 4)
  })
})

describe('stratifiedFolds', () => {
  it('spreads samples and each label evenly, whatever the labels', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(3), { minLength: 1, maxLength: 80 }),
        fc.integer({ min: 2, max: 7 }),
        fc.nat(),
        (labels, folds, seed) => {
          const fold = stratifiedFolds(labels, folds, seed)
          const sizes = (of: (label: number) => boolean) =>
            Array.from({ length: folds }, (_, k) => [...fold].filter((f, i) => f === k && of(labels[i])).length)
          for (const counts of [sizes(() => true), ...[0, 1, 2, 3].map((l) => sizes((label) => label === l))]) {
            expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
          }
        },
      ),
      { numRuns: 60, seed: 1 },
    )
  })

  it('is decided by the seed', () => {
    const labels = Array.from({ length: 40 }, (_, i) => i % 2)
    expect(stratifiedFolds(labels, 5, 1)).toEqual(stratifiedFolds(labels, 5, 1))
    expect(stratifiedFolds(labels, 5, 1)).not.toEqual(stratifiedFolds(labels, 5, 2))
  })
})
