import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { cp, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { openStoreForReading } from '#main/store/open-store.ts'
import type { StudyStage } from '#main/store/repositories/stages.ts'
import type { StudyId } from '#shared/ids.ts'
import type { StudyEvent } from '#shared/progress.ts'
import { isAlive } from '#test/support/process-life.ts'
import { promptMs } from '#test/support/prompt.ts'
import {
  type Bench,
  createStudy,
  follow,
  newBench,
  openBench,
  runStudy,
  waitForEvent,
  withDataset,
} from './tiny-study.ts'

/** Long enough to be interrupted in the middle of a training. */
const longTraining = {
  methods: ['gold', 'none', 'fine-tune'],
  settings: { epochs: 60, 'fine-tune.epochs': 40 },
}

async function stagesOf(root: string, study: string): Promise<ReadonlyMap<string, StudyStage>> {
  const store = await openStoreForReading(root)
  try {
    return new Map(store.repositories.stages.listStudyStages(study as StudyId).map((stage) => [stage.key, stage]))
  } finally {
    await store.close()
  }
}

const outputsOf = (stages: ReadonlyMap<string, StudyStage>) =>
  Object.fromEntries([...stages].map(([key, { kind, outputs, state }]) => [key, { kind, outputs, state }]))

/** Starts the study in a process group of its own. */
function startChild(root: string, study: string, ...how: readonly string[]): ChildProcess {
  return fork(join(import.meta.dirname, 'children', 'run-study.ts'), [root, study, ...how], {
    detached: true,
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
}

function messageFrom(child: ChildProcess, test: (event: StudyEvent) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    child.on('message', (event) => {
      if (test(event as StudyEvent)) resolve()
    })
    child.once('close', () => reject(new Error('The process ended before.')))
  })
}

/** Living processes with this number in a field of proc(5)'s `stat`. At one moment: nothing goes on here meanwhile. */
function processesWith(field: 'parent' | 'group', id: number): readonly number[] {
  const found: number[] = []
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = statOf(name)
    const [, parent, group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (Number(field === 'parent' ? parent : group) === id && isAlive(Number(name))) found.push(Number(name))
  }
  return found
}

function statOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    // It ended since it was listed.
    return ''
  }
}

/** A copy of the workspace's files, to compare an interrupted course of things with an undisturbed one. */
async function copyOf(bench: Bench): Promise<string> {
  await bench.close()
  const copy = await mkdtemp(join(tmpdir(), 'tmu-bench-'))
  await cp(bench.root, copy, { recursive: true })
  return copy
}

