import { setInterval, setTimeout } from 'node:timers'
import type { ObjectStore } from '#main/artifacts/object-store.ts'
import type { Executor } from '#main/compute/pool/executor.ts'
import type { StageNode, StageResult } from '#main/compute/stages.ts'
import type { Repositories } from '#main/store/index.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import type { Priority, Schedule } from '#shared/domain/queue.ts'
import type { CurvePoint } from '#shared/domain/stage.ts'
import { AppError } from '#shared/errors.ts'
import type { StageKey, StudyId } from '#shared/ids.ts'
import { eachInTurns } from '../turns.ts'
import { dependenciesOf } from './graph.ts'
import { StageRows } from './stage-rows.ts'
import { compareClaims, type Share, servedOfNewcomer } from './turn-order.ts'

/** Whoever wants stages computed; told of each after its row was written. Must not throw. */
export interface StageWatcher {
  /** Whose stages they are: the study that wanted a stage first pays for it. */
  readonly study: StudyId
  stageStarted(key: StageKey): void
  stageProgressed(key: StageKey, value: number): void
  /** A resumed stage repeats its points; a point is known by its epoch. */
  curveExtended(key: StageKey, point: CurvePoint): void
  /** `reused`: it was there already, or computed for somebody else who wanted it first. */
  stageFinished(key: StageKey, result: StageResult, reused: boolean): void
  stageFailed(key: StageKey, error: AppError): void
  /** It ended because nobody wanted it any more, or because the workbench closes. */
  stageStopped(key: StageKey, state: 'cancelled' | 'interrupted'): void
  /** It was stopped at its last checkpoint and goes on after the pause. */
  stagePutOff(key: StageKey): void
  scheduleChanged(schedule: Schedule): void
}

export interface WantedStage {
  readonly node: StageNode
  /** Estimated seconds of the stage itself. */
  readonly seconds: number
  /** Seconds from its start to the end of the longest chain behind it: the longest goes first. */
  readonly rank: number
  /** Memory that its worker will take, bytes. */
  readonly memory: number
}

interface Task extends Omit<WantedStage, 'rank'> {
  rank: number
  readonly watchers: Set<StageWatcher>
  /** Who wanted it first: for everybody else it counts as reused. */
  owner: StageWatcher
  /** Stages that must finish before. */
  readonly waitingFor: Set<StageKey>
  readonly dependents: Set<Task>
  phase: 'waiting' | 'running' | 'stopping'
  /** Of the attempt that runs; thousands that wait have none. */
  abort: AbortController | null
  value: number
  /** Resolves when it runs no more, however it ended. */
  end: Promise<void>
}

const renewalMs = 5_000
/** Memory that others give back comes without a word: it is looked for this often. */
const memoryCheckMs = 2_000

export interface SchedulerOptions {
  readonly repositories: Repositories
  readonly objects: ObjectStore
  executorFor(engine: EngineId): Executor
  /** What no watcher can be told: for the log. */
  report(error: unknown): void
}

/**
 * Runs the stages that anybody wants, each once however many studies want it, as soon as what it reads is there, a
 * worker is free and memory suffices. Studies take turns (turn-order.ts). Rows first, then words: nothing is told that
 * a crash could take back.
 */
export class Scheduler {
  readonly #options: SchedulerOptions
  readonly #rows: StageRows
  readonly #tasks = new Map<StageKey, Task>()
  /** Those of them that wait for nothing but their turn. */
  readonly #ready = new Set<Task>()
  readonly #shares = new Map<StageWatcher, Share>()
  readonly #running = new Map<SlotGroup, number>()
  readonly #ends = new Set<Promise<void>>()
  #renewal: NodeJS.Timeout | undefined
  #memoryCheck: NodeJS.Timeout | undefined
  /** Everything. */
  #paused: boolean
  #shortOfMemory = false
  #closed = false

  constructor(options: SchedulerOptions) {
    this.#options = options
    this.#paused = options.repositories.schedules.isQueuePaused()
    this.#rows = new StageRows(options.repositories, options.objects, options.report)
  }

  /** Everything is paused. */
  get paused(): boolean {
    return this.#paused
  }

