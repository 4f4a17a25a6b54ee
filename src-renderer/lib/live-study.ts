import { type Schedule, unhurried } from '#shared/domain/queue.ts'
import type { CurvePoint, JobState } from '#shared/domain/stage.ts'
import { type AppErrorShape, assertNever } from '#shared/errors.ts'
import type { LiveStage, StudyEvent } from '#shared/progress.ts'

/** What a study's stream has told so far. */
export interface LiveStudy {
  readonly state: JobState | 'new'
  readonly stages: readonly LiveStage[]
  /** 0..1 of the whole job. */
  readonly value: number
  readonly etaSeconds: number | null
  readonly error: AppErrorShape | null
  readonly schedule: Schedule
}

export const emptyLiveStudy: LiveStudy = {
  state: 'new',
  stages: [],
  value: 0,
  etaSeconds: null,
  error: null,
  schedule: unhurried,
}

/** The next picture. A snapshot replaces everything, so that a stream joined again can't double anything. */
export function applyStudyEvent(live: LiveStudy, event: StudyEvent): LiveStudy {
  switch (event.kind) {
    case 'snapshot':
      return {
        state: event.state,
        stages: event.stages,
        value: event.value,
        etaSeconds: event.etaSeconds,
        error: null,
        schedule: event.schedule,
      }
    case 'stages':
      return { ...live, stages: [...live.stages, ...event.stages] }
    case 'schedule':
      return { ...live, schedule: event.schedule }
    case 'stage': {
      const known = live.stages.some((stage) => stage.key === event.stage.key)
      const stages = known
        ? live.stages.map((stage) => (stage.key === event.stage.key ? mergeStage(stage, event.stage) : stage))
        : [...live.stages, event.stage]
      return { ...live, stages, value: event.value, etaSeconds: event.etaSeconds }
    }
    case 'curve':
      return {
        ...live,
        stages: live.stages.map((stage) =>
          stage.key === event.key ? { ...stage, curve: withPoint(stage.curve, event.point) } : stage,
        ),
      }
    case 'finished':
      return {
        ...live,
        state: event.state,
        error: event.error,
        etaSeconds: null,
        value: event.state === 'succeeded' ? 1 : live.value,
      }
    default:
      return assertNever(event)
  }
}

/** A stage's news may come without its curve, which then still stands. */
function mergeStage(before: LiveStage, now: LiveStage): LiveStage {
  return now.curve.length >= before.curve.length ? now : { ...now, curve: before.curve }
}

/** A stage that went back to its checkpoint tells its later epochs again: they replace what was drawn. */
function withPoint(curve: readonly CurvePoint[], point: CurvePoint): readonly CurvePoint[] {
  return [...curve.filter((other) => other.epoch < point.epoch), point]
}

export function isActive(state: JobState | 'new' | 'planned'): boolean {
  return state === 'queued' || state === 'running'
}
