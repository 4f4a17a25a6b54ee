import { describe, expect, it } from 'vitest'
import { writeArrays } from '#main/compute/worker/array-objects.ts'
import { type EvaluatedRun, studyStatistics } from '#main/workbench/comparison/statistics.ts'
import type { Evaluation, Metric, MetricTable } from '#shared/domain/metrics.ts'
import { isPresent } from '#shared/domain/metrics.ts'
import { usualMetrics } from '#shared/domain/statistics.ts'
import type { CostLedger } from '#shared/domain/study.ts'
import { AppError } from '#shared/errors.ts'
import { MemoryObjects } from '#test/support/fixture/draws.ts'

const objects = new MemoryObjects()

/** Bootstrap draws for each run's figures, the same noise for all: images leave no doubt about a difference. */
async function drawn(runs: readonly EvaluatedRun[]): Promise<readonly EvaluatedRun[]> {
  return await Promise.all(
    runs.map(async (run) => {
      const arrays = Object.entries(run.evaluation.metrics).flatMap(([name, metric]) => {
        if (!isPresent(metric)) return []
        const data = Float64Array.from([-0.01, 0, 0.01], (noise) => metric.value + noise)
        return [[name, { shape: [3], data }] as const]
      })
      return { ...run, draws: await writeArrays(objects, Object.fromEntries(arrays)) }
    }),
  )
}
const cost = (visitsBackward: number) => ({ seconds: 0, visitsForward: 0, visitsBackward })
const ledger = (perRequest: Readonly<Record<string, number>>): CostLedger => ({
  total: { stages: 0, ...cost(0) },
  perDataset: cost(0),
  perClass: cost(0),
  reused: {
    perDataset: { stages: 0, ...cost(0) },
    perClass: { stages: 0, ...cost(0) },
    golds: { stages: 0, ...cost(0) },
  },
  perRequest: Object.fromEntries(Object.entries(perRequest).map(([method, visits]) => [method, cost(visits)])),
  gold: null,
  breakEven: {},
})
/** A run judged by two golds: `absGap` is the mean of the two. */
function run(method: string, seed: number, absGap: readonly [number, number], loss = 0, goldCount = 2): EvaluatedRun {
  const metrics: MetricTable = {
    absGap: {
      value: (absGap[0] + absGap[1]) / 2,
      ci: [0, 1],
      n: 50,
      perModel: { 'unlearned/gold0': absGap[0], 'unlearned/gold1': absGap[1] },
    },
  }
  const evaluation: Evaluation = {
    metrics,
    paired: null,
    differences: {
      retain: { absent: 'x' },
      evaluation: { value: -loss, ci: null, n: 50 },
      original: { absent: 'x' },
    },
    evidence: {
      forgetCount: 50,
      goldCount,
      originalForgetAccuracy: 1,
      goldForgetAccuracy: 0.8,
      hardCount: 10,
      stillKnown: 0,
      lost: 0,
    },
  }
  return { method, seed, evaluation, draws: null }
}
const absGapOf = async (runs: readonly EvaluatedRun[], reference?: string) => {
  const found = await studyStatistics(objects, await drawn(runs), ledger({}), reference)
  const comparison = found.metrics.find(({ metric }) => metric === 'absGap')
  if (comparison === undefined) throw new Error('no comparison')
  return { found, comparison }
}

