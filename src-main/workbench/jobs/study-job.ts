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
import { eachInTurns } from '../turns.ts'
import type { EventFeed } from './event-feed.ts'
import { LiveStages } from './live-stages.ts'
import { costOfModel } from './run-cost.ts'
import type { Scheduler, StageWatcher, WantedStage } from './scheduler.ts'
import type { LoadedStudy, PlannedAttack, PlannedRun } from './study-loader.ts'

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
  /** What runs and attacks lack, each after all that it reads. */
  readonly wanted: readonly WantedStage[]
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

/**
 * One study at work: wants its stages of the scheduler, writes what becomes of its runs, and says how far it is. A
 * failed stage fails the runs that need it; the others go on.
 */
export class StudyJob implements StageWatcher {
  /** Resolves when every run is settled and no stage of the job runs any more. */
  readonly finished: Promise<JobState>
  readonly #parts: JobParts
  readonly #live: LiveStages
  readonly #nodes: ReadonlyMap<StageKey, StageNode>
  readonly #costs = new Map<StageKey, StageCost>()
  readonly #outputs = new Map<StageKey, Readonly<Record<string, ObjectHash>>>()
  readonly #runs = new Map<RunId, JobRun>()
  readonly #attacks = new Map<StageKey, JobAttack>()
  /** Those of both that aren't settled. */
  readonly #openRuns = new Set<JobRun>()
  readonly #openAttacks = new Set<JobAttack>()
  readonly #settle: (state: JobState) => void
  /** Work under way that the end waits for. */
  readonly #pending = new Set<Promise<void>>()
  /** Resolves when whatever was added last is all there. */
  #added: Promise<void> = Promise.resolve()
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
    const { nodes } = parts.loaded
    this.#nodes = new Map(nodes.map((node) => [node.key, node]))
    this.#live = new LiveStages(nodes, parts.capacity, () => ({
      state: this.ended ? this.#outcome() : 'running',
      schedule: parts.scheduler.scheduleOf(this),
    }))
    const { promise, resolve } = Promise.withResolvers<JobState>()
    this.finished = promise
    this.#settle = resolve
  }

  get feed(): EventFeed {
    return this.#live.feed
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
    return { study: id, name, ...this.#live.counts(), ...this.#live.fraction() }
  }

  isWorkingOn(run: RunId): boolean {
    return isOpen(this.#runs.get(run))
  }

  get ended(): boolean {
    return this.#seconds !== null
  }

  /**
   * Takes on runs, at its start or while it works on others. Their rows are queued and the study's is running by now,
   * unless all of them are settled. Resolves when all that they lack is wanted.
   */
  add(request: JobRequest): Promise<void> {
    this.#added = this.#background(this.#takeOn(request))
    return this.#added
  }

  async #takeOn({ runs, settled, available, curves, attacks, wanted }: JobRequest): Promise<void> {
    await eachInTurns(available, ([key, { outputs, cost }]) => {
      if (!this.#live.reuse(key, cost, curves.get(key) ?? [])) return
      if (cost !== null) this.#costs.set(key, cost)
      this.#outputs.set(key, outputs)
    })
    const missing = (needs: readonly StageKey[]): Set<StageKey> =>
      new Set(needs.filter((key) => !this.#outputs.has(key)))
    const count = (needs: readonly StageKey[]): void => {
      for (const key of needs) if (this.#live.isReused(key)) this.#counted.add(key)
    }
    await eachInTurns(runs, (planned) => {
      if (isOpen(this.#runs.get(planned.id))) return
      const run: JobRun = { ...planned, open: missing(planned.needs), state: 'queued' }
      this.#runs.set(run.id, run)
      count(run.needs)
      if (settled.has(run.id)) run.state = 'succeeded'
      else {
        this.#openRuns.add(run)
        if (run.open.size === 0) this.#complete(run)
      }
    })
    await eachInTurns(attacks, (planned) => {
      if (this.#attacks.get(planned.stage)?.state === 'queued') return
      const attack: JobAttack = { ...planned, open: missing(planned.needs), state: 'queued' }
      this.#attacks.set(attack.stage, attack)
      count(attack.needs)
      if (attack.open.size === 0) attack.state = 'succeeded'
      else this.#openAttacks.add(attack)
    })
    const lacking = wanted.filter(({ node }) => !this.#outputs.has(node.key))
    this.#live.want(lacking.map(({ node, seconds, rank }) => ({ key: node.key, seconds, rank })))
    // What failed meanwhile has taken with it what depends on it.
    await this.#parts.scheduler.want(this, lacking, ({ node }) => this.#isNeeded(node.key))
  }

  #isNeeded(key: StageKey): boolean {
    for (const { id } of this.#parts.loaded.users.get(key) ?? []) if (isOpen(this.#runs.get(id))) return true
    for (const { open } of this.#openAttacks) if (open.has(key)) return true
    return false
  }

  /** Rows first: whoever looks finds them cancelled at once. Resolves when nothing of it runs any more. */
  async cancel(runs?: Iterable<RunId>): Promise<void> {
    await this.#added
    const chosen = [...(runs ?? this.#runs.keys())].flatMap((id) => this.#runs.get(id) ?? []).filter(isOpen)
    const attacks = runs === undefined ? [...this.#openAttacks] : []
    const some = chosen.length + attacks.length > 0
    const whole = chosen.length === this.#openRuns.size && attacks.length === this.#openAttacks.size
    this.#guard(() => {
      const { repositories, loaded } = this.#parts
      repositories.transaction(() => {
        for (const run of chosen) repositories.runs.cancelRun(run.id)
        if (whole && some) repositories.studies.setStudyState(loaded.study.id, 'cancelled')
      })
    })
    if (whole && some) {
      this.#stop = 'cancelled'
      this.#live.freeze()
    }
    const given = [...chosen, ...attacks]
    this.#end(given, 'cancelled')
    await this.#giveUp(given)
    this.#endIfSettled()
    if (whole) await this.finished
  }

  /** The workbench closes and has stopped every stage: what isn't finished is interrupted. */
  interrupt(): void {
    if (this.ended) return
    this.#stop ??= 'interrupted'
    this.#live.freeze()
    this.#guard(() => {
      const { repositories, loaded } = this.#parts
      repositories.transaction(() => {
        for (const { id, state } of repositories.runs.briefRuns(loaded.study.id)) {
          if (state === 'running' && this.#runs.has(id)) repositories.runs.interruptRun(id)
        }
      })
    })
    this.#end([...this.#openRuns, ...this.#openAttacks], 'cancelled')
    this.#endIfSettled()
  }

  stageStarted(key: StageKey): void {
    this.#guard(() => {
      for (const planned of this.#usersOf(key)) this.#startRun(planned.id, key)
    })
    this.#live.start(key)
  }

  stageProgressed(key: StageKey, value: number): void {
    this.#live.update(key, value)
  }

  curveExtended(key: StageKey, point: CurvePoint): void {
    this.#live.extend(key, point)
  }

  stageFinished(key: StageKey, { outputs, cost }: StageResult, reused: boolean): void {
    const node = this.#nodes.get(key)
    if (node === undefined) return
    this.#costs.set(key, cost)
    this.#outputs.set(key, outputs)
    if (reused) this.#counted.add(key)
    else {
      this.#computed++
      this.#parts.learned(node, cost)
    }
    this.#live.finish(key, cost, reused)
    for (const { id } of this.#usersOf(key)) {
      const run = this.#runs.get(id)
      if (run === undefined || !run.open.delete(key)) continue
      if (run.open.size === 0 && isOpen(run)) this.#complete(run)
    }
    for (const attack of this.#openAttacks) {
      if (attack.open.delete(key) && attack.open.size === 0) this.#end([attack], 'succeeded')
    }
    this.#endIfSettled()
  }

  stageFailed(key: StageKey, error: AppError): void {
    if (!this.#nodes.has(key)) return
    this.#failed++
    this.#live.fail(key, error.toJSON())
    const affected = this.#usersOf(key)
      .flatMap(({ id }) => this.#runs.get(id) ?? [])
      .filter(isOpen)
    this.#guard(() => {
      const { repositories } = this.#parts
      repositories.transaction(() => {
        for (const run of affected) repositories.runs.failRun(run.id, error.toJSON())
      })
    })
    const given = [...affected, ...[...this.#openAttacks].filter(({ open }) => open.has(key))]
    this.#end(given, 'failed')
    void this.#background(this.#giveUp(given))
    this.#endIfSettled()
  }

  stageStopped(key: StageKey, state: 'cancelled' | 'interrupted'): void {
    this.#live.stop(key, state)
  }

  stagePutOff(key: StageKey): void {
    this.#live.putOff(key)
  }

  scheduleChanged(schedule: Schedule): void {
    this.feed.publish({ kind: 'schedule', schedule })
  }

  #usersOf(key: StageKey): readonly PlannedRun[] {
    return this.#parts.loaded.users.get(key) ?? []
  }

  #end(items: readonly (JobRun | JobAttack)[], state: 'succeeded' | 'failed' | 'cancelled'): void {
    for (const item of items) {
      item.state = state
      if ('evaluate' in item) this.#openRuns.delete(item)
      else this.#openAttacks.delete(item)
    }
  }

  /** Releases what no open run or attack needs any more. */
  async #giveUp(settled: readonly Pick<JobRun, 'open'>[]): Promise<void> {
    const released = new Set<StageKey>()
    for (const { open } of settled) {
      for (const key of open) if (!released.has(key) && !this.#isNeeded(key)) released.add(key)
    }
    for (const key of released) this.#live.giveUp(key)
    await this.#parts.scheduler.release(this, released)
  }

  /** A run begins with the first stage that is its own, or with its model. */
  #startRun(id: RunId, key: StageKey): void {
    const run = this.#runs.get(id)
    if (run?.state !== 'queued') return
    const isOwn = this.#usersOf(key).length === 1 || key === run.model.stage || key === run.evaluate
    if (!isOwn) return
    this.#parts.repositories.runs.startRun(id)
    run.state = 'running'
  }

  /** Its last stage is done: figures and cost go into its row. */
  #complete(run: JobRun): void {
    const wasQueued = run.state === 'queued'
    run.state = 'completing'
    void this.#background(
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
        this.#end([run], 'succeeded')
      })(),
    )
  }

  #costOf(run: JobRun): Cost {
    return costOfModel(run.model.stage, this.#nodes, (key) => this.#costs.get(key) ?? null).perRequest
  }

  /** Resolves when it's over; what it throws breaks the job. */
  #background(work: Promise<void>): Promise<void> {
    const done = work
      .catch((error: unknown) => this.#break(error))
      .finally(() => {
        this.#pending.delete(done)
        this.#endIfSettled()
      })
    this.#pending.add(done)
    return done
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
    const open = [...this.#openRuns, ...this.#openAttacks]
    this.#end(open, 'failed')
    void this.#background(this.#giveUp(open))
  }

  #endIfSettled(): void {
    if (this.#ending || this.#pending.size > 0) return
    if (this.#openRuns.size > 0 || this.#openAttacks.size > 0) return
    this.#ending = true
    const state = this.#outcome()
    this.#seconds = (performance.now() - this.#parts.startedAt) / 1000
    const error = this.#broken?.toJSON() ?? this.#live.firstError()
    this.#attempt(() => this.#writeStudyState())
    this.#attempt(() => this.#parts.scheduler.leave(this, { comesBack: state === 'interrupted' }))
    this.#live.end({ kind: 'finished', state, error: state === 'failed' ? error : null })
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
}

function isOpen(run: JobRun | undefined): boolean {
  return run?.state === 'queued' || run?.state === 'running' || run?.state === 'completing'
}
