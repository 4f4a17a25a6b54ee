import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { forkLauncher } from '#main/compute/pool/fork-launcher.ts'
import { openStoreForReading } from '#main/store/open-store.ts'
import { openWorkbench } from '#main/workbench/workbench.ts'
import { isPresent } from '#shared/domain/metrics.ts'
import type { StudyId } from '#shared/ids.ts'
import { usualEngine } from '#test/support/native-engine.ts'
import { createStudy, newBench, openBench, runStudy, withDataset } from './tiny-study.ts'

describe('a study', () => {
  it('runs to its end, with figures, costs and an outcome file for every method and seed', async () => {
    await using bench = await withDataset(await newBench())
    const study = await createStudy(bench, { seeds: 2 })
    const plan = await bench.api.studies.plan({ study })
    expect(plan.trains).toEqual({ originals: 2, golds: 2, twins: 0, shadows: 0 })
    expect(plan.toReuse).toBe(0)

    const { state, result, events } = await runStudy(bench, study)
    expect(state).toBe('succeeded')
    expect(result.engine).toBe(usualEngine)
    expect(result.stages).toEqual({ computed: plan.toCompute, reused: 0, failed: 0 })
    expect(result.runs.map(({ method, seed }) => [method, seed])).toEqual([
      ['gold', 1001],
      ['gold', 1002],
      ['none', 1],
      ['rewind', 1],
      ['fine-tune', 1],
      ['none', 2],
      ['rewind', 2],
      ['fine-tune', 2],
    ])
    for (const run of result.runs) {
      expect(run.state).toBe('succeeded')
      expect(isPresent(run.metrics?.['gap'])).toBe(true)
      const evaluation = await bench.api.outcomes.evaluate({ path: run.outcomePath ?? '', draws: 1000 })
      expect(evaluation.metrics).toEqual(run.metrics)
    }
    const costs = new Map(result.runs.map((run) => [`${run.method} ${run.seed}`, run.cost?.visitsBackward]))
    const plannedVisits = (kind: string): number | undefined =>
      plan.stages.find((stage) => stage.kind === kind)?.estimate.visitsBackward
    expect(costs.get('none 1')).toBe(0)
    expect(costs.get('gold 1001')).toBe(plannedVisits('train-gold'))
    expect(result.ledger.perDataset.visitsBackward).toBe(plannedVisits('train-original'))

    const fractions = events.flatMap((event) => ('value' in event ? [event.value] : []))
    expect(fractions).toEqual(fractions.toSorted((a, b) => a - b))
    expect(fractions.at(-1)).toBe(1)
    expect(events.every((event) => !('etaSeconds' in event) || event.value === 1 || event.etaSeconds !== null)).toBe(
      true,
    )
    expect((await bench.api.workspace.check(undefined)).problems).toEqual([])

    // Page by page it is the same: runs without their values by model, verdicts, and the plan's stages.
    const pages = await Promise.all(
      [0, 3, 6, 9].map((offset) => bench.api.studies.resultPage({ study, offset, limit: 3 })),
    )
    expect(pages.map(({ total }) => total)).toEqual([8, 8, 8, 8])
    const whole = await bench.api.studies.result({ study, perModel: false })
    expect(pages.flatMap(({ runs }) => runs)).toEqual(whole.runs)
    expect(pages.flatMap(({ verdicts }) => verdicts)).toEqual(whole.verdicts)
    expect(await bench.api.studies.result({ study, perModel: false, runs: false })).toEqual({
      ...whole,
      runs: [],
      verdicts: [],
    })
    const { stages } = await bench.api.studies.plan({ study })
    const part = await bench.api.studies.planStages({ study, offset: 2, limit: 5 })
    expect(part).toEqual({ total: stages.length, stages: stages.slice(2, 7) })
  })

  it('is replayed from what is stored, without an engine or a worker, also by a new process', async () => {
    await using bench = await withDataset(await newBench())
    const study = await createStudy(bench)
    const first = await runStudy(bench, study)
    await bench.close()

    const refusing = {
      spawn(): never {
        throw new Error('A worker was started.')
      },
    }
    const workbench = await openWorkbench({ workspace: bench.root, launcher: refusing, shell: 'cli' })
    try {
      const again = await runStudy({ ...bench, api: workbench.api }, study)
      expect(again.state).toBe('succeeded')
      expect(again.result.stages).toEqual({ computed: 0, reused: first.result.stages.computed, failed: 0 })
      expect(again.result.runs).toEqual(first.result.runs)
      expect(again.result.verdicts).toEqual(first.result.verdicts)
    } finally {
      await workbench.close()
    }
  })

  it('trains nothing that another study has trained on the same data', async () => {
    await using bench = await withDataset(await newBench())
    await runStudy(bench, await createStudy(bench))
    const second = await createStudy(bench, { name: 'second', methods: ['gold', 'none', 'rewind', 'random-labels'] })
    const plan = await bench.api.studies.plan({ study: second })
    expect(plan.trains).toEqual({ originals: 0, golds: 0, twins: 0, shadows: 0 })
    const computed = plan.stages.filter((stage) => stage.state !== 'succeeded').map((stage) => stage.kind)
    expect(computed.toSorted()).toEqual(['evaluate', 'predict', 'unlearn'])
    const { result } = await runStudy(bench, second)
    expect(result.stages).toEqual({ computed: 3, reused: plan.toReuse, failed: 0 })
    expect(result.runs.every((run) => run.state === 'succeeded')).toBe(true)
  })

  it('shares stages with a study that runs at the same time', async () => {
    await using bench = await withDataset(await newBench())
    const first = await createStudy(bench)
    const second = await createStudy(bench, { name: 'second' })
    const [one, two] = await Promise.all([runStudy(bench, first), runStudy(bench, second)])
    expect(one.state).toBe('succeeded')
    expect(two.state).toBe('succeeded')
    const stages = one.result.stages.computed + one.result.stages.reused
    // Whichever wanted a stage first computed it; nobody computed it twice.
    expect(one.result.stages.computed + two.result.stages.computed).toBe(stages)
    expect(two.result.runs.map((run) => run.metrics)).toEqual(one.result.runs.map((run) => run.metrics))
  })

  it('computes again what was lost from the object store, and what was made from it stays', async () => {
    await using bench = await withDataset(await newBench())
    const study = await createStudy(bench)
    const before = (await runStudy(bench, study)).result
    const lost = before.runs.find((run) => run.method === 'rewind')?.outcomePath ?? ''
    await rm(lost)
    expect((await bench.api.workspace.check(undefined)).ok).toBe(false)
    const after = (await runStudy(bench, study)).result
    expect(after.stages).toEqual({ computed: 1, reused: before.stages.computed - 1, failed: 0 })
    expect(after.runs.map((run) => run.metrics)).toEqual(before.runs.map((run) => run.metrics))
    expect((await bench.api.workspace.check(undefined)).ok).toBe(true)
  })

  it('says which stored result is damaged, and computes it anew at the next start', async () => {
    await using bench = await withDataset(await newBench())
    const first = await createStudy(bench)
    await runStudy(bench, first)
    const store = await openStoreForReading(bench.root)
    const original = store.repositories.stages
      .listStudyStages(first as StudyId)
      .find((stage) => stage.kind === 'train-original')
    await store.close()
    const weights = original?.outputs['weights'] ?? ''
    const path = join(bench.root, 'objects', weights.slice(0, 2), weights.slice(2))
    const bytes = await readFile(path)
    bytes[bytes.length - 1] ^= 1
    await writeFile(path, bytes)

    const second = await createStudy(bench, { name: 'second', methods: ['gold', 'random-labels'] })
    const damaged = await runStudy(bench, second)
    expect(damaged.state).toBe('failed')
    const run = damaged.result.runs.find((candidate) => candidate.method === 'random-labels')
    expect(run?.error).toMatchObject({ code: 'corrupt', message: expect.stringContaining(weights) })
    const healed = await runStudy(bench, second)
    expect(healed.state).toBe('succeeded')
    expect((await bench.api.workspace.check(undefined)).ok).toBe(true)
  })

  it('fails the runs that need a failed stage, and finishes the others', async () => {
    await using bench = await withDataset(await newBench())
    const settings = { epochs: 3, 'rewind.epoch': 2, 'fine-tune.epochs': 3, 'fine-tune.lr': 10 }
    const study = await createStudy(bench, { settings })
    const { state, result } = await runStudy(bench, study)
    expect(state).toBe('failed')
    expect(result.stages.failed).toBe(1)
    const states = new Map(result.runs.map((run) => [run.method, run.state]))
    expect(states).toEqual(
      new Map([
        ['gold', 'succeeded'],
        ['none', 'succeeded'],
        ['rewind', 'succeeded'],
        ['fine-tune', 'failed'],
      ]),
    )
    const failed = result.runs.find((run) => run.method === 'fine-tune')
    expect(failed?.error?.code).toBe('diverged')
    expect(failed?.metrics).toBeNull()
    expect((await bench.api.studies.get({ study })).state).toBe('failed')

    // The reason is kept: a new process can still say why.
    const reopened = await bench.reopen()
    try {
      const run = await reopened.api.runs.get({ run: failed?.id ?? '' })
      expect(run.error?.message).toBe(failed?.error?.message)
    } finally {
      await reopened.close()
    }
  })

  it('can be looked at without the lock while another process holds it, and refuses to be changed', async () => {
    await using bench = await withDataset(await newBench())
    const study = await createStudy(bench)
    const { result } = await runStudy(bench, study)
    const reader = await openWorkbench({ workspace: bench.root, launcher: forkLauncher, shell: 'cli', readOnly: true })
    try {
      const seen = await reader.api.studies.result({ study })
      expect(seen.runs).toEqual(result.runs)
      expect(seen.stages).toEqual(result.stages)
      expect((await reader.api.studies.plan({ study })).toCompute).toBe(0)
      expect(() => reader.api.studies.run({ study })).toThrow('reading only')
    } finally {
      await reader.close()
    }
    await expect(openBench(bench.root)).rejects.toMatchObject({ code: 'workspace-locked' })
  })
})
