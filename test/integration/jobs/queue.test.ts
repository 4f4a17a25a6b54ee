import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { StudyId } from '#shared/ids.ts'
import type { StudyEvent } from '#shared/progress.ts'
import { promptMs } from '#test/support/prompt.ts'
import { createStudy, follow, newBench, openBench, runStudy, waitForEvent, withDataset } from './tiny-study.ts'

const long = { methods: ['gold', 'none'], golds: 1, settings: { epochs: 40 } }
const isTraining = (event: StudyEvent): boolean => event.kind === 'curve' && event.point.epoch >= 3

/** Kinds and labels of the stages that finished, in order. */
const finishedLabels = (events: readonly StudyEvent[]): readonly string[] =>
  events.flatMap((event) =>
    event.kind === 'stage' && event.stage.state === 'succeeded' ? [`${event.stage.kind} ${event.stage.label}`] : [],
  )

describe('the queue', () => {
  it('pauses a study within two seconds at its checkpoints, and goes on from there to the same bits', async () => {
    await using bench = await withDataset(await newBench())
    const study = await createStudy(bench, long)
    await bench.api.studies.run({ study })
    await waitForEvent(bench, study, isTraining)
    const asked = performance.now()
    const paused = await bench.api.queue.pause({ study })
    expect(performance.now() - asked).toBeLessThan(promptMs)
    expect(paused.studies).toMatchObject([{ study, paused: true, running: 0 }])
    const events: StudyEvent[] = []
    const leave = new AbortController()
    const watching = (async () => {
      for await (const event of bench.api.studies.watch({ study }, { signal: leave.signal })) events.push(event)
    })()
    await wait(700)
    // A snapshot, and silence.
    expect(events).toMatchObject([{ kind: 'snapshot', state: 'running', schedule: { paused: true } }])
    const value = 'value' in events[0] ? events[0].value : 0
    expect(value).toBeGreaterThan(0)
    await bench.api.queue.resume({ study })
    const { state, result } = await follow(bench, study)
    leave.abort()
    await watching
    expect(state).toBe('succeeded')
    // It went on: nothing fell behind the pause.
    const values = events.flatMap((event) => ('value' in event ? [event.value] : []))
    expect(values).toEqual(values.toSorted((a, b) => a - b))

    await using other = await withDataset(await newBench())
    const undisturbed = (await runStudy(other, await createStudy(other, long))).result
    expect(result.runs.map((run) => run.metrics)).toEqual(undisturbed.runs.map((run) => run.metrics))
  })

  it('pauses everything, and cancels what is paused', async () => {
    await using bench = await withDataset(await newBench())
    const study = await createStudy(bench, long)
    await bench.api.studies.run({ study })
    await waitForEvent(bench, study, isTraining)
    expect(await bench.api.queue.pause({})).toMatchObject({ paused: true, studies: [{ running: 0, paused: false }] })
    expect((await bench.api.studies.cancel({ study })).state).toBe('cancelled')
    expect((await bench.api.queue.resume({})).paused).toBe(false)
    expect((await runStudy(bench, study)).state).toBe('succeeded')
  })

  it('goes on with a stage that a study at work shares with a paused one', async () => {
    await using bench = await withDataset(await newBench())
    const first = await createStudy(bench, long)
    const second = await createStudy(bench, { ...long, name: 'second' })
    await bench.api.studies.run({ study: first })
    await bench.api.studies.run({ study: second })
    await waitForEvent(bench, second, isTraining)
    const { studies } = await bench.api.queue.pause({ study: first })
    expect(studies.find((entry) => entry.study === (first as StudyId))?.running).toBeGreaterThan(0)
    const { result } = await follow(bench, second)
    expect(result.runs.every((run) => run.state === 'succeeded')).toBe(true)
    // Computed once, for both.
    expect((await follow(bench, first)).state).toBe('succeeded')
  })

  it('lets studies take turns, and an urgent one go first', async () => {
    await using bench = await withDataset(await newBench())
    const many = { methods: ['gold', 'none'], golds: 2, seeds: 4, settings: { epochs: 1 } }
    const first = await createStudy(bench, many)
    const second = await createStudy(bench, { ...many, name: 'second', settings: { ...many.settings, lr: 1e-3 } })
    const urgent = await createStudy(bench, { ...many, name: 'urgent', settings: { ...many.settings, lr: 2e-3 } })
    await bench.api.queue.pause({})
    for (const study of [first, second]) await bench.api.studies.run({ study })
    await bench.api.studies.run({ study: urgent, priority: 'high' })
    const before = await bench.api.queue.get(undefined)
    expect(before.studies.map(({ name, priority }) => [name, priority])).toEqual([
      ['urgent', 'high'],
      ['study', 'normal'],
      ['second', 'normal'],
    ])
    // Trainings by their begin: which of two at work ends first is the machine's to say.
    const begun = new Map<string, string>()
    const followed = [first, second, urgent].map(async (study) => {
      for await (const event of bench.api.studies.watch({ study })) {
        if (event.kind !== 'stage' || event.stage.state !== 'running') continue
        // Untrained networks, say, are shared by all three.
        const { kind, key } = event.stage
        if (kind.startsWith('train-') && !begun.has(key)) begun.set(key, study)
      }
    })
    await bench.api.queue.resume({})
    await Promise.all(followed)
    const own = many.golds + many.seeds
    const order = [...begun.values()]
    expect(order.length).toBe(3 * own)
    expect(order.slice(0, own)).toEqual(Array.from({ length: own }, () => urgent))
    // The others take turns: each has about half of the first half of what is left.
    const half = order.slice(own, 2 * own)
    for (const study of [first, second]) {
      expect(half.filter((name) => name === study).length).toBeGreaterThanOrEqual(own / 2 - 1)
    }
  })

  it('keeps priority and pause through a kill, until the study has ended', async () => {
    await using bench = await withDataset(await newBench())
    const study = await createStudy(bench, long)
    await bench.close()
    const child = fork(join(import.meta.dirname, 'children', 'run-study.ts'), [bench.root, study, 'hold'], {
      execArgv: [],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const [held] = (await once(child, 'message')) as unknown[]
    expect(held).toMatchObject({ paused: true, studies: [{ priority: 'high', paused: true, running: 0 }] })
    child.kill('SIGKILL')
    await once(child, 'exit')

    await using again = await openBench(bench.root)
    await again.api.studies.run({ study })
    expect(await again.api.queue.get(undefined)).toMatchObject({
      paused: true,
      studies: [{ study, priority: 'high', paused: true, running: 0 }],
    })
    await again.api.queue.resume({})
    expect((await again.api.queue.get(undefined)).studies).toMatchObject([{ paused: true, running: 0 }])
    // An orderly end keeps it as well.
    const next = await again.reopen()
    try {
      await next.api.studies.run({ study })
      expect(await next.api.queue.get(undefined)).toMatchObject({
        paused: false,
        studies: [{ priority: 'high', paused: true, running: 0 }],
      })
      await next.api.queue.resume({ study })
      expect((await follow(next, study)).state).toBe('succeeded')
      // What was decided was for this job.
      const other = await createStudy(next, { ...long, name: 'later', settings: { epochs: 40, lr: 1e-3 } })
      await next.api.studies.run({ study: other })
      expect((await next.api.queue.get(undefined)).studies).toMatchObject([{ priority: 'normal', paused: false }])
      await next.api.studies.cancel({ study: other })
    } finally {
      await next.close()
    }
  })

  it('has no place for a study that is not at work', async () => {
    await using bench = await withDataset(await newBench())
    const study = await createStudy(bench)
    await expect(bench.api.queue.pause({ study })).rejects.toMatchObject({ code: 'conflict' })
    await expect(bench.api.queue.prioritise({ study, priority: 'high' })).rejects.toMatchObject({ code: 'conflict' })
    expect(await bench.api.queue.get(undefined)).toEqual({ paused: false, shortOfMemory: false, studies: [] })
  })
})

describe('a second forget set of the same class', () => {
  it('costs no training of original or twin, and the ledger shows it', async () => {
    await using bench = await withDataset(await newBench())
    const methods = ['gold', 'none', 'tmu', 'count-matched-random']
    const settings = { epochs: 3, 'tmu.epochs': 1 }
    const first = await createStudy(bench, { methods, settings })
    const before = (await runStudy(bench, first)).result
    await bench.api.forgetSets.create({
      name: 'others across',
      dataset: 'stripes',
      split: 'default',
      className: 'across',
      fraction: 0.5,
      seed: 7,
    })
    const second = await createStudy(bench, { name: 'second', forgetSet: 'others across', methods, settings })
    expect((await bench.api.studies.plan({ study: second })).trains).toEqual({
      originals: 0,
      golds: 2,
      twins: 0,
      shadows: 0,
    })
    const { result, events } = await runStudy(bench, second)
    expect(result.runs.every((run) => run.state === 'succeeded')).toBe(true)
    const trained = finishedLabels(events).filter((label) => /^train-(original|twin)/.test(label))
    expect(trained).toEqual([])
    // Both studies' models cost the same once; the second request paid for none of it.
    expect(result.ledger.perDataset).toEqual(before.ledger.perDataset)
    expect(result.ledger.perClass).toEqual(before.ledger.perClass)
    expect(result.ledger.reused).toMatchObject({
      perDataset: { stages: 1, visitsBackward: before.ledger.perDataset.visitsBackward },
      perClass: { stages: 2, visitsBackward: before.ledger.perClass.visitsBackward },
    })
    expect(before.ledger.reused).toMatchObject({ perDataset: { stages: 0 }, perClass: { stages: 0 } })
    // Also for whoever looks later.
    const reopened = await bench.reopen()
    try {
      expect((await reopened.api.studies.result({ study: second })).ledger).toEqual(result.ledger)
    } finally {
      await reopened.close()
    }
    await using again = await openBench(bench.root)
    expect((await again.api.studies.result({ study: first })).ledger).toEqual(before.ledger)
  })
})
