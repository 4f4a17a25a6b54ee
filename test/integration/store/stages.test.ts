import { describe, expect, it } from 'vitest'
import { createRepositories, type Repositories } from '#main/store/index.ts'
import type { NewStage } from '#main/store/repositories/stages.ts'
import type { StudyState } from '#main/store/transitions.ts'
import type { JobState } from '#shared/domain/stage.ts'
import type { RunId, StageKey, StudyId } from '#shared/ids.ts'
import { anyHash, anyKey, cost, insertGround, temporaryRepositories, thrownBy } from './support.ts'

const states: readonly JobState[] = ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'interrupted']
const lease = { worker: 'worker 1', expiresAt: '2026-11-23T10:01:00.000Z' }
const error = { code: 'diverged', message: 'The loss became NaN.' } as const
const outputs = { weights: anyHash('weights'), curve: anyHash('curve') }
const result = { metrics: {}, cost: { seconds: 1, visitsForward: 1, visitsBackward: 1 }, outcome: anyHash('outcome') }

function newStage(name: string): NewStage {
  return { key: anyKey(name), kind: 'train-gold', version: 1, engine: 'wasm', seed: 3 }
}

/** A stage in some state, reached by allowed steps. */
function stageIn({ stages }: Repositories, state: JobState, name: string = state): StageKey {
  const { key } = stages.ensureStage(newStage(name), '{"epochs":10}')
  if (state === 'queued') return key
  if (state === 'cancelled') {
    stages.cancelStage(key)
    return key
  }
  stages.startStage(key, lease)
  if (state === 'succeeded') stages.finishStage(key, outputs, cost)
  if (state === 'failed') stages.failStage(key, error)
  if (state === 'interrupted') stages.interruptStage(key)
  return key
}

function studyIn({ studies }: Repositories, ground: ReturnType<typeof insertGround>, state: StudyState): StudyId {
  const { id } = studies.insertStudy(
    { name: `${state} ${Math.floor(performance.now() * 1000)}`, config: ground.config },
    [{ method: 'gold', seed: 0 }],
  )
  if (state === 'new') return id
  if (state === 'queued') {
    studies.setStudyState(id, 'queued')
    return id
  }
  studies.setStudyState(id, 'running')
  if (state !== 'running') studies.setStudyState(id, state)
  return id
}

function runIn(repositories: Repositories, ground: ReturnType<typeof insertGround>, state: JobState): RunId {
  const studyId = studyIn(repositories, ground, 'new')
  const id = repositories.runs.listRuns({ studyId })[0]?.id
  if (id === undefined) throw new Error('The study has no run.')
  const { runs } = repositories
  if (state === 'queued') return id
  if (state === 'cancelled') {
    runs.cancelRun(id)
    return id
  }
  runs.startRun(id)
  if (state === 'succeeded') runs.finishRun(id, result)
  if (state === 'failed') runs.failRun(id, error)
  if (state === 'interrupted') runs.interruptRun(id)
  return id
}

