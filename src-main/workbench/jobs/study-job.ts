import type { ObjectStore } from '#main/artifacts/object-store.ts'
import type { StageNode, StageResult } from '#main/compute/stages.ts'
import { readJson } from '#main/compute/worker/array-objects.ts'
import type { Repositories } from '#main/store/index.ts'
import type { StudyStage } from '#main/store/repositories/stages.ts'
import type { Evaluation } from '#shared/domain/metrics.ts'
import type { QueuedStudy, Schedule } from '#shared/domain/queue.ts'
import type { Cost, CurvePoint, JobState, StageCost } from '#shared/domain/stage.ts'
import { AppError } from '#shared/errors.ts'
import type { ObjectHash, RunId, StageKey, StudyId } from '#shared/ids.ts'
import type { LiveStage, StudyEvent } from '#shared/progress.ts'
import { EventFeed } from './event-feed.ts'
import { dependenciesOf } from './graph.ts'
import { JobProgress, ranksOf } from './job-progress.ts'
import { costOfModel } from './run-cost.ts'
import type { Scheduler, StageWatcher, WantedStage } from './scheduler.ts'
import type { LoadedStudy, PlannedAttack, PlannedRun } from './study-loader.ts'
import { runsByStage } from './study-loader.ts'

/** How a job went, for `study run --json`. */
export interface JobSummary {
  readonly computed: number
  readonly reused: number
  readonly failed: number
  readonly seconds: number
}

/** What a stage will take. */
export interface StageEstimate {
  readonly seconds: number
  /** Bytes. */
  readonly memory: number
}

export interface JobParts {
  readonly loaded: LoadedStudy
  readonly repositories: Repositories
  readonly objects: ObjectStore
  readonly scheduler: Scheduler
  /** Stages that run at once. */
  readonly capacity: number
  /** `performance.now()` when the job was asked for. */
  readonly startedAt: number
  estimate(node: StageNode): StageEstimate
  learned(node: StageNode, cost: StageCost): void
  report(error: unknown): void
}

/** Runs that are asked for, and what there is of their study already. */
export interface JobRequest {
  readonly runs: readonly PlannedRun[]
  /** Those of them that have succeeded and lack nothing. */
  readonly settled: ReadonlySet<RunId>
  /** Rows of stages that have succeeded and whose outputs are there. */
  readonly available: ReadonlyMap<StageKey, StudyStage>
  /** Curves of available stages, for whoever looks in. */
  readonly curves: ReadonlyMap<StageKey, readonly CurvePoint[]>
  /** Attacks to be made, those that lack nothing among them. They have no rows: their stages are all there is. */
  readonly attacks: readonly PlannedAttack[]
}

interface JobAttack extends PlannedAttack {
  /** Stages that haven't finished yet. */
  readonly open: Set<StageKey>
  state: 'queued' | 'succeeded' | 'failed' | 'cancelled'
}

interface JobRun extends PlannedRun {
  /** Stages that haven't finished yet. */
  readonly open: Set<StageKey>
  state: 'queued' | 'running' | 'completing' | 'succeeded' | 'failed' | 'cancelled'
}

interface MutableStage {
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

/**
 * One study at work: wants its stages of the scheduler, writes what becomes of its runs, and says how far it is. A
 * failed stage fails the runs that need it; the others go on.
 */
export class StudyJob implements StageWatcher {
  readonly feed: EventFeed
  /** Resolves when every run is settled and no stage of the job runs any more. */
  readonly finished: Promise<JobState>
  readonly #parts: JobParts
  readonly #nodes: ReadonlyMap<StageKey, StageNode>
  readonly #stages = new Map<StageKey, MutableStage>()
  readonly #costs = new Map<StageKey, StageCost>()
  readonly #outputs = new Map<StageKey, Readonly<Record<string, ObjectHash>>>()
  readonly #runs = new Map<RunId, JobRun>()
  readonly #attacks = new Map<StageKey, JobAttack>()
  readonly #runsOfStage: ReadonlyMap<StageKey, readonly PlannedRun[]>
  readonly #progress: JobProgress
  readonly #settle: (state: JobState) => void
  /** Work under way that the end waits for. */
  readonly #pending = new Set<Promise<void>>()
  #seconds: number | null = null
  #computed = 0
  #failed = 0
  /** Stages that were there, or that another study computed meanwhile. */
  readonly #counted = new Set<StageKey>()
  #stop: 'cancelled' | 'interrupted' | null = null
  #ending = false
  #broken: AppError | null = null

