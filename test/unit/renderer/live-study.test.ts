import { describe, expect, it } from 'vitest'
import { unhurried } from '#shared/domain/queue.ts'
import type { CurvePoint } from '#shared/domain/stage.ts'
import type { StageKey } from '#shared/ids.ts'
import type { LiveStage, StudyEvent } from '#shared/progress.ts'
import { applyStudyEvent, emptyLiveStudy, type LiveStudy } from '../../../src-renderer/lib/live-study.ts'

const point = (epoch: number, loss = 1): CurvePoint => ({ epoch, loss, accuracy: 0.5, learningRate: 0.01 })
const stage = (key: string, more: Partial<LiveStage> = {}): LiveStage => ({
  key: key as StageKey,
  kind: 'train-gold',
  label: key,
  state: 'planned',
  reused: false,
  value: 0,
  etaSeconds: null,
  curve: [],
  cost: null,
  error: null,
  ...more,
})
const play = (events: readonly StudyEvent[]): LiveStudy => events.reduce(applyStudyEvent, emptyLiveStudy)
const snapshot: Extract<StudyEvent, { kind: 'snapshot' }> = {
  kind: 'snapshot',
  state: 'running',
  stages: [stage('a'), stage('b')],
  value: 0.1,
  etaSeconds: 60,
  schedule: unhurried,
}

describe('a study followed live', () => {
  it('takes the pieces of a long snapshot for one', () => {
    const [first] = snapshot.stages
    const more = { ...first, key: 'another' as typeof first.key }
    const live = applyStudyEvent(applyStudyEvent(emptyLiveStudy, snapshot), { kind: 'stages', stages: [more] })
    expect(live.stages).toEqual([...snapshot.stages, more])
  })

  it('starts from the snapshot and replaces stages as they move', () => {
    const live = play([
      snapshot,
      { kind: 'stage', stage: stage('b', { state: 'running', value: 0.5 }), value: 0.3, etaSeconds: 40 },
    ])
    expect(live.stages.map(({ key, state }) => [key, state])).toEqual([
      ['a', 'planned'],
      ['b', 'running'],
    ])
    expect([live.value, live.etaSeconds]).toEqual([0.3, 40])
  })

  it('takes in a stage that the snapshot did not have', () => {
    const live = play([snapshot, { kind: 'stage', stage: stage('c'), value: 0.1, etaSeconds: null }])
    expect(live.stages.map(({ key }) => key)).toEqual(['a', 'b', 'c'])
  })

  it('grows curves by epoch', () => {
    const live = play([
      snapshot,
      ...[1, 2, 3].map((epoch): StudyEvent => ({ kind: 'curve', key: 'a' as StageKey, point: point(epoch) })),
    ])
    expect(live.stages[0]?.curve.map(({ epoch }) => epoch)).toEqual([1, 2, 3])
  })

  it('draws the epochs after a checkpoint once, as they were told last', () => {
    const events = [point(1), point(2, 9), point(3, 9), point(2, 4)].map(
      (p): StudyEvent => ({ kind: 'curve', key: 'a' as StageKey, point: p }),
    )
    const [first] = play([snapshot, ...events]).stages
    expect(first?.curve.map(({ epoch, loss }) => [epoch, loss])).toEqual([
      [1, 1],
      [2, 4],
    ])
  })

  it('keeps a curve when news of the stage come without it', () => {
    const live = play([
      snapshot,
      { kind: 'curve', key: 'a' as StageKey, point: point(1) },
      { kind: 'stage', stage: stage('a', { state: 'succeeded', value: 1 }), value: 0.5, etaSeconds: null },
    ])
    expect(live.stages[0]).toMatchObject({ state: 'succeeded', curve: [point(1)] })
  })

  it('doubles nothing when the stream is joined again', () => {
    const events: StudyEvent[] = [snapshot, { kind: 'curve', key: 'a' as StageKey, point: point(1) }]
    const again: StudyEvent = { ...snapshot, stages: [stage('a', { curve: [point(1)] }), stage('b')] }
    expect(play([...events, again]).stages[0]?.curve).toEqual([point(1)])
  })

  it('says that it is paused, and that it goes on', () => {
    const paused = { ...unhurried, paused: true }
    expect(play([snapshot, { kind: 'schedule', schedule: paused }]).schedule.paused).toBe(true)
    expect(play([{ ...snapshot, schedule: paused }, snapshot]).schedule.paused).toBe(false)
  })

  it('ends with the job, full only when it succeeded', () => {
    const done = play([snapshot, { kind: 'finished', state: 'succeeded', error: null }])
    expect([done.state, done.value, done.etaSeconds]).toEqual(['succeeded', 1, null])
    const failed = play([
      snapshot,
      { kind: 'finished', state: 'failed', error: { code: 'disk-full', message: 'The disk is full.' } },
    ])
    expect([failed.state, failed.value, failed.error?.code]).toEqual(['failed', 0.1, 'disk-full'])
  })
})
