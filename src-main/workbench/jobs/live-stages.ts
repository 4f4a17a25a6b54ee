import type { StageNode } from '#main/compute/stages.ts'
import type { CurvePoint, StageCost } from '#shared/domain/stage.ts'
import type { AppErrorShape } from '#shared/errors.ts'
import type { StageKey } from '#shared/ids.ts'
import type { LiveStage, StudyEvent } from '#shared/progress.ts'
import { EventFeed } from './event-feed.ts'
import { JobProgress, type ProgressStage } from './job-progress.ts'

interface MutableStage {
  readonly node: StageNode
  state: LiveStage['state']
  reused: boolean
  value: number
  curve: CurvePoint[]
  cost: StageCost | null
  error: LiveStage['error']
  toldAt: number
}

/** Progress of one stage is told no more often than this, ms. */
const tellEveryMs = 200

/** What a job tells of its stages: how each stands, how far all of it is, and the stream of what changes. */
export class LiveStages {
  readonly feed: EventFeed
  readonly #stages: ReadonlyMap<StageKey, MutableStage>
  readonly #progress: JobProgress
  #ended = false

  /** `about` says how the job itself stands, for whoever looks in. */
  constructor(
    nodes: readonly StageNode[],
    capacity: number,
    about: () => Pick<Extract<StudyEvent, { kind: 'snapshot' }>, 'state' | 'schedule'>,
  ) {
    this.#stages = new Map(nodes.map((node) => [node.key, newStage(node)]))
    this.#progress = new JobProgress(capacity)
    this.feed = new EventFeed(() => ({
      kind: 'snapshot',
      stages: [...this.#stages.values()].map((stage) => this.#live(stage)),
      ...this.fraction(),
      ...about(),
    }))
  }

  /** It was there when the job began. True unless that was known already. */
  reuse(key: StageKey, cost: StageCost | null, curve: readonly CurvePoint[]): boolean {
    const stage = this.#stages.get(key)
    if (stage === undefined || stage.state === 'succeeded') return false
    Object.assign(stage, { state: 'succeeded', reused: true, value: 1, cost, curve: [...curve] })
    return true
  }

  /** They are to be computed. */
  want(stages: readonly ProgressStage[]): void {
    this.#progress.add(stages)
  }

  isReused(key: StageKey): boolean {
    return this.#stages.get(key)?.reused === true
  }

  start(key: StageKey): void {
    const stage = this.#stages.get(key)
    if (stage === undefined) return
    stage.state = 'running'
    stage.error = null
    this.#progress.start(key, performance.now())
    this.#tell(stage)
  }

  update(key: StageKey, value: number): void {
    const stage = this.#stages.get(key)
    if (stage === undefined) return
    stage.value = Math.max(stage.value, value)
    this.#progress.update(key, value, performance.now())
    if (performance.now() - stage.toldAt >= tellEveryMs) this.#tell(stage)
  }

  /** A resumed stage repeats its points; a point is known by its epoch. */
  extend(key: StageKey, point: CurvePoint): void {
    const stage = this.#stages.get(key)
    if (stage === undefined || stage.curve.some(({ epoch }) => epoch === point.epoch)) return
    stage.curve.push(point)
    this.feed.publish({ kind: 'curve', key, point })
  }

  finish(key: StageKey, cost: StageCost, reused: boolean): void {
    const stage = this.#stages.get(key)
    if (stage === undefined) return
    Object.assign(stage, { state: 'succeeded', reused, value: 1, cost, error: null })
    this.#progress.end(key, reused ? null : cost.seconds)
    this.#tell(stage)
  }

  fail(key: StageKey, error: AppErrorShape): void {
    const stage = this.#stages.get(key)
    if (stage === undefined) return
    Object.assign(stage, { state: 'failed', error })
    this.#progress.giveUp(key)
    this.#tell(stage)
  }

  stop(key: StageKey, state: 'cancelled' | 'interrupted'): void {
    const stage = this.#stages.get(key)
    if (stage === undefined) return
    stage.state = state
    this.#tell(stage)
  }

  /** It goes on later, from its last checkpoint. */
  putOff(key: StageKey): void {
    const stage = this.#stages.get(key)
    if (stage === undefined) return
    stage.state = 'queued'
    this.#progress.putOff(key)
    this.#tell(stage)
  }

  /** Nobody needs it any more. One that never began is only put off; its row stays queued. */
  giveUp(key: StageKey): void {
    const stage = this.#stages.get(key)
    this.#progress.giveUp(key)
    if (stage === undefined || stage.state === 'failed') return
    stage.state = stage.state === 'running' ? 'cancelled' : 'planned'
    this.#tell(stage)
  }

  /** The whole job stops here: it is as far as it got. */
  freeze(): void {
    this.#progress.freeze()
  }

  end(event: StudyEvent): void {
    this.#ended = true
    this.feed.end(event)
  }

  counts(): { readonly running: number; readonly waiting: number } {
    return this.#progress.counts()
  }

  fraction(): { readonly value: number; readonly etaSeconds: number | null } {
    return {
      value: this.#progress.value(),
      etaSeconds: this.#ended ? null : this.#progress.etaSeconds(performance.now()),
    }
  }

  firstError(): LiveStage['error'] {
    for (const { error } of this.#stages.values()) if (error !== null) return error
    return null
  }

  #tell(stage: MutableStage): void {
    stage.toldAt = performance.now()
    this.feed.publish({ kind: 'stage', stage: this.#live(stage), ...this.fraction() })
  }

  #live({ node, state, reused, value, curve, cost, error }: MutableStage): LiveStage {
    return {
      key: node.key,
      kind: node.kind,
      label: node.label,
      state,
      reused,
      value,
      etaSeconds: state === 'running' ? this.#progress.stageEtaSeconds(node.key, performance.now()) : null,
      curve: [...curve],
      cost,
      error,
    }
  }
}

function newStage(node: StageNode): MutableStage {
  return { node, state: 'planned', reused: false, value: 0, curve: [], cost: null, error: null, toldAt: 0 }
}
