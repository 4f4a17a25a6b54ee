import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { StudyResult } from '#shared/domain/study.ts'
import {
  type Bench,
  createStudy,
  datasetName,
  forgetSetName,
  newBench,
  runStudy,
  withDataset,
} from '../jobs/tiny-study.ts'

let bench: Bench
let study: string
let result: StudyResult
beforeAll(async () => {
  bench = await withDataset(await newBench())
  study = await createStudy(bench, { methods: undefined, settings: { epochs: 3 } })
  result = (await runStudy(bench, study)).result
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
})

const runOf = (method: string) => {
  const run = result.runs.find((candidate) => candidate.method === method)
  if (run === undefined) throw new Error(`no run of ${method}`)
  return run
}

describe('a study of every method', () => {
  it('succeeds, with a verdict for everything but the golds', () => {
    expect(result.runs.map((run) => [run.method, run.state]).filter(([, state]) => state !== 'succeeded')).toEqual([])
    const judged = new Set(result.verdicts.map((verdict) => verdict.method))
    expect(judged).toEqual(new Set(result.runs.map((run) => run.method).filter((method) => method !== 'gold')))
  })

  it('compares TMU with the control that has as many hard labels, and says of the others why not', () => {
    const checkOf = (method: string) =>
      result.verdicts
        .find((verdict) => verdict.method === method)
        ?.checks.find((check) => check.name === 'controlDifference')
    expect(checkOf('tmu')?.passed).not.toBeNull()
    expect(checkOf('rewind')?.passed).toBeNull()
    expect(checkOf('tmu-map')).toMatchObject({ passed: null, note: expect.stringContaining('as TMU predicts') })
    expect(checkOf('tmu-soft')).toMatchObject({ passed: null, note: expect.stringContaining('without easy and hard') })
  })

  it('scores the oracle without gold 0, and a gold without itself', () => {
    const hasOneGold = (method: string): boolean | undefined =>
      result.verdicts.find((verdict) => verdict.method === method)?.noFloor
    expect(hasOneGold('oracle')).toBe(true)
    expect(hasOneGold('tmu')).toBe(false)
    expect(runOf('gold').metrics?.['gapFloor']).toHaveProperty('absent')
    expect(runOf('tmu').metrics?.['gapFloor']).toHaveProperty('value')
  })

  it('gives the same numbers for doing nothing as the original has', () => {
    expect(runOf('none').cost).toEqual({ seconds: 0, visitsForward: 0, visitsBackward: 0 })
    expect(runOf('none').metrics?.['forgetAccuracy']).toMatchObject({ value: result.gate.checks[0].value })
  })

  it('shows the twin problem: every twin and forget sample with its features and labels', async () => {
    const { count } = await bench.api.forgetSets.get({ forgetSet: forgetSetName })
    const [split] = await bench.api.splits.list({ dataset: datasetName })
    const view = await bench.api.studies.twin({ study })
    expect(view).toMatchObject({ method: 'tmu', seed: 1, threshold: 0.5 })
    const twin = view.points.filter((point) => point.set === 'twin')
    const forget = view.points.filter((point) => point.set === 'forget')
    expect(twin).toHaveLength(split.counts.twinPool[0])
    expect(forget).toHaveLength(count)
    expect(view.report.n).toBe(twin.length)
    expect(view.report.easy).toBe(twin.filter((point) => point.easy).length)
    for (const point of forget) {
      expect(Object.keys(point.features).toSorted()).toEqual(['af', 'cf', 'df'])
      expect(point.easy).toBe((point.probability ?? -1) >= 0.5)
      expect([0, 0.5, 1]).toContain(point.goldCorrectShare)
    }
    expect((await bench.api.studies.twin({ study, method: 'tmu-faithful' })).method).toBe('tmu-faithful')
    await expect(bench.api.studies.twin({ study, method: 'rewind' })).rejects.toMatchObject({ code: 'not-found' })
  })

  it('shows the forgotten images of a run against the golds, sorted and paged', async () => {
    const { id } = runOf('tmu')
    const query = { run: id, sort: 'disagreement', descending: true, offset: 0, limit: 500 } as const
    const { total, samples } = await bench.api.runs.forgetSamples(query)
    expect(samples).toHaveLength(total)
    const scores = samples.map((sample) => sample.disagreement)
    expect(scores).toEqual(scores.toSorted((a, b) => b - a))
    const ids = await bench.api.forgetSets.ids({ forgetSet: forgetSetName })
    expect(samples.map((sample) => sample.index).toSorted((a, b) => a - b)).toEqual([...ids])
    const accuracy = samples.filter((sample) => sample.predicted === sample.label).length / total
    expect(runOf('tmu').metrics?.['forgetAccuracy']).toMatchObject({ value: accuracy })
    for (const sample of samples) {
      expect(sample.name).toMatch(/^across\//)
      expect(sample.goldPredicted).toHaveLength(2)
      expect(sample.easy).not.toBeNull()
      expect(sample.confidence).toBeGreaterThanOrEqual(0)
    }
    const page = await bench.api.runs.forgetSamples({ ...query, offset: 2, limit: 3 })
    expect(page).toEqual({ total, samples: samples.slice(2, 5) })
    const byIndex = await bench.api.runs.forgetSamples({ ...query, sort: 'index', descending: false })
    expect(byIndex.samples.map((sample) => sample.index)).toEqual([...ids])
    const rewind = await bench.api.runs.forgetSamples({ ...query, run: runOf('rewind').id })
    expect(rewind.samples.every((sample) => sample.easy === null)).toBe(true)
  })

  it('refuses an outcome that is none, naming the file', async () => {
    const path = join(bench.root, 'workbench.sqlite')
    await expect(bench.api.outcomes.evaluate({ path, draws: 100 })).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringContaining('workbench.sqlite'),
    })
    await expect(bench.api.outcomes.evaluate({ path: `${path}.not`, draws: 100 })).rejects.toMatchObject({
      code: 'bad-input',
    })
    const aborted = AbortSignal.abort()
    const outcome = runOf('tmu').outcomePath ?? ''
    await expect(bench.api.outcomes.evaluate({ path: outcome, draws: 100 }, { signal: aborted })).rejects.toMatchObject(
      {
        code: 'cancelled',
      },
    )
  })

  it('runs without a twin, a control or the TMU family where a whole class is removed', async () => {
    await bench.api.forgetSets.create({
      name: 'all down',
      dataset: datasetName,
      split: 'default',
      className: 'down',
      fraction: 1,
      seed: 1,
    })
    const removal = await createStudy(bench, {
      name: 'removal',
      forgetSet: 'all down',
      methods: undefined,
      settings: { epochs: 2 },
    })
    const { state, result: removed } = await runStudy(bench, removal)
    expect(state).toBe('succeeded')
    const gold = removed.gate.checks.find((check) => check.name === 'goldForgetAccuracy')
    expect(gold).toMatchObject({ passed: null, note: 'class removal' })
  })
})
