import { describe, expect, it } from 'vitest'
import type { StudyStatistics } from '#shared/domain/statistics.ts'
import type { StudyId } from '#shared/ids.ts'
import { seriesCurves, sweepCurves } from '../../../src-renderer/lib/sweep-curves.ts'

const means: Readonly<Record<string, number>> = {
  tmu: 0.1,
  'tmu[neighbours=10]': 0.2,
  'tmu[neighbours=2]': 0.3,
  'tmu[features=cf]': 0.4,
  'tmu[features=cf,neighbours=2]': 0.5,
  rewind: 0.6,
}
const statistics: StudyStatistics = {
  reference: 'tmu',
  methods: Object.keys(means),
  seeds: 1,
  golds: 2,
  forgetCount: 300,
  metrics: [
    {
      metric: 'absGap',
      direction: 'lower',
      floor: null,
      gold: null,
      figures: Object.entries(means).map(([method, value]) => ({
        method,
        figure: { value, ci: null, n: 300 },
        perSeed: [],
        intervalOver: 'images',
      })),
      differences: [],
      detectable: null,
    },
  ],
  pareto: [],
  predictors: { tmu: 0.8, 'tmu[neighbours=2]': 0.7 },
  notes: [],
}
const base = (_method: string, key: string) => ({ neighbours: 5, features: 'df+af+cf' })[key]

describe('curves of a sweep', () => {
  it('have the method itself among its variants, in the order of the values', () => {
    const [neighbours, features] = sweepCurves(statistics, 'absGap', base)
    expect(neighbours).toMatchObject({ key: 'tmu.neighbours', numeric: true })
    expect(neighbours?.points.map(({ value, mean, auc }) => [value, mean, auc])).toEqual([
      ['2', 0.3, 0.7],
      ['5', 0.1, 0.8],
      ['10', 0.2, null],
    ])
    expect(features).toMatchObject({ key: 'tmu.features', numeric: false })
    expect(features?.points.map(({ value }) => value)).toEqual(['df+af+cf', 'cf'])
  })

  it('are none for a grid alone, another metric, or a study without a sweep', () => {
    expect(sweepCurves(statistics, 'gap', base)).toEqual([])
    expect(sweepCurves({ ...statistics, methods: ['tmu', 'tmu[features=cf,neighbours=2]'] }, 'absGap', base)).toEqual(
      [],
    )
  })
})

describe('curves of a series', () => {
  it('have a method\u2019s figure and its predictor by the size of F, where it was measured twice', () => {
    const without = { ...statistics, methods: ['tmu', 'rewind'], metrics: [], predictors: {} }
    const study = (forgetCount: number, found: StudyStatistics) =>
      ({ study: 's' as StudyId, name: `s-${forgetCount}`, state: 'succeeded', forgetCount, statistics: found }) as const
    const studies = [study(50, statistics), study(100, without), study(300, { ...statistics, predictors: {} })]
    const curves = seriesCurves({ name: 's', studies }, 'absGap')
    expect(curves.find(({ key }) => key === 'tmu')).toEqual({
      key: 'tmu',
      numeric: true,
      points: [
        { method: 'tmu', value: '50', mean: 0.1, ci: null, auc: 0.8 },
        { method: 'tmu', value: '300', mean: 0.1, ci: null, auc: null },
      ],
    })
    expect(seriesCurves({ name: 's', studies: studies.slice(0, 2) }, 'absGap')).toEqual([])
  })
})