describe('statistics of a study', () => {
  // tmu: .10 .12 .11 with each seed's golds .02 apart; far: always .50 more.
  const runs = [
    run('tmu', 1, [0.09, 0.11]),
    run('tmu', 2, [0.11, 0.13]),
    run('tmu', 3, [0.1, 0.12]),
    run('far', 1, [0.59, 0.61]),
    run('far', 2, [0.61, 0.64]),
    run('far', 3, [0.6, 0.61]),
    run('near', 1, [0.1, 0.11]),
    run('near', 2, [0.11, 0.14]),
    run('near', 3, [0.1, 0.12]),
  ]

  it('compare with tmu unless another is asked for', async () => {
    const { found, comparison } = await absGapOf(runs)
    expect(found).toMatchObject({ reference: 'tmu', seeds: 3, golds: 2, forgetCount: 50 })
    expect(comparison.differences.map(({ method }) => method)).toEqual(['far', 'near'])
    const other = await absGapOf(runs, 'far')
    expect(other.found.reference).toBe('far')
    await expect(absGapOf(runs, 'nobody')).rejects.toThrow(AppError)
  })

  it('take as floor how much the figure changes when the other gold judges', async () => {
    const { comparison } = await absGapOf(runs)
    // Spreads: .02 x3, .02 .03 .01, .01 .03 .02: mean .02.
    expect(comparison.floor).toBeCloseTo(0.02, 12)
  })

  it('call a large steady difference one, and a small one not', async () => {
    const { comparison } = await absGapOf(runs)
    const [far, near] = comparison.differences
    if (!isPresent(far.difference) || !isPresent(near.difference)) throw new Error('absent')
    expect(far.difference.value).toBeCloseTo((0.5 + 0.505 + 0.495) / 3, 12)
    expect(far.differs).toBe(true)
    expect(near.difference.value).toBeCloseTo((0.005 + 0.005 + 0) / 3, 12)
    expect(near.differs).toBe(false)
    // Holm over two: the smaller p is doubled.
    expect(far.pHolm).toBeCloseTo(2 * (far.p ?? 0), 12)
  })

  it('do not call a difference within the floor one, however steady', async () => {
    const steady = [1, 2, 3].flatMap((seed) => [
      run('tmu', seed, [0.1, 0.2]),
      run('other', seed, [0.12 + seed * 1e-6, 0.22]),
    ])
    const { comparison } = await absGapOf(steady)
    expect(comparison.differences[0].pHolm).toBeLessThan(0.001)
    expect(comparison.floor).toBeCloseTo(0.1, 5)
    expect(comparison.differences[0].differs).toBe(false)
  })

  it('say what half of the methods would not show, whatever one unstable method does', async () => {
    // Differences to tmu over the seeds: c - d, c, c + d, whose standard error is d / sqrt 3.
    const spread = { calm: 0.01, usual: 0.02, wild: 0.9 }
    const many = [1, 2, 3].flatMap((seed) => [
      run('tmu', seed, [1, 1]),
      ...Object.entries(spread).map(([method, d]) => run(method, seed, [2 + (seed - 2) * d, 2 + (seed - 2) * d])),
    ])
    const { comparison } = await absGapOf(many)
    // Two degrees: t(.975) = 4.302653 and t(.8) = 1.060660.
    expect(comparison.detectable).toBeCloseTo(((4.302653 + 1.06066) * 0.02) / Math.sqrt(3), 6)
    expect((await absGapOf(many.filter(({ seed }) => seed === 1))).comparison.detectable).toBeNull()
  })

  it('call no difference one without an interval over images, and say so where F is too small for any', async () => {
    const few = runs.map((run) => ({
      ...run,
      evaluation: { ...run.evaluation, evidence: { ...run.evaluation.evidence, forgetCount: 1 } },
    }))
    const found = await studyStatistics(objects, few, ledger({}), 'tmu')
    const absGap = found.metrics.find(({ metric }) => metric === 'absGap')
    expect(absGap?.differences[0]).toMatchObject({ method: 'far', imagesCi: null, differs: false })
    expect(absGap?.differences[0].pHolm).toBeLessThan(0.001)
    expect(absGap?.detectable).toBeNull()
    expect(found.notes[0]).toMatch(/^1 image to forget: there are no intervals/)
    expect((await absGapOf(runs)).found.notes).toEqual([])
  })

  it('do not compare with a method that fewer golds judge', async () => {
    const { comparison } = await absGapOf([...runs, run('oracle', 1, [0.1, 0.1], 0, 1)])
    const oracle = comparison.differences.find(({ method }) => method === 'oracle')
    expect(oracle?.difference).toEqual({ absent: 'It is judged by fewer golds than the reference.' })
    expect(oracle?.differs).toBe(false)
  })

  it('leave out a further figure unless it is asked for, and give it floor, intervals and correction as any other', async () => {
    const present = (value: number, perModel: Readonly<Record<string, number>>): Metric => ({
      value,
      ci: null,
      n: 50,
      perModel,
    })
    const withFurther = (method: string, seed: number, auc: number, kl: readonly [number, number]): EvaluatedRun => {
      const { evaluation, ...rest } = run(method, seed, [0.1, 0.1])
      const metrics = {
        ...evaluation.metrics,
        'mia.loss.auc': { value: auc, ci: null, n: 50 },
        klToGold: present((kl[0] + kl[1]) / 2, { 'unlearned/gold0': kl[0], 'unlearned/gold1': kl[1] }),
      }
      return { ...rest, evaluation: { ...evaluation, metrics } }
    }
    const all = [1, 2, 3].flatMap((seed) => [
      withFurther('tmu', seed, 0.55 + seed * 1e-3, [0.2, 0.23]),
      withFurther('far', seed, 0.75 + seed * 1e-4, [0.9, 0.93]),
    ])
    const golds = [withFurther('gold', 1, 0.52, [0.1, 0.1]), withFurther('gold', 2, 0.56, [0.1, 0.1])]
    const finished = await drawn([...all, ...golds])
    const usual = await studyStatistics(objects, finished, ledger({}), 'tmu')
    expect(usual.metrics.map(({ metric }) => metric)).toEqual(usualMetrics.map(({ name }) => name))

    const found = await studyStatistics(objects, finished, ledger({}), 'tmu', 'klToGold')
    expect(found.metrics).toHaveLength(usualMetrics.length + 1)
    const kl = found.metrics.at(-1)
    expect(kl).toMatchObject({
      metric: 'klToGold',
      direction: 'lower',
      differences: [{ method: 'far', differs: true }],
    })
    // How much it changes when the other gold judges.
    expect(kl?.floor).toBeCloseTo(0.03, 12)

    const attacked = (await studyStatistics(objects, finished, ledger({}), 'tmu', 'mia.loss.auc')).metrics.at(-1)
    expect(attacked).toMatchObject({ metric: 'mia.loss.auc', direction: 'gold', gold: 0.54 })
    // No gold judges it: how much two golds differ in it.
    expect(attacked?.floor).toBeCloseTo(0.04, 12)
    expect(attacked?.differences[0]).toMatchObject({ method: 'far', differs: true })
    expect(attacked?.differences[0].seedsCi?.[0]).toBeGreaterThan(0.19)
  })

  it('have no reference with a single finished method', async () => {
    expect((await studyStatistics(objects, [run('tmu', 1, [0.1, 0.1])], ledger({}), undefined)).reference).toBeNull()
    expect((await studyStatistics(objects, [], ledger({}), undefined)).metrics[0].figures).toEqual([])
  })

  it('find the fronts of gap and cost, and of gap and lost accuracy', async () => {
    const { pareto } = await studyStatistics(
      objects,
      [
        run('none', 1, [0.3, 0.3], 0),
        run('tmu', 1, [0.1, 0.1], 0.02),
        run('slow', 1, [0.1, 0.1], 0.01),
        run('bad', 1, [0.4, 0.4], 0.05),
      ],
      ledger({ none: 0, tmu: 100, slow: 500, bad: 100 }),
      undefined,
    )
    expect(pareto.filter((point) => point.onCostFront).map(({ method }) => method)).toEqual(['none', 'tmu'])
    expect(pareto.filter((point) => point.onUtilityFront).map(({ method }) => method)).toEqual(['none', 'slow'])
  })
})