  get shortOfMemory(): boolean {
    return this.#shortOfMemory
  }

  scheduleOf(watcher: StageWatcher): Schedule {
    const { priority = 'normal', paused = false } = this.#shares.get(watcher) ?? {}
    return { priority, paused: paused || this.#paused, shortOfMemory: this.#shortOfMemory }
  }

  /** Paused by itself, whether everything is paused or not. */
  isPaused(watcher: StageWatcher): boolean {
    return this.#shares.get(watcher)?.paused === true
  }

  /**
   * Has stages computed for `watcher`. They come after all that they read; what isn't among them and isn't being
   * computed already must have succeeded. `stillWanted` is asked of each when its turn comes.
   */
  async want(
    watcher: StageWatcher,
    stages: readonly WantedStage[],
    stillWanted: (stage: WantedStage) => boolean = () => true,
  ): Promise<void> {
    this.#shareOf(watcher)
    await eachInTurns(stages, (wanted) => {
      if (this.#closed) throw new AppError('cancelled', 'The workbench is closing.')
      if (!stillWanted(wanted)) return
      const known = this.#tasks.get(wanted.node.key)
      if (known === undefined) this.#addTask(watcher, wanted)
      else {
        known.rank = Math.max(known.rank, wanted.rank)
        // Nobody wanted it any more a moment ago: it starts again for the newcomer when it has stopped.
        if (known.watchers.size === 0) known.owner = watcher
        known.watchers.add(watcher)
        if (known.phase === 'running') {
          watcher.stageStarted(wanted.node.key)
          watcher.stageProgressed(wanted.node.key, known.value)
        }
      }
    })
    this.#pump()
  }

  /**
   * Stages that nobody else wants are stopped; their last checkpoint stays. Resolves when they run no more, within two
   * seconds. `watcher` is told nothing more about any of the keys.
   */
  async release(watcher: StageWatcher, keys: Iterable<StageKey>): Promise<void> {
    const stopping: Promise<void>[] = []
    for (const key of keys) {
      const task = this.#tasks.get(key)
      if (task === undefined || !task.watchers.delete(watcher)) continue
      if (task.watchers.size > 0) {
        if (task.owner === watcher) task.owner = task.watchers.values().next().value ?? watcher
        continue
      }
      if (task.phase === 'waiting') this.#forget(task)
      else {
        this.#interrupt(task)
        stopping.push(task.end)
      }
    }
    // What is left may be wanted by paused studies alone.
    this.#stopPaused()
    await Promise.all(stopping)
  }

  /**
   * The watcher wants nothing any more, and no study has to share with it. `comesBack`: it was interrupted, and its
   * place in the queue is kept for when it goes on.
   */
  leave(watcher: StageWatcher, { comesBack }: { readonly comesBack: boolean }): void {
    this.#shares.delete(watcher)
    if (!comesBack) this.#options.repositories.schedules.forgetSchedule(watcher.study)
  }

  prioritise(watcher: StageWatcher, priority: Priority): void {
    this.#decide(watcher, { priority })
    watcher.scheduleChanged(this.scheduleOf(watcher))
  }

  /** Of one study, or of everything. Resolves when what must not run any more has stopped. */
  async pause(watcher: StageWatcher | null, paused: boolean): Promise<void> {
    if (watcher === null) {
      this.#options.repositories.schedules.pauseQueue(paused)
      this.#paused = paused
    } else this.#decide(watcher, { paused })
    for (const told of watcher === null ? this.#shares.keys() : [watcher]) told.scheduleChanged(this.scheduleOf(told))
    const stopping = this.#stopPaused()
    this.#pump()
    await Promise.all(stopping)
  }

  /** Stops everything as interrupted and resolves when no stage runs any more. */
  async close(): Promise<void> {
    this.#closed = true
    for (const task of this.#tasks.values()) task.abort?.abort()
    await Promise.all(this.#ends)
    clearInterval(this.#renewal)
    clearTimeout(this.#memoryCheck)
  }

  #shareOf(watcher: StageWatcher): Share {
    const known = this.#shares.get(watcher)
    if (known !== undefined) return known
    const decided = this.#options.repositories.schedules.scheduleOf(watcher.study)
    const share: Share = { ...decided, served: servedOfNewcomer(this.#shares.values()) }
    this.#shares.set(watcher, share)
    return share
  }

  /** The row first: a decision that was told of outlives the process. */
  #decide(watcher: StageWatcher, decision: Partial<Pick<Share, 'priority' | 'paused'>>): void {
    const share = this.#shareOf(watcher)
    const { priority, paused } = { ...share, ...decision }
    this.#options.repositories.schedules.setSchedule(watcher.study, { priority, paused })
    Object.assign(share, { priority, paused })
  }

  #addTask(watcher: StageWatcher, { node, seconds, rank, memory }: WantedStage): void {
    const task: Task = {
      node,
      seconds,
      rank,
      memory,
      watchers: new Set([watcher]),
      owner: watcher,
      waitingFor: new Set(),
      dependents: new Set(),
      phase: 'waiting',
      abort: null,
      value: 0,
      end: Promise.resolve(),
    }
    for (const key of dependenciesOf(node)) {
      const dependency = this.#tasks.get(key)
      if (dependency === undefined) continue
      task.waitingFor.add(key)
      dependency.dependents.add(task)
    }
    this.#tasks.set(node.key, task)
    if (task.waitingFor.size === 0) this.#ready.add(task)
  }

  /** Starts what can start. */
  #pump(): void {
    if (this.#closed) return
    let next = this.#next()
    for (; next !== null && this.#hasMemory(next.task); next = this.#next()) {
      next.share.served += next.task.seconds
      this.#start(next.task)
    }
    this.#tellOfMemory(next !== null)
    this.#keepLeases()
  }

  /**
   * One stage runs in any case. Else the next in line waits for its memory, and all behind it, also those that compete
   * for other slots: memory is one, and letting smaller ones pass could keep it waiting for ever.
   */
  #hasMemory({ node, memory }: Task): boolean {
    const isFirst = [...this.#running.values()].every((count) => count === 0)
    return isFirst || this.#options.executorFor(node.engine).admits(memory)
  }

  /** Whose turn it is, and whom it counts for. */
  #next(): { readonly task: Task; readonly share: Share } | null {
    if (this.#paused) return null
    let best: { readonly task: Task; readonly share: Share } | null = null
    const free = new Map<EngineId, boolean>()
    for (const task of this.#ready) {
      const { engine } = task.node
      let isFree = free.get(engine)
      if (isFree === undefined) {
        isFree = this.#runningIn(slotGroupOf(engine)) < this.#options.executorFor(engine).capacity
        free.set(engine, isFree)
      }
      if (!isFree) continue
      for (const watcher of task.watchers) {
        const share = this.#shares.get(watcher)
        if (share === undefined || share.paused) continue
        if (best === null || compareClaims(share, task.rank, best.share, best.task.rank) < 0) best = { task, share }
      }
    }
    return best
  }

  /** Whether anybody who wants it isn't paused. */
  #mayRun({ watchers }: Task): boolean {
    if (this.#paused) return false
    return [...watchers].some((watcher) => this.#shares.get(watcher)?.paused === false)
  }

  #runningIn(group: SlotGroup): number {
    return this.#running.get(group) ?? 0
  }

  #start(task: Task): void {
    const group = slotGroupOf(task.node.engine)
    this.#ready.delete(task)
    this.#running.set(group, this.#runningIn(group) + 1)
    task.phase = 'running'
    const end = this.#run(task)
      .catch((error: unknown) => this.#options.report(error))
      .finally(() => {
        this.#ends.delete(end)
        this.#running.set(group, this.#runningIn(group) - 1)
        this.#pump()
      })
    task.end = end
    this.#ends.add(end)
  }

  async #run(task: Task): Promise<void> {
    const { node, memory } = task
    const abort = new AbortController()
    task.abort = abort
    try {
      const stored = this.#rows.begin(node)
      if (stored.state === 'succeeded' && stored.cost !== null) {
        this.#finished(task, { outputs: stored.outputs, cost: stored.cost }, true)
        return
      }
      for (const watcher of task.watchers) watcher.stageStarted(node.key)
      const executor = this.#options.executorFor(node.engine)
      const result = await executor.execute(this.#rows.specOf(node, stored.checkpoint), {
        signal: abort.signal,
        memory,
        onProgress: (progress) => {
          if (progress.kind === 'checkpoint') {
            return this.#rows.keepCheckpoint(node.key, progress.object, progress.epoch)
          }
          if (progress.kind === 'progress') task.value = Math.max(task.value, progress.value)
          for (const watcher of task.watchers) {
            if (progress.kind === 'curve') watcher.curveExtended(node.key, progress.point)
            else watcher.stageProgressed(node.key, task.value)
          }
        },
      })
      await this.#rows.finish(node.key, result, task.owner.study)
      this.#finished(task, result, false)
    } catch (error) {
      if (abort.signal.aborted) this.#stopped(task)
      else await this.#failed(task, AppError.from(error))
    }
  }

  #finished(task: Task, result: StageResult, reused: boolean): void {
    this.#forget(task)
    for (const dependent of task.dependents) {
      dependent.waitingFor.delete(task.node.key)
      if (dependent.waitingFor.size === 0 && this.#tasks.get(dependent.node.key) === dependent) {
        this.#ready.add(dependent)
      }
    }
    for (const watcher of [...task.watchers]) {
      watcher.stageFinished(task.node.key, result, reused || watcher !== task.owner)
    }
  }

  async #failed(task: Task, error: AppError): Promise<void> {
    const told = await this.#rows.fail(task.node, error)
    this.#forget(task)
    // Whoever wanted it gives up what depends on it.
    for (const watcher of [...task.watchers]) watcher.stageFailed(task.node.key, told)
  }

  #interrupt(task: Task): void {
    task.phase = 'stopping'
    task.abort?.abort()
  }

  /** Stages that run for paused studies alone. */
  #stopPaused(): readonly Promise<void>[] {
    const stopping = [...this.#tasks.values()].filter(
      (task) => task.phase === 'running' && task.watchers.size > 0 && !this.#mayRun(task),
    )
    for (const task of stopping) this.#interrupt(task)
    return stopping.map((task) => task.end)
  }