  constructor(parts: JobParts) {
    this.#parts = parts
    this.#nodes = new Map(parts.loaded.nodes.map((node) => [node.key, node]))
    this.#runsOfStage = runsByStage(parts.loaded.runs)
    for (const { key } of parts.loaded.nodes) this.#stages.set(key, newStage())
    this.#progress = new JobProgress(parts.capacity)
    this.feed = new EventFeed(() => this.#snapshot())
    const { promise, resolve } = Promise.withResolvers<JobState>()
    this.finished = promise
    this.#settle = resolve
  }

  get study(): StudyId {
    return this.#parts.loaded.study.id
  }

  get summary(): JobSummary {
    return {
      computed: this.#computed,
      reused: this.#counted.size,
      failed: this.#failed,
      seconds: this.#seconds ?? (performance.now() - this.#parts.startedAt) / 1000,
    }
  }

  /** How things stand, for the queue. */
  get standing(): Pick<QueuedStudy, 'study' | 'name' | 'running' | 'waiting' | 'value' | 'etaSeconds'> {
    const { id, name } = this.#parts.loaded.study
    return { study: id, name, ...this.#progress.counts(), ...this.#fraction() }
  }

  isWorkingOn(run: RunId): boolean {
    return isOpen(this.#runs.get(run))
  }

  get ended(): boolean {
    return this.#seconds !== null
  }

  /**
   * Takes on runs, at its start or while it works on others. Their rows are queued and the study's is running by now,
   * unless all of them are settled.
   */
  add({ runs, settled, available, curves, attacks }: JobRequest): void {
    for (const [key, { outputs, cost }] of available) {
      const stage = this.#stages.get(key)
      if (stage === undefined || stage.state === 'succeeded') continue
      Object.assign(stage, { state: 'succeeded', reused: true, value: 1, cost, curve: [...(curves.get(key) ?? [])] })
      if (cost !== null) this.#costs.set(key, cost)
      this.#outputs.set(key, outputs)
    }
    const added = runs.filter((run) => !isOpen(this.#runs.get(run.id)))
    for (const run of added) {
      const open = new Set(run.needs.filter((key) => !this.#outputs.has(key)))
      this.#runs.set(run.id, { ...run, open, state: settled.has(run.id) ? 'succeeded' : 'queued' })
    }
    for (const attack of attacks) {
      if (this.#attacks.get(attack.stage)?.state === 'queued') continue
      const open = new Set(attack.needs.filter((key) => !this.#outputs.has(key)))
      this.#attacks.set(attack.stage, { ...attack, open, state: open.size === 0 ? 'succeeded' : 'queued' })
    }
    const needed = new Set([...added, ...attacks].flatMap(({ needs }) => needs))
    for (const key of needed) if (this.#stages.get(key)?.reused === true) this.#counted.add(key)
    const wanted = this.#track(this.#parts.loaded.nodes.filter(({ key }) => needed.has(key) && !this.#outputs.has(key)))
    for (const run of added) {
      const current = this.#runs.get(run.id)
      if (current?.state === 'queued' && current.open.size === 0) this.#complete(current)
    }
    this.#guard(() => this.#parts.scheduler.want(this, wanted))
    this.#endIfSettled()
  }

  #track(nodes: readonly StageNode[]): readonly WantedStage[] {
    const timed = nodes.map((node) => ({
      node,
      key: node.key,
      dependsOn: dependenciesOf(node),
      ...this.#parts.estimate(node),
    }))
    const ranks = ranksOf(timed)
    const wanted = timed.map(({ node, seconds, memory }) => {
      return { node, seconds, memory, rank: ranks.get(node.key) ?? seconds }
    })
    this.#progress.add(wanted.map(({ node, seconds, rank }) => ({ key: node.key, seconds, rank })))
    return wanted
  }

  /** Rows first: whoever looks finds them cancelled at once. Resolves when nothing of it runs any more. */
  async cancel(runs?: Iterable<RunId>): Promise<void> {
    const chosen = [...(runs ?? this.#runs.keys())].flatMap((id) => this.#runs.get(id) ?? []).filter(isOpen)
    const attacks = runs === undefined ? this.#openAttacks() : []
    const some = chosen.length + attacks.length > 0
    const whole = chosen.length === this.#openRuns().length && attacks.length === this.#openAttacks().length
    this.#guard(() => {
      const { repositories, loaded } = this.#parts
      repositories.transaction(() => {
        for (const run of chosen) repositories.runs.cancelRun(run.id)
        if (whole && some) repositories.studies.setStudyState(loaded.study.id, 'cancelled')
      })
    })
    if (whole && some) {
      this.#stop = 'cancelled'
      this.#progress.freeze()
    }
    for (const item of [...chosen, ...attacks]) item.state = 'cancelled'
    await this.#giveUp([...chosen, ...attacks])
    this.#endIfSettled()
    if (whole) await this.finished
  }

  /** The workbench closes and has stopped every stage: what isn't finished is interrupted. */
  interrupt(): void {
    if (this.ended) return
    this.#stop ??= 'interrupted'
    this.#progress.freeze()
    this.#guard(() => {
      const { repositories } = this.#parts
      repositories.transaction(() => {
        for (const run of this.#runs.values()) {
          if (repositories.runs.findRun(run.id)?.state === 'running') repositories.runs.interruptRun(run.id)
        }
      })
    })
    for (const item of [...this.#openRuns(), ...this.#openAttacks()]) item.state = 'cancelled'
    this.#endIfSettled()
  }

  stageStarted(key: StageKey): void {
    const stage = this.#stages.get(key)
    if (stage === undefined) return
    stage.state = 'running'
    stage.error = null
    this.#progress.start(key, performance.now())
    this.#guard(() => {
      for (const planned of this.#runsOfStage.get(key) ?? []) this.#startRun(planned.id, key)
    })
    this.#tell(key, stage)
  }

  stageProgressed(key: StageKey, value: number): void {
    const stage = this.#stages.get(key)
    if (stage === undefined) return
    stage.value = Math.max(stage.value, value)
    this.#progress.update(key, value, performance.now())
    if (performance.now() - stage.toldAt >= tellEveryMs) this.#tell(key, stage)
  }

  curveExtended(key: StageKey, point: CurvePoint): void {
    const stage = this.#stages.get(key)
    if (stage === undefined || stage.curve.some(({ epoch }) => epoch === point.epoch)) return
    stage.curve.push(point)
    this.feed.publish({ kind: 'curve', key, point })
  }

  stageFinished(key: StageKey, { outputs, cost }: StageResult, reused: boolean): void {
    const stage = this.#stages.get(key)
    if (stage === undefined) return
    Object.assign(stage, { state: 'succeeded', reused, value: 1, cost, error: null })
    this.#costs.set(key, cost)
    this.#outputs.set(key, outputs)
    if (reused) this.#counted.add(key)
    else {
      this.#computed++
      const node = this.#nodes.get(key)
      if (node !== undefined) this.#parts.learned(node, cost)
    }
    this.#progress.end(key, reused ? null : cost.seconds)
    this.#tell(key, stage)
    for (const { id } of this.#runsOfStage.get(key) ?? []) {
      const run = this.#runs.get(id)
      if (run === undefined || !run.open.delete(key)) continue
      if (run.open.size === 0 && isOpen(run)) this.#complete(run)
    }
    for (const attack of this.#openAttacks()) {
      if (attack.open.delete(key) && attack.open.size === 0) attack.state = 'succeeded'
    }
    this.#endIfSettled()
  }

  stageFailed(key: StageKey, error: AppError): void {
    const stage = this.#stages.get(key)
    if (stage === undefined) return
    Object.assign(stage, { state: 'failed', error: error.toJSON() })
    this.#failed++
    this.#progress.giveUp(key)
    this.#tell(key, stage)
    const affected = (this.#runsOfStage.get(key) ?? []).flatMap(({ id }) => this.#runs.get(id) ?? []).filter(isOpen)
    this.#guard(() => {
      const { repositories } = this.#parts
      repositories.transaction(() => {
        for (const run of affected) repositories.runs.failRun(run.id, error.toJSON())
      })
    })
    const attacks = this.#openAttacks().filter(({ open }) => open.has(key))
    for (const item of [...affected, ...attacks]) item.state = 'failed'
    this.#background(this.#giveUp([...affected, ...attacks]))
    this.#endIfSettled()
  }

  stageStopped(key: StageKey, state: 'cancelled' | 'interrupted'): void {
    const stage = this.#stages.get(key)
    if (stage === undefined) return
    stage.state = state
    this.#tell(key, stage)
  }

  stagePutOff(key: StageKey): void {
    const stage = this.#stages.get(key)
    if (stage === undefined) return
    stage.state = 'queued'
    this.#progress.putOff(key)
    this.#tell(key, stage)
  }

  scheduleChanged(schedule: Schedule): void {
    this.feed.publish({ kind: 'schedule', schedule })
  }

  /** Releases what no open run or attack needs any more. */
  async #giveUp(settled: readonly Pick<JobRun, 'open'>[]): Promise<void> {
    const released = new Set<StageKey>()
    const openAttacks = this.#openAttacks()
    for (const run of settled) {
      for (const key of run.open) {
        const isNeeded = (this.#runsOfStage.get(key) ?? []).some(({ id }) => {
          const other = this.#runs.get(id)
          return other !== undefined && isOpen(other)
        })
        if (!isNeeded && !openAttacks.some(({ open }) => open.has(key))) released.add(key)
      }
    }
    for (const key of released) {
      const stage = this.#stages.get(key)
      this.#progress.giveUp(key)
      if (stage === undefined || stage.state === 'failed') continue
      // One that never began is only put off; its row stays queued.
      stage.state = stage.state === 'running' ? 'cancelled' : 'planned'
      this.#tell(key, stage)
    }
    await this.#parts.scheduler.release(this, released)
  }

  /** A run begins with the first stage that is its own, or with its model. */
  #startRun(id: RunId, key: StageKey): void {
    const run = this.#runs.get(id)
    if (run?.state !== 'queued') return
    const isOwn = this.#runsOfStage.get(key)?.length === 1 || key === run.model.stage || key === run.evaluate
    if (!isOwn) return
    this.#parts.repositories.runs.startRun(id)
    run.state = 'running'
  }

  /** Its last stage is done: figures and cost go into its row. */
  #complete(run: JobRun): void {
    const wasQueued = run.state === 'queued'
    run.state = 'completing'
    this.#background(
      (async () => {
        const { repositories, objects } = this.#parts
        const { outcome, metrics } = this.#outputs.get(run.evaluate) ?? {}
        if (outcome === undefined || metrics === undefined) {
          throw new AppError('internal', `The evaluation of ${run.method} has no outcome.`)
        }
        const evaluation = (await readJson(objects, metrics)) as Evaluation
        if (run.state !== 'completing') return
        repositories.transaction(() => {
          if (repositories.runs.findRun(run.id)?.state === 'succeeded') return
          if (wasQueued) repositories.runs.startRun(run.id)
          repositories.runs.finishRun(run.id, { metrics: evaluation.metrics, cost: this.#costOf(run), outcome })
        })
        run.state = 'succeeded'
      })(),
    )
  }

  #costOf(run: JobRun): Cost {
    return costOfModel(run.model.stage, this.#nodes, (key) => this.#costs.get(key) ?? null).perRequest
  }

  #background(work: Promise<void>): void {
    const done = work
      .catch((error: unknown) => this.#break(error))
      .finally(() => {
        this.#pending.delete(done)
        this.#endIfSettled()
      })
    this.#pending.add(done)
  }

  /** Rows can't be written (a full disk, a lost workspace): the job ends here, and says why. */
  #guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#break(error)
    }
  }

  /** At the end, when nothing can be broken any more. */
  #attempt(work: () => void): void {
    try {
      work()
    } catch (unwritable) {
      this.#parts.report(unwritable)
    }
  }

  #break(error: unknown): void {
    this.#parts.report(error)
    if (this.#broken !== null) return
    this.#broken = AppError.from(error)
    const open = [...this.#openRuns(), ...this.#openAttacks()]
    for (const item of open) item.state = 'failed'
    this.#background(this.#giveUp(open))
  }

  #endIfSettled(): void {
    if (this.#ending || this.#pending.size > 0) return
    if (this.#openRuns().length > 0 || this.#openAttacks().length > 0) return
    this.#ending = true
    const state = this.#outcome()
    this.#seconds = (performance.now() - this.#parts.startedAt) / 1000
    const error = this.#broken?.toJSON() ?? this.#firstError()
    this.#attempt(() => this.#writeStudyState())
    this.#attempt(() => this.#parts.scheduler.leave(this, { comesBack: state === 'interrupted' }))
    this.feed.end({ kind: 'finished', state, error: state === 'failed' ? error : null })
    this.#settle(state)
  }

  #outcome(): JobState {
    if (this.#broken !== null) return 'failed'
    if (this.#stop !== null) return this.#stop
    return [...this.#runs.values(), ...this.#attacks.values()].some(({ state }) => state === 'failed')
      ? 'failed'
      : 'succeeded'
  }

  /** The study's own state counts all of its runs, also those that weren't asked for. */
  #writeStudyState(): void {
    const { repositories, loaded } = this.#parts
    const { id } = loaded.study
    if (repositories.studies.findStudy(id)?.state !== 'running') return
    const states = repositories.runs.runStates(id)
    if (this.#stop === 'interrupted' || states.has('interrupted')) repositories.studies.setStudyState(id, 'interrupted')
    else if (this.#broken !== null || states.has('failed') || this.#outcome() === 'failed')
      repositories.studies.setStudyState(id, 'failed')
    else
      repositories.studies.setStudyState(id, states.size === 1 && states.has('succeeded') ? 'succeeded' : 'cancelled')
  }

  #firstError(): LiveStage['error'] {
    return [...this.#stages.values()].find((stage) => stage.error !== null)?.error ?? null
  }

  #openAttacks(): readonly JobAttack[] {
    return [...this.#attacks.values()].filter(({ state }) => state === 'queued')
  }

  #openRuns(): readonly JobRun[] {
    return [...this.#runs.values()].filter(isOpen)
  }

  #snapshot(): StudyEvent {
    const stages = this.#parts.loaded.nodes.flatMap((node) => {
      const stage = this.#stages.get(node.key)
      return stage === undefined ? [] : [this.#live(node, stage)]
    })
    return {
      kind: 'snapshot',
      state: this.ended ? this.#outcome() : 'running',
      stages,
      ...this.#fraction(),
      schedule: this.#parts.scheduler.scheduleOf(this),
    }
  }

  #tell(key: StageKey, stage: MutableStage): void {
    const node = this.#nodes.get(key)
    if (node === undefined) return
    stage.toldAt = performance.now()
    this.feed.publish({ kind: 'stage', stage: this.#live(node, stage), ...this.#fraction() })
  }

  #fraction(): { readonly value: number; readonly etaSeconds: number | null } {
    return {
      value: this.#progress.value(),
      etaSeconds: this.ended ? null : this.#progress.etaSeconds(performance.now()),
    }
  }

  #live(node: StageNode, stage: MutableStage): LiveStage {
    const { state, reused, value, curve, cost, error } = stage
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

function newStage(): MutableStage {
  return { state: 'planned', reused: false, value: 0, curve: [], cost: null, error: null, toldAt: 0 }
}

function isOpen(run: JobRun | undefined): boolean {
  return run?.state === 'queued' || run?.state === 'running' || run?.state === 'completing'
}
