import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { evaluate } from '#main/metrics/evaluate.ts'
import type { OutcomeArray } from '#main/metrics/parse-outcome.ts'
import { predictorReport } from '#main/metrics/predictor-report.ts'
import { studentQuantile } from '#main/metrics/seed-ci.ts'
import { isPresent } from '#shared/domain/metrics.ts'
import { integers, matrix, outcomeOf } from './build-outcome.ts'

/** Made by make-golden.py beside it with NumPy, SciPy and scikit-learn. */
interface Golden {
  readonly cases: readonly {
    readonly name: string
    readonly labels: Readonly<Record<string, readonly number[]>>
    readonly logits: Readonly<Record<string, Readonly<Record<string, readonly (readonly number[])[]>>>>
    readonly features: Readonly<Record<string, readonly (readonly number[])[]>>
    readonly expected: Readonly<Record<string, { value: number; perModel: Record<string, number> } | null>>
  }[]
  readonly predictor: { easy: number[]; probability: number[]; auc: number; brier: number }
  readonly student: readonly { level: number; freedom: number; t: number }[]
}

const golden: Golden = JSON.parse(readFileSync(new URL('../../fixtures/metrics/golden.json', import.meta.url), 'utf8'))

describe.each(golden.cases)(
  'against NumPy, SciPy and scikit-learn: $name',
  ({ labels, logits, features, expected }) => {
    const arrays: Record<string, OutcomeArray> = {}
    for (const [set, values] of Object.entries(labels)) arrays[`labels/${set}`] = integers(values)
    for (const [model, sets] of Object.entries(logits)) {
      for (const [set, rows] of Object.entries(sets)) arrays[`${model}/${set}/logits`] = matrix(rows)
    }
    for (const [model, rows] of Object.entries(features)) arrays[`${model}/evaluation/features`] = matrix(rows)
    const evaluated = evaluate(outcomeOf(arrays), { seed: 1, draws: 20 })

    it('has exactly the metrics of the table', async () => {
      const { metrics } = await evaluated
      expect(Object.keys(metrics).sort()).toEqual(Object.keys(expected).sort())
    })

    it.each(Object.entries(expected))('%s', async (name, figure) => {
      const metric = (await evaluated).metrics[name]
      if (figure === null) {
        expect(isPresent(metric)).toBe(false)
        return
      }
      if (!isPresent(metric)) throw new Error(`${name} is absent: ${metric.absent}`)
      expect(metric.value).toBeCloseTo(figure.value, 9)
      const parts = Object.entries(figure.perModel)
      if (parts.length === 1) expect(metric.perModel).toBeUndefined()
      else {
        expect(Object.keys(metric.perModel ?? {}).sort()).toEqual(Object.keys(figure.perModel).sort())
        for (const [key, value] of parts) expect(metric.perModel?.[key]).toBeCloseTo(value, 9)
      }
    })
  },
)

describe('against scikit-learn', () => {
  it('the predictor has the same AUC and Brier score', () => {
    const report = predictorReport(golden.predictor.probability, golden.predictor.easy)
    expect(report.auc).toBeCloseTo(golden.predictor.auc, 12)
    expect(report.brier).toBeCloseTo(golden.predictor.brier, 12)
  })
})

describe("against SciPy's Student t", () => {
  it.each(golden.student)('$level within, $freedom degrees', ({ level, freedom, t }) => {
    expect(Math.abs(studentQuantile(level, freedom) / t - 1)).toBeLessThan(1e-9)
  })
})
