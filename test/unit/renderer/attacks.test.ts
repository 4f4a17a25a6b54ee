import { describe, expect, it } from 'vitest'
import { type AttackReport, type AttackRow, attackIds } from '#shared/domain/attack.ts'
import type { Metric } from '#shared/domain/metrics.ts'
import type { StageKey } from '#shared/ids.ts'
import { ckaData, rocOption, viridis } from '../../../src-renderer/charts/attack-charts.ts'
import { cellOf, figureMessage, headlines, meanOf, rowFor } from '../../../src-renderer/lib/attacks.ts'
import { en } from '../../../src-renderer/messages/en.ts'
import { tokens } from '../../../src-renderer/theme/tokens.ts'

const figure = (value: number): Metric => ({ value, ci: [value - 0.1, value + 0.1], n: 50 })
const report = (metric: Metric): AttackReport => ({
  attack: 'rmia',
  figures: { auc: metric },
  subsets: {},
  roc: {},
  layers: [],
  relearning: null,
  notes: [],
})
const row = (method: string, seed: number | null, metric: Metric | null): AttackRow => ({
  key: `${method} ${seed}` as StageKey,
  attack: 'rmia',
  method,
  seed,
  state: metric === null ? 'failed' : 'succeeded',
  report: metric === null ? null : report(metric),
  error: metric === null ? 'It broke.' : null,
  cost: null,
})

describe('a cell of the attack table', () => {
  it('has one seed with its interval, and several as their mean without one', () => {
    expect(cellOf({ rows: [row('tmu', 1, figure(0.6))] }, 'rmia', 'tmu').figure).toEqual(figure(0.6))
    const several = cellOf({ rows: [row('tmu', 1, figure(0.6)), row('tmu', 2, figure(0.8))] }, 'rmia', 'tmu')
    expect(several).toMatchObject({ figure: { value: 0.7, ci: null }, seeds: 2 })
  })

  it('says what failed instead of a mean of the rest', () => {
    const cell = cellOf({ rows: [row('tmu', 1, figure(0.6)), row('tmu', 2, null)] }, 'rmia', 'tmu')
    expect(cell).toMatchObject({ figure: null, state: 'failed', error: 'It broke.' })
  })

  it('is absent where any seed is', () => {
    expect(meanOf([figure(0.5), { absent: 'No gold.' }])).toEqual({ absent: 'No gold.' })
  })

  it('finds the row of a seed, or that of the method', () => {
    const results = { study: '', plan: null, floors: {}, cost: { seconds: 0, visitsForward: 0, visitsBackward: 0 } }
    const rows = [row('tmu', null, figure(0.6))]
    expect(rowFor({ ...results, rows }, 'rmia', 'tmu', 3)).toBe(rows[0])
    expect(rowFor({ ...results, rows }, 'lira', 'tmu', 3)).toBeNull()
  })

  it('has a name for the headline of every attack', () => {
    for (const id of attackIds) {
      const key = figureMessage(headlines[id])?.split('.').at(-1) ?? ''
      expect(en.attacks.figure).toHaveProperty(key)
    }
  })
})

describe('the charts of attacks', () => {
  const words = { model: '', fpr: '', tpr: '', chance: '', description: '' }

  it('begin the logarithmic axes at the least rate that n can show', () => {
    const points = [
      { fpr: 0, tpr: 0.1 },
      { fpr: 1 / 285, tpr: 0.2 },
      { fpr: 1, tpr: 1 },
    ]
    const option = rocOption([{ name: 'a', role: 'gold', points }], words, tokens.light)
    expect(option.xAxis).toMatchObject({ type: 'log', min: 0.001, max: 1 })
    const series = option.series as { data: readonly (readonly number[])[] }[]
    expect(series[1]?.data[0]).toEqual([0.001, 0.1])
  })

  it('run from dark to light, as viridis does', () => {
    expect(viridis(0)).toEqual([68, 1, 84])
    expect(viridis(1)).toEqual([253, 231, 37])
    expect(viridis(0.5)).toEqual([33, 145, 140])
  })

  it('leave a layer without a figure empty in the table', () => {
    const layers = [{ layer: 'conv1', set: 'forget' as const, value: { absent: 'Too few.' } }]
    const { rows } = ckaData([{ method: 'tmu', layers }], {
      method: '',
      layer: '',
      cka: '',
      low: '',
      high: '',
      description: '',
      title: (id) => id,
    })
    expect(rows).toEqual([['tmu', 'conv1', null, null, null]])
  })
})
