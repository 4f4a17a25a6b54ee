import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import type { EngineId } from '#shared/domain/engine.ts'
import { nativeMissing } from '#test/support/native-engine.ts'
import { createStudy, newBench, runStudy, withDataset } from '../jobs/tiny-study.ts'

const engines: readonly EngineId[] = ['wasm', ...(nativeMissing === null ? (['native'] as const) : [])]

it.each(engines)(
  'the same study in two workspaces has the same outcome files to the bit on %s',
  async (engine) => {
    const files: (readonly (readonly [string, string])[])[] = []
    for (let copy = 0; copy < 2; copy++) {
      await using bench = await withDataset(await newBench(), 30)
      const study = await createStudy(bench, {
        engine,
        methods: ['gold', 'fine-tune', 'tmu', 'scrub'],
        golds: 1,
        settings: { epochs: 2, 'fine-tune.epochs': 1, 'tmu.epochs': 1, 'scrub.epochs': 1, 'scrub.maxSteps': 1 },
      })
      const { result } = await runStudy(bench, study)
      expect(result.stages.failed).toBe(0)
      const outcomes: (readonly [string, string])[] = []
      for (const { method, seed, outcomePath } of result.runs) {
        outcomes.push([`${method} ${seed}`, (await readFile(outcomePath ?? '')).toString('base64')])
      }
      files.push(outcomes)
    }
    const [first, second] = files
    expect(first).toHaveLength(4)
    expect(second.map(([run]) => run)).toEqual(first.map(([run]) => run))
    for (const [at, [run, bytes]] of first.entries()) expect(second[at][1] === bytes, run).toBe(true)
  },
  120_000,
)

it('the same study by wasm and by the reference engine has the same samples, easy and hard labels, and first losses', async () => {
  const found: { ids: readonly number[]; easy: readonly (boolean | null)[]; losses: readonly number[] }[] = []
  for (const engine of ['wasm', 'cpu'] as const) {
    await using bench = await withDataset(await newBench(), 30)
    const study = await createStudy(bench, {
      engine,
      methods: ['none', 'tmu'],
      golds: 1,
      settings: { epochs: 3, 'tmu.features': 'df+cf', 'tmu.epochs': 1, 'tmu.predictorEpochs': 50 },
    })
    const { events, result } = await runStudy(bench, study)
    expect(result.runs.map(({ state }) => state)).toEqual(['succeeded', 'succeeded'])
    const run = result.runs.find(({ method }) => method === 'tmu')?.id ?? ''
    const { samples } = await bench.api.runs.forgetSamples({
      run,
      sort: 'index',
      descending: false,
      offset: 0,
      limit: 100,
    })
    const { stages } = await bench.api.studies.planStages({ study, offset: 0, limit: 100 })
    const original = stages.find(({ kind }) => kind === 'train-original')?.key
    found.push({
      ids: samples.map(({ index }) => index),
      easy: samples.map(({ easy }) => easy),
      losses: events.flatMap((event) => (event.kind === 'curve' && event.key === original ? event.point.loss : [])),
    })
  }
  const [wasm, cpu] = found
  expect(wasm.ids.length).toBeGreaterThan(5)
  expect(wasm.ids).toEqual(cpu.ids)
  expect(wasm.easy).toEqual(cpu.easy)
  expect(wasm.losses).toHaveLength(3)
  wasm.losses.forEach((loss, epoch) => expect(Math.abs(loss - cpu.losses[epoch])).toBeLessThan(1e-4 * (1 + loss)))
})