/** DESIGN section 5: queued -> running -> succeeded | failed | cancelled | interrupted, and back by resuming. */
describe('changes of state', () => {
  const stageSteps: Readonly<
    Record<string, { from: readonly JobState[]; to: JobState; apply: (r: Repositories, k: StageKey) => unknown }>
  > = {
    start: { from: ['queued'], to: 'running', apply: ({ stages }, key) => stages.startStage(key, lease) },
    finish: { from: ['running'], to: 'succeeded', apply: ({ stages }, key) => stages.finishStage(key, outputs, cost) },
    fail: { from: ['running'], to: 'failed', apply: ({ stages }, key) => stages.failStage(key, error) },
    cancel: { from: ['queued', 'running'], to: 'cancelled', apply: ({ stages }, key) => stages.cancelStage(key) },
    interrupt: { from: ['running'], to: 'interrupted', apply: ({ stages }, key) => stages.interruptStage(key) },
    requeue: {
      from: ['failed', 'cancelled', 'interrupted'],
      to: 'queued',
      apply: ({ stages }, key) => stages.requeueStage(key),
    },
    invalidate: { from: ['succeeded'], to: 'queued', apply: ({ stages }, key) => stages.invalidateStage(key) },
  }

  it.each(Object.entries(stageSteps))(
    'of a stage: %s happens from its states alone',
    async (_name, { from, to, apply }) => {
      const { repositories } = await temporaryRepositories()
      for (const state of states) {
        const key = stageIn(repositories, state)
        const before = repositories.stages.getStage(key)
        if (from.includes(state)) {
          apply(repositories, key)
          expect(repositories.stages.getStage(key)?.state).toBe(to)
        } else {
          expect(thrownBy(() => apply(repositories, key))).toMatchObject({
            code: 'conflict',
            message: expect.stringContaining(`is ${state} and can't be`),
            details: { stage: key, state },
          })
          expect(repositories.stages.getStage(key)).toEqual(before)
        }
      }
    },
  )

  const runSteps: Readonly<
    Record<string, { from: readonly JobState[]; to: JobState; apply: (r: Repositories, id: RunId) => unknown }>
  > = {
    start: { from: ['queued'], to: 'running', apply: ({ runs }, id) => runs.startRun(id) },
    finish: { from: ['running'], to: 'succeeded', apply: ({ runs }, id) => runs.finishRun(id, result) },
    fail: { from: ['queued', 'running'], to: 'failed', apply: ({ runs }, id) => runs.failRun(id, error) },
    cancel: { from: ['queued', 'running'], to: 'cancelled', apply: ({ runs }, id) => runs.cancelRun(id) },
    interrupt: { from: ['running'], to: 'interrupted', apply: ({ runs }, id) => runs.interruptRun(id) },
    requeue: {
      from: ['failed', 'cancelled', 'interrupted'],
      to: 'queued',
      apply: ({ runs }, id) => runs.requeueRun(id),
    },
    invalidate: { from: ['succeeded'], to: 'queued', apply: ({ runs }, id) => runs.invalidateRun(id) },
  }

  it.each(Object.entries(runSteps))(
    'of a run: %s happens from its states alone',
    async (_name, { from, to, apply }) => {
      const { repositories } = await temporaryRepositories()
      const ground = insertGround(repositories)
      for (const state of states) {
        const id = runIn(repositories, ground, state)
        if (from.includes(state)) {
          apply(repositories, id)
          expect(repositories.runs.findRun(id)?.state).toBe(to)
        } else {
          expect(thrownBy(() => apply(repositories, id))).toMatchObject({
            code: 'conflict',
            details: { run: id, state },
          })
          expect(repositories.runs.findRun(id)?.state).toBe(state)
        }
      }
    },
  )

  const ended: readonly StudyState[] = ['succeeded', 'failed', 'cancelled', 'interrupted']
  const studySteps: readonly [Exclude<StudyState, 'new'>, readonly StudyState[]][] = [
    ['queued', ['new', ...ended]],
    ['running', ['new', 'queued', ...ended]],
    ['succeeded', ['running']],
    ['failed', ['running']],
    ['cancelled', ['queued', 'running']],
    ['interrupted', ['running']],
  ]

  it.each(studySteps)('of a study: to %s from its states alone', async (to, from) => {
    const { repositories } = await temporaryRepositories()
    const ground = insertGround(repositories)
    for (const state of ['new', ...states] as const) {
      const id = studyIn(repositories, ground, state)
      if (from.includes(state)) repositories.studies.setStudyState(id, to)
      else expect(thrownBy(() => repositories.studies.setStudyState(id, to))).toMatchObject({ code: 'conflict' })
      expect(repositories.studies.findStudy(id)?.state).toBe(from.includes(state) ? to : state)
    }
  })

  it('of something that is not there are refused as not found', async () => {
    const { repositories } = await temporaryRepositories()
    const { stages, runs, studies } = repositories
    const attempts = [
      () => stages.startStage(anyKey('none'), lease),
      () => stages.saveCheckpoint(anyKey('none'), anyHash('c'), 1),
      () => runs.cancelRun('none' as RunId),
      () => studies.setStudyState('none' as StudyId, 'running'),
    ]
    for (const attempt of attempts) expect(thrownBy(attempt)).toMatchObject({ code: 'not-found' })
  })
})

