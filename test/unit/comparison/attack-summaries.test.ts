import { describe, expect, it } from 'vitest'
import { attackSummaries } from '#main/workbench/comparison/attack-results.ts'
import type { AttackReport, AttackRow } from '#shared/domain/attack.ts'
import type { Metric, MetricTable } from '#shared/domain/metrics.ts'
import type { StageKey } from '#shared/ids.ts'

const metric = (value: number): Metric => ({ value, ci: null, n: 20 })

function rowOf(method: string, seed: number, figures: MetricTable, subsets: AttackReport['subsets']): AttackRow {
  return {
    key: `${method} ${seed}` as StageKey,
    attack: 'streisand',
    method,
    seed,
    state: 'succeeded',
    report: { attack: 'streisand', figures, subsets, roc: {}, layers: [], relearning: null, notes: [] },
    error: null,
    cost: null,
  }
}

const figures = { auc: metric(0.6), tprAtFpr01: metric(0.1), above: metric(0.05), aboveExcess: metric(0.02) }

describe('summaries of attacks', () => {
  it("hold the headline and Streisand's excess of each part, beside the golds' mean on the true parts", () => {
    const golds = [0.5, 0.6].map((value, i) =>
      rowOf('gold', 1001 + i, figures, {
        trueHard: { ...figures, auc: metric(value) },
        predictedHard: { ...figures, auc: metric(value) },
      }),
    )
    const ours = rowOf('tmu', 1, figures, {
      trueHard: { ...figures, auc: metric(0.4) },
      predictedHard: { ...figures, auc: metric(0.3) },
    })
    const [summary] = attackSummaries({ rows: [ours, ...golds], floors: { streisand: figures } })
    expect(summary?.figures).toEqual(figures)
    expect(summary?.subsets).toEqual({
      trueHard: {
        figures: { auc: metric(0.4), aboveExcess: metric(0.02) },
        floor: { auc: metric(0.55), aboveExcess: metric(0.02) },
      },
      predictedHard: { figures: { auc: metric(0.3), aboveExcess: metric(0.02) }, floor: {} },
    })
  })

  it('keep what a reader must know of the figures', () => {
    const row = rowOf('tmu', 1, figures, {})
    if (row.report === null) throw new Error('no report')
    const noted = { ...row, report: { ...row.report, notes: ['Of few models.'] } }
    const [summary, plain] = attackSummaries({ rows: [noted, row], floors: {} })
    expect(summary?.notes).toEqual(['Of few models.'])
    expect(plain).not.toHaveProperty('notes')
  })

  it('have no parts where no attack tells them', () => {
    const [whole, open] = attackSummaries({
      rows: [rowOf('tmu', 1, figures, {}), { ...rowOf('tmu', 2, {}, {}), state: 'planned', report: null }],
      floors: {},
    })
    expect(whole).not.toHaveProperty('subsets')
    expect(open).not.toHaveProperty('subsets')
  })
})