  #stopped(task: Task): void {
    const { key } = task.node
    // Paused, or wanted again while it was stopping.
    const goesOn = task.watchers.size > 0 && !this.#closed
    const state = this.#closed ? 'interrupted' : 'cancelled'
    this.#rows.stop(key, goesOn ? 'queued' : state)
    if (goesOn) {
      const again: Task = { ...task, phase: 'waiting', abort: null, value: 0 }
      this.#tasks.set(key, again)
      this.#ready.add(again)
      for (const watcher of [...task.watchers]) watcher.stagePutOff(key)
      return
    }
    this.#forget(task)
    for (const watcher of [...task.watchers]) watcher.stageStopped(key, state)
  }

  #forget(task: Task): void {
    this.#ready.delete(task)
    if (this.#tasks.get(task.node.key) === task) this.#tasks.delete(task.node.key)
    for (const key of task.waitingFor) this.#tasks.get(key)?.dependents.delete(task)
  }

  #tellOfMemory(short: boolean): void {
    clearTimeout(this.#memoryCheck)
    if (short) {
      this.#memoryCheck = setTimeout(() => this.#pump(), memoryCheckMs)
      this.#memoryCheck.unref()
    }
    if (short === this.#shortOfMemory) return
    this.#shortOfMemory = short
    for (const watcher of this.#shares.keys()) watcher.scheduleChanged(this.scheduleOf(watcher))
  }

  #keepLeases(): void {
    if (this.#renewal !== undefined) return
    this.#renewal = setInterval(() => {
      const running = [...this.#tasks.values()].filter((task) => task.phase === 'running')
      if (running.length === 0) {
        clearInterval(this.#renewal)
        this.#renewal = undefined
        return
      }
      this.#rows.renew(running.map(({ node }) => node.key))
    }, renewalMs)
    this.#renewal.unref()
  }
}

/** What stages compete for: the cores, or a kind of GPU access. */
type SlotGroup = 'cores' | 'cuda' | 'webgpu'

function slotGroupOf(engine: EngineId): SlotGroup {
  return engine === 'cuda' || engine === 'webgpu' ? engine : 'cores'
}
