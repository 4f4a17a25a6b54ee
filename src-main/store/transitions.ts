import type { JobState } from '#shared/domain/stage.ts'
import type { Study } from '#shared/domain/study.ts'

export type StudyState = Study['state']

export const jobStates = [
  'queued',
  'running',
  'succeeded',
  'failed',
  'cancelled',
  'interrupted',
] as const satisfies readonly JobState[]

export interface Transition<State extends string> {
  readonly from: readonly State[]
  readonly to: State
  /** "a queued stage can't be …" */
  readonly participle: string
}

const ended = ['succeeded', 'failed', 'cancelled', 'interrupted'] as const

/**
 * Every change of state there is. `invalidate` and `requeue` both lead back to the queue, but only the first one
 * gives up results: an ended stage whose objects are lost, a run that is asked for again.
 */
export const transitions = {
  stage: {
    start: { from: ['queued'], to: 'running', participle: 'started' },
    finish: { from: ['running'], to: 'succeeded', participle: 'finished' },
    fail: { from: ['running'], to: 'failed', participle: 'failed' },
    cancel: { from: ['queued', 'running'], to: 'cancelled', participle: 'cancelled' },
    interrupt: { from: ['running'], to: 'interrupted', participle: 'interrupted' },
    requeue: { from: ['failed', 'cancelled', 'interrupted'], to: 'queued', participle: 'queued again' },
    invalidate: { from: ['succeeded'], to: 'queued', participle: 'invalidated' },
  },
  run: {
    start: { from: ['queued'], to: 'running', participle: 'started' },
    finish: { from: ['running'], to: 'succeeded', participle: 'finished' },
    // A run also fails when a stage that it shares failed before its own turn came.
    fail: { from: ['queued', 'running'], to: 'failed', participle: 'failed' },
    cancel: { from: ['queued', 'running'], to: 'cancelled', participle: 'cancelled' },
    interrupt: { from: ['running'], to: 'interrupted', participle: 'interrupted' },
    requeue: { from: ['failed', 'cancelled', 'interrupted'], to: 'queued', participle: 'queued again' },
    invalidate: { from: ['succeeded'], to: 'queued', participle: 'invalidated' },
  },
  study: {
    queue: { from: ['new', ...ended], to: 'queued', participle: 'queued' },
    start: { from: ['new', 'queued', ...ended], to: 'running', participle: 'started' },
    finish: { from: ['running'], to: 'succeeded', participle: 'finished' },
    fail: { from: ['running'], to: 'failed', participle: 'failed' },
    cancel: { from: ['queued', 'running'], to: 'cancelled', participle: 'cancelled' },
    interrupt: { from: ['running'], to: 'interrupted', participle: 'interrupted' },
  },
} as const satisfies {
  readonly stage: Readonly<Record<string, Transition<JobState>>>
  readonly run: Readonly<Record<string, Transition<JobState>>>
  readonly study: Readonly<Record<string, Transition<StudyState>>>
}

/** The states of a transition as an SQL list. They are this file's own words, never a user's. */
export function stateList(states: readonly string[]): string {
  return `(${states.map((state) => `'${state}'`).join(', ')})`
}
