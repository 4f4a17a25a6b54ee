import { describe, expect, it } from 'vitest'
import type { MetricTable } from '#shared/domain/metrics.ts'
import type { Run } from '#shared/domain/study.ts'
import type { RunId, StudyId } from '#shared/ids.ts'
import { figureOf, floorOf, hasFigure, meanCost, methodRows } from '../../../src-renderer/lib/method-rows.ts'

const run = (method: string, seed: number, metrics: MetricTable | null, more: Partial<Run> = {}): Run => ({
  id: `${method}-${seed}` as RunId,
  studyId: 's' as StudyId,
  studyName: 's',
  method,
  seed,
  state: metrics === null ? 'queued' : 'succeeded',
  metrics,
  cost: null,
  error: null,
  outcomePath: null,
  createdAt: '',
  finishedAt: null,
  ...more,
})
const gap = (value: number, ci: readonly [number, number] | null = [value - 0.02, value + 0.02]): MetricTable => ({
  gap: { value, ci, n: 300 },
})

describe('rows of the table', () => {
  it('groups runs by method in the order of the catalogue, seeds ascending', () => {
    const order = new Map([
      ['gold', 0],
      ['tmu', 1],
    ])
    const rows = methodRows(
      [run('tmu', 2, null), run('other', 1, null), run('tmu', 1, null), run('gold', 9, null)],
      (method) => order.get(method) ?? 9,
    )
    expect(rows.map((row) => [row.method, row.runs.map(({ seed }) => seed)])).toEqual([
      ['gold', [9]],
      ['tmu', [1, 2]],
      ['other', [1]],
    ])
  })

  it('shows a single seed with its interval over images', () => {
    expect(figureOf([run('tmu', 1, gap(0.05))], 'gap')).toMatchObject({
      value: 0.05,
      ci: [0.05 - 0.02, 0.05 + 0.02],
      over: 'images',
      n: 300,
    })
  })

  it('shows several seeds as their mean with an interval over seeds, whatever the images say', () => {
    const figure = figureOf([run('tmu', 1, gap(0.01)), run('tmu', 2, gap(0.02)), run('tmu', 3, gap(0.03))], 'gap')
    if (!hasFigure(figure)) throw new Error('The figure is missing.')
    expect(figure.value).toBeCloseTo(0.02, 12)
    expect(figure.over).toBe('seeds')
    expect(figure.n).toBe(3)
    expect(figure.ci?.[1]).toBeCloseTo(0.02 + (4.3027 * 0.01) / Math.sqrt(3), 5)
    expect(figure.seeds.map(({ seed }) => seed)).toEqual([1, 2, 3])
  })

  it('counts only the seeds that were measured', () => {
    expect(figureOf([run('tmu', 1, gap(0.01)), run('tmu', 2, null)], 'gap')).toMatchObject({
      over: 'images',
      value: 0.01,
    })
  })

  it('gives golds no interval over seeds, since each is measured against the others', () => {
    expect(figureOf([run('gold', 1, gap(0.03)), run('gold', 2, gap(0.01))], 'gap')).toMatchObject({
      value: 0.02,
      ci: null,
    })
  })

  it('says why a figure is absent', () => {
    const absent = { cka: { absent: 'The outcome has no features.' } }
    expect(figureOf([run('tmu', 1, absent)], 'cka')).toEqual({ absent: 'The outcome has no features.' })
    const failed = run('tmu', 1, null, {
      state: 'failed',
      error: { code: 'diverged', message: 'The loss became infinite.' },
    })
    expect(figureOf([failed], 'gap')).toEqual({ absent: 'The loss became infinite.' })
  })

  it('takes the floor and its upper bound from the runs that carry it', () => {
    const floor = (value: number): MetricTable => ({ gapFloor: { value, ci: [0, value * 2], n: 300 } })
    expect(floorOf([run('tmu', 1, floor(0.02)), run('tmu', 2, floor(0.04)), run('tmu', 3, null)], 'gapFloor')).toEqual({
      value: 0.03,
      high: 0.06,
    })
    expect(floorOf([run('tmu', 1, { gapFloor: { absent: 'One gold.' } })], 'gapFloor')).toBeNull()
  })

  it('averages cost over the runs that have one', () => {
    const cost = (seconds: number) => ({ seconds, visitsForward: seconds * 2, visitsBackward: seconds * 3 })
    expect(
      meanCost([run('tmu', 1, null, { cost: cost(1) }), run('tmu', 2, null, { cost: cost(3) }), run('tmu', 3, null)]),
    ).toEqual(cost(2))
    expect(meanCost([run('tmu', 1, null)])).toBeNull()
  })
})