describe('an interrupted study', () => {
  it('goes on from its last epoch after the whole tree was killed, to the same artifacts', async () => {
    await using origin = await withDataset(await newBench())
    const study = await createStudy(origin, longTraining)
    const copy = await copyOf(origin)
    await using undisturbed = await openBench(copy)
    await runStudy(undisturbed, study)
    const expected = outputsOf(await stagesOf(undisturbed.root, study))

    // In the middle of trainings, with checkpoints written.
    const child = startChild(origin.root, study, '30')
    const [, signal] = (await once(child, 'close')) as [number | null, string | null]
    expect(signal).toBe('SIGKILL')
    await expect.poll(() => processesWith('group', child.pid ?? 0)).toEqual([])

    await using again = await openBench(origin.root)
    const interrupted = await stagesOf(origin.root, study)
    const states = [...interrupted.values()].map((stage) => stage.state)
    expect(states).toContain('interrupted')
    expect(states).not.toContain('running')
    expect((await again.api.studies.get({ study })).state).toBe('interrupted')
    const check = await again.api.workspace.check(undefined)
    expect(check.problems).toEqual([])
    const original = [...interrupted.values()].find((stage) => stage.kind === 'train-original')
    const reached = original?.checkpoint?.epoch ?? 0
    // The curve had reached epoch 30, so the checkpoint of epoch 29 was acknowledged.
    expect(reached).toBeGreaterThanOrEqual(29)
    const finishedBefore = states.filter((state) => state === 'succeeded').length

    const { state, result, events } = await runStudy(again, study)
    expect(state).toBe('succeeded')
    expect(result.stages.reused).toBe(finishedBefore)
    // It doesn't begin anew: the first thing that it tells is beyond the checkpoint.
    const told = events.flatMap((event) =>
      event.kind === 'stage' && event.stage.key === original?.key && event.stage.value > 0 ? [event.stage.value] : [],
    )
    expect(told[0]).toBeGreaterThanOrEqual(reached / 60 - 1e-9)
    expect(outputsOf(await stagesOf(again.root, study))).toEqual(expected)
  })

  it('leaves no worker behind when only its own process is killed', async () => {
    await using bench = await withDataset(await newBench())
    const study = await createStudy(bench, { methods: ['gold', 'none'], settings: { epochs: 10_000 } })
    await bench.close()
    const child = startChild(bench.root, study)
    await messageFrom(child, (event) => event.kind === 'curve')
    const workers = processesWith('parent', child.pid ?? 0)
    expect(workers.length).toBeGreaterThan(0)
    child.kill('SIGKILL')
    // They would train for many minutes.
    await expect.poll(() => workers.filter(isAlive)).toEqual([])
  })

  it('is cancelled within two seconds, says so at once, and goes on where it was', async () => {
    await using bench = await withDataset(await newBench())
    const study = await createStudy(bench, longTraining)
    await bench.api.studies.run({ study })
    await waitForEvent(bench, study, (event) => event.kind === 'curve' && event.point.epoch >= 5)
    const started = performance.now()
    const cancelling = bench.api.studies.cancel({ study })
    await wait(0)
    expect((await bench.api.runs.list({ study })).map((run) => run.state)).toEqual(
      Array.from({ length: 4 }, () => 'cancelled'),
    )
    expect(await cancelling).toEqual({ study, state: 'cancelled' })
    expect(performance.now() - started).toBeLessThan(promptMs)
    const { state, events } = await follow(bench, study)
    expect(state).toBe('cancelled')
    expect(events).toHaveLength(2)
    const stages = [...(await stagesOf(bench.root, study)).values()]
    expect(stages.map((stage) => stage.state)).not.toContain('running')
    const cancelled = stages.filter((stage) => stage.state === 'cancelled')
    // The curve had reached epoch 5, so the checkpoint of epoch 4 was acknowledged.
    expect(Math.max(...cancelled.map((stage) => stage.checkpoint?.epoch ?? 0))).toBeGreaterThanOrEqual(4)

    const again = await runStudy(bench, study)
    expect(again.state).toBe('succeeded')
    expect(again.result.runs.map((run) => run.state)).toEqual(Array.from({ length: 4 }, () => 'succeeded'))
  })

  it('stops one run and keeps the others, and resumes that run alone', async () => {
    await using bench = await withDataset(await newBench())
    const study = await createStudy(bench, longTraining)
    const fineTune = (await bench.api.runs.list({ study })).find((run) => run.method === 'fine-tune')
    const id = fineTune?.id ?? ''
    await bench.api.studies.run({ study })
    await waitForEvent(
      bench,
      study,
      (event) => event.kind === 'stage' && event.stage.kind === 'unlearn' && event.stage.state === 'running',
    )
    expect((await bench.api.runs.cancel({ run: id })).state).toBe('cancelled')
    const first = await follow(bench, study)
    expect(first.state).toBe('succeeded')
    expect(new Map(first.result.runs.map((run) => [run.method, run.state]))).toEqual(
      new Map([
        ['gold', 'succeeded'],
        ['none', 'succeeded'],
        ['fine-tune', 'cancelled'],
      ]),
    )
    expect((await bench.api.studies.get({ study })).state).toBe('cancelled')

    await bench.api.runs.resume({ run: id })
    const second = await follow(bench, study)
    expect(second.state).toBe('succeeded')
    // Unlearning, predicting, evaluating: nothing else was missing.
    expect(second.result.stages.computed).toBe(3)
    expect((await bench.api.studies.get({ study })).state).toBe('succeeded')
  })

  it('is interrupted, not cancelled, by closing the workbench, and by then nothing runs', async () => {
    await using bench = await withDataset(await newBench())
    const study = await createStudy(bench, longTraining)
    await bench.api.studies.run({ study })
    await waitForEvent(bench, study, (event) => event.kind === 'curve' && event.point.epoch >= 3)
    expect(processesWith('parent', process.pid).length).toBeGreaterThan(0)
    const started = performance.now()
    await bench.close()
    expect(performance.now() - started).toBeLessThan(promptMs)
    const states = [...(await stagesOf(bench.root, study)).values()].map((stage) => stage.state)
    expect(states).toContain('interrupted')
    expect(states).not.toContain('running')
    await using again = await openBench(bench.root)
    expect((await again.api.studies.get({ study })).state).toBe('interrupted')
    expect((await runStudy(again, study)).state).toBe('succeeded')
  })
})

describe('watching a study', () => {
  it('begins with how things stand, for whoever comes late, and ends for whoever leaves', async () => {
    await using bench = await withDataset(await newBench())
    const study = await createStudy(bench, longTraining)
    const leaving = new AbortController()
    const early = bench.api.studies.watch({ study }, { signal: leaving.signal })[Symbol.asyncIterator]()
    const first = await early.next()
    expect(first.value).toMatchObject({ kind: 'snapshot', state: 'new', value: 0 })
    await bench.api.studies.run({ study })
    // A page that is open before the study starts sees it start.
    expect((await early.next()).value).toMatchObject({ kind: 'snapshot', state: 'running' })
    await waitForEvent(bench, study, (event) => event.kind === 'curve' && event.point.epoch >= 4)
    leaving.abort()
    for (let step = await early.next(); step.done !== true; ) step = await early.next()

    // A page that is loaded again in the middle gets the curves so far.
    const late = await waitForEvent(bench, study, (event) => event.kind === 'snapshot')
    const curves = late.kind === 'snapshot' ? late.stages.map((stage) => stage.curve.length) : []
    expect(Math.max(...curves)).toBeGreaterThanOrEqual(4)
    // Leaving doesn't stop the job.
    expect((await bench.api.studies.get({ study })).state).toBe('running')
    await bench.api.studies.cancel({ study })
  })
})