describe('a stage', () => {
  it('is inserted once, and afterwards found as it is', async () => {
    const { repositories } = await temporaryRepositories()
    const { stages } = repositories
    const made = stages.ensureStage(newStage('a'), '{"epochs":10}')
    expect(made).toMatchObject({ ...newStage('a'), state: 'queued', outputs: {}, spec: '{"epochs":10}', cost: null })
    stages.startStage(made.key, lease)
    stages.finishStage(made.key, outputs, cost)
    expect(stages.ensureStage(newStage('a'), '{"epochs":10}')).toMatchObject({ state: 'succeeded', outputs, cost })
    expect(stages.listStages()).toHaveLength(1)
    expect(stages.getStage(anyKey('b'))).toBeNull()
  })

  it('never shares its key with other work', async () => {
    const { repositories } = await temporaryRepositories()
    repositories.stages.ensureStage(newStage('a'), '{}')
    const other: NewStage = { ...newStage('a'), seed: 4 }
    expect(thrownBy(() => repositories.stages.ensureStage(other, '{}'))).toMatchObject({ code: 'internal' })
  })

  it('says who computes it, until when, and lets the lease be renewed while it runs', async () => {
    const { repositories } = await temporaryRepositories()
    const key = stageIn(repositories, 'running')
    expect(repositories.stages.getStage(key)?.lease).toEqual(lease)
    repositories.stages.renewLease(key, '2026-11-23T10:02:00.000Z')
    expect(repositories.stages.getStage(key)?.lease?.expiresAt).toBe('2026-11-23T10:02:00.000Z')
    repositories.stages.cancelStage(key)
    expect(repositories.stages.getStage(key)?.lease).toBeNull()
    expect(thrownBy(() => repositories.stages.renewLease(key, lease.expiresAt))).toMatchObject({ code: 'conflict' })
  })

  it('replaces its checkpoint and gives the one before back, until it is finished', async () => {
    const { repositories } = await temporaryRepositories()
    const { stages } = repositories
    const key = stageIn(repositories, 'running')
    expect(stages.saveCheckpoint(key, anyHash('epoch 1'), 1)).toBeNull()
    expect(stages.saveCheckpoint(key, anyHash('epoch 2'), 2)).toEqual({ object: anyHash('epoch 1'), epoch: 1 })
    expect(stages.getStage(key)?.checkpoint).toEqual({ object: anyHash('epoch 2'), epoch: 2 })
    expect(stages.finishStage(key, outputs, cost)).toEqual({ object: anyHash('epoch 2'), epoch: 2 })
    expect(stages.getStage(key)?.checkpoint).toBeNull()
  })

  it.each(['failed', 'cancelled', 'interrupted'] as const)('that was %s resumes from its checkpoint', async (state) => {
    const { repositories } = await temporaryRepositories()
    const { stages } = repositories
    const key = stageIn(repositories, 'running')
    stages.saveCheckpoint(key, anyHash('epoch 5'), 5)
    if (state === 'failed') stages.failStage(key, error)
    else if (state === 'cancelled') stages.cancelStage(key)
    else stages.interruptStage(key)
    expect(thrownBy(() => stages.saveCheckpoint(key, anyHash('late'), 6))).toMatchObject({ code: 'conflict' })
    stages.requeueStage(key)
    expect(stages.getStage(key)).toMatchObject({
      state: 'queued',
      error: null,
      checkpoint: { object: anyHash('epoch 5'), epoch: 5 },
    })
    expect(stages.dropCheckpoint(key)).toEqual({ object: anyHash('epoch 5'), epoch: 5 })
    expect(stages.getStage(key)?.checkpoint).toBeNull()
  })

  it('gives up outputs and cost when it is invalidated', async () => {
    const { repositories } = await temporaryRepositories()
    const key = stageIn(repositories, 'succeeded')
    repositories.stages.invalidateStage(key)
    expect(repositories.stages.getStage(key)).toMatchObject({
      state: 'queued',
      outputs: {},
      cost: null,
      finishedAt: null,
    })
  })

  it('is listed by state', async () => {
    const { repositories } = await temporaryRepositories()
    for (const state of states) stageIn(repositories, state)
    for (const state of states) {
      expect(repositories.stages.listStages({ state }).map(({ key }) => key)).toEqual([anyKey(state)])
    }
    expect(repositories.stages.listStages()).toHaveLength(6)
  })

  it('belongs to several studies under different names, each in its own order', async () => {
    const { repositories } = await temporaryRepositories()
    const { stages } = repositories
    const ground = insertGround(repositories)
    const [first, second] = [studyIn(repositories, ground, 'new'), studyIn(repositories, ground, 'running')]
    const [gold, features] = [stageIn(repositories, 'succeeded', 'g'), stageIn(repositories, 'queued', 'f')]
    const runId = repositories.runs.listRuns({ studyId: first })[0]?.id ?? null
    stages.linkStudyStage({ studyId: first, stageKey: gold, runId, label: 'gold 0', scope: 'evidence' })
    stages.linkStudyStage({ studyId: first, stageKey: features, runId: null, label: 'features', scope: 'class' })
    stages.linkStudyStage({
      studyId: second,
      stageKey: features,
      runId: null,
      label: 'twin features',
      scope: 'dataset',
    })
    stages.linkStudyStage({ studyId: first, stageKey: gold, runId: null, label: 'gold', scope: 'evidence' })
    const named = (studyId: StudyId): unknown =>
      stages.listStudyStages(studyId).map(({ key, label, scope, runId: run, state }) => [key, label, scope, run, state])
    expect(named(first)).toEqual([
      [gold, 'gold', 'evidence', null, 'succeeded'],
      [features, 'features', 'class', null, 'queued'],
    ])
    expect(named(second)).toEqual([[features, 'twin features', 'dataset', null, 'queued']])
  })
})

describe('the work of a holder that is gone', () => {
  it('is interrupted by the next one, and only what was running', async () => {
    const { db, repositories: dead } = await temporaryRepositories({ holder: 'dead' })
    const ground = insertGround(dead)
    const keys = states.map((state) => stageIn(dead, state))
    const running = studyIn(dead, ground, 'running')
    const waiting = studyIn(dead, ground, 'queued')
    const run = runIn(dead, ground, 'running')
    const done = runIn(dead, ground, 'succeeded')

    const next = createRepositories(db, { holder: 'next' })
    expect(next.sweepLeases()).toEqual({ stages: [anyKey('running')], runs: [run], studies: [running] })
    expect(keys.map((key) => next.stages.getStage(key)?.state)).toEqual(
      states.map((state) => (state === 'running' ? 'interrupted' : state)),
    )
    expect(next.stages.getStage(anyKey('running'))?.lease).toBeNull()
    expect(next.studies.findStudy(running)?.state).toBe('interrupted')
    expect(next.studies.findStudy(waiting)?.state).toBe('queued')
    expect(next.runs.findRun(run)?.state).toBe('interrupted')
    expect(next.runs.findRun(done)?.state).toBe('succeeded')
    expect(next.sweepLeases()).toEqual({ stages: [], runs: [], studies: [] })
  })

  it('leaves alone what the sweeping holder itself runs', async () => {
    const { repositories } = await temporaryRepositories({ holder: 'self' })
    const ground = insertGround(repositories)
    const key = stageIn(repositories, 'running')
    const study = studyIn(repositories, ground, 'running')
    const run = runIn(repositories, ground, 'running')
    expect(repositories.sweepLeases()).toEqual({ stages: [], runs: [], studies: [] })
    expect(repositories.stages.getStage(key)?.state).toBe('running')
    expect(repositories.studies.findStudy(study)?.state).toBe('running')
    expect(repositories.runs.findRun(run)?.state).toBe('running')
  })

  it('cannot be written over by the old one, should it come back', async () => {
    const { db, repositories: old } = await temporaryRepositories({ holder: 'old' })
    const ground = insertGround(old)
    const key = stageIn(old, 'running')
    const run = runIn(old, ground, 'running')
    const next = createRepositories(db, { holder: 'next' })
    next.sweepLeases()
    next.stages.requeueStage(key)
    next.stages.startStage(key, lease)
    next.runs.requeueRun(run)
    next.runs.startRun(run)
    const attempts = [
      () => old.stages.finishStage(key, outputs, cost),
      () => old.stages.failStage(key, error),
      () => old.stages.cancelStage(key),
      () => old.stages.renewLease(key, lease.expiresAt),
      () => old.stages.saveCheckpoint(key, anyHash('late'), 9),
      () => old.runs.finishRun(run, result),
      () => old.runs.cancelRun(run),
    ]
    for (const attempt of attempts) expect(thrownBy(attempt)).toMatchObject({ code: 'conflict' })
    next.stages.finishStage(key, outputs, cost)
    next.runs.finishRun(run, result)
  })
})
