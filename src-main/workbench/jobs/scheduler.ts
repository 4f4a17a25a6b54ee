import { setInterval } from 'node:timers'
import type { ObjectStore } from '#main/artifacts/object-store.ts'
import type { Executor } from '#main/compute/pool/executor.ts'
import type { StageNode, StageResult, StageSpec } from '#main/compute/stages.ts'
import type { Repositories } from '#main/store/index.ts'
import type { Checkpoint, StoredStage } from '#main/store/repositories/stages.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import type { CurvePoint } from '#shared/domain/stage.ts'
import { AppError } from '#shared/errors.ts'
import type { ObjectHash, StageKey } from '#shared/ids.ts'
import { dependenciesOf } from './graph.ts'

/** Whoever wants stages computed; told of each after its row was written. Must not throw. */
export interface StageWatcher {
  stageStarted(key: StageKey): void
  stageProgressed(key: StageKey, value: number): void
  /** A resumed stage repeats its points; a point is known by its epoch. */
  curveExtended(key: StageKey, point: CurvePoint): void
  /** `reused`: it was there already, or computed for somebody else who wanted it first. */
  stageFinished(key: StageKey, result: StageResult, reused: boolean): void
  stageFailed(key: StageKey, error: AppError): void
  /** It ended because nobody wanted it any more, or because the workbench closes. */
  stageStopped(key: StageKey, state: 'cancelled' | 'interrupted'): void
}

export interface WantedStage {
  readonly node: StageNode
  /** Seconds from its start to the end of the longest chain behind it: the longest goes first. */
  readonly rank: number
}

interface Task {
  readonly node: StageNode
  rank: number
  readonly watchers: Set<StageWatcher>
  /** Who wanted it first: for everybody else it counts as reused. */
  owner: StageWatcher
  /** Stages that must finish before. */
  readonly waitingFor: Set<StageKey>
  readonly dependents: Set<Task>
  phase: 'waiting' | 'running' | 'stopping'
  readonly abort: AbortController
  value: number
  /** Resolves when it runs no more, however it ended. */
  end: Promise<void>
}

const leaseMs = 30_000
const renewalMs = 5_000

export interface SchedulerOptions {
  readonly repositories: Repositories
  readonly objects: ObjectStore
  executorFor(engine: EngineId): Executor
  /** What no watcher can be told: for the log. */
  report(error: unknown): void
}

/**
 * Runs the stages that anybody wants, each once however many studies want it, as soon as what it reads is there and a
 * worker is free. Rows first, then words: nothing is told that a crash could take back.
 */
export class Scheduler {
  readonly #options: SchedulerOptions
  readonly #tasks = new Map<StageKey, Task>()
  readonly #running = new Map<EngineId, number>()
  readonly #ends = new Set<Promise<void>>()
  #renewal: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: SchedulerOptions) {
    this.#options = options
  }

  /**
   * Has stages computed for `watcher`. They come after all that they read; what isn't among them and isn't being
   * computed already must have succeeded.
   */
  want(watcher: StageWatcher, stages: readonly WantedStage[]): void {
    if (this.#closed) throw new AppError('cancelled', 'The workbench is closing.')
    for (const { node, rank } of stages) {
      const known = this.#tasks.get(node.key)
      if (known === undefined) this.#tasks.set(node.key, this.#newTask(watcher, node, rank))
      else {
        known.rank = Math.max(known.rank, rank)
        // Nobody wanted it any more a moment ago: it starts again for the newcomer when it has stopped.
        if (known.watchers.size === 0) known.owner = watcher
        known.watchers.add(watcher)
        if (known.phase === 'running') {
          watcher.stageStarted(node.key)
          watcher.stageProgressed(node.key, known.value)
        }
      }
    }
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
      else if (task.phase === 'running') {
        task.phase = 'stopping'
        task.abort.abort()
        stopping.push(task.end)
      }
    }
    await Promise.all(stopping)
  }

  /** Stops everything as interrupted and resolves when no stage runs any more. */
  async close(): Promise<void> {
    this.#closed = true
    for (const task of this.#tasks.values()) task.abort.abort()
    await Promise.all(this.#ends)
    clearInterval(this.#renewal)
  }

  #newTask(watcher: StageWatcher, node: StageNode, rank: number): Task {
    const task: Task = {
      node,
      rank,
      watchers: new Set([watcher]),
      owner: watcher,
      waitingFor: new Set(),
      dependents: new Set(),
      phase: 'waiting',
      abort: new AbortController(),
      value: 0,
      end: Promise.resolve(),
    }
    for (const key of dependenciesOf(node)) {
      const dependency = this.#tasks.get(key)
      if (dependency === undefined) continue
      task.waitingFor.add(key)
      dependency.dependents.add(task)
    }
    return task
  }

  /** Starts what can start. */
  #pump(): void {
    if (this.#closed) return
    const ready = [...this.#tasks.values()]
      .filter((task) => task.phase === 'waiting' && task.waitingFor.size === 0)
      .sort((a, b) => b.rank - a.rank)
    for (const task of ready) {
      // Starting another one may have changed what is wanted.
      if (this.#tasks.get(task.node.key) !== task) continue
      const { engine } = task.node
      const running = this.#running.get(engine) ?? 0
      if (running >= this.#options.executorFor(engine).capacity) continue
      this.#running.set(engine, running + 1)
      task.phase = 'running'
      const end = this.#run(task)
        .catch((error: unknown) => this.#options.report(error))
        .finally(() => {
          this.#ends.delete(end)
          this.#running.set(engine, (this.#running.get(engine) ?? 1) - 1)
          this.#pump()
        })
      task.end = end
      this.#ends.add(end)
    }
    this.#keepLeases()
  }

  async #run(task: Task): Promise<void> {
    const { node, abort } = task
    const { repositories, executorFor } = this.#options
    try {
      const stored = this.#begin(node)
      if (stored.state === 'succeeded' && stored.cost !== null) {
        this.#finished(task, { outputs: stored.outputs, cost: stored.cost }, true)
        return
      }
      for (const watcher of task.watchers) watcher.stageStarted(node.key)
      const result = await executorFor(node.engine).execute(this.#specOf(node, stored.checkpoint), {
        signal: abort.signal,
        onProgress: (progress) => {
          if (progress.kind === 'checkpoint') return this.#keepCheckpoint(node.key, progress.object, progress.epoch)
          if (progress.kind === 'progress') task.value = Math.max(task.value, progress.value)
          for (const watcher of task.watchers) {
            if (progress.kind === 'curve') watcher.curveExtended(node.key, progress.point)
            else watcher.stageProgressed(node.key, task.value)
          }
        },
      })
      const last = repositories.stages.finishStage(node.key, result.outputs, result.cost)
      await this.#removeCheckpoint(last)
      this.#finished(task, result, false)
    } catch (error) {
      if (abort.signal.aborted) this.#stopped(task)
      else await this.#failed(task, AppError.from(error))
    }
  }

  /** The stage's row, running for this process now, or succeeded already. */
  #begin(node: StageNode): StoredStage {
    const { stages } = this.#options.repositories
    return this.#options.repositories.transaction(() => {
      const stored = stages.getStage(node.key)
      if (stored === null) throw new AppError('internal', `The stage ${node.kind} ${node.key} has no row.`)
      if (stored.state === 'succeeded') return stored
      if (stored.state !== 'queued') stages.requeueStage(node.key)
      stages.startStage(node.key, { worker: node.engine, expiresAt: leaseEnd() })
      return stored
    })
  }

  #specOf(node: StageNode, checkpoint: Checkpoint | null): StageSpec {
    const { kind, key, version, params, seed, engine } = node
    const inputs: Record<string, ObjectHash> = {}
    for (const [name, input] of Object.entries(node.inputs)) {
      if ('object' in input) {
        inputs[name] = input.object
        continue
      }
      const object = this.#options.repositories.stages.getStage(input.stage)?.outputs[input.output]
      if (object === undefined) {
        throw new AppError('internal', `The stage ${kind} (${node.label}) lacks its input "${name}".`)
      }
      inputs[name] = object
    }
    return { key, kind, version, params, seed, engine, inputs, checkpoint: checkpoint?.object ?? null }
  }

  async #keepCheckpoint(key: StageKey, object: ObjectHash, epoch: number): Promise<void> {
    const previous = this.#options.repositories.stages.saveCheckpoint(key, object, epoch)
    if (previous?.object !== object) await this.#removeCheckpoint(previous)
  }

  /** A checkpoint names its stage within, so that no other row can refer to the same object. */
  async #removeCheckpoint(checkpoint: Checkpoint | null): Promise<void> {
    if (checkpoint === null) return
    try {
      await this.#options.objects.remove(checkpoint.object)
    } catch (error) {
      // Left over, not lost: a clean-up finds it.
      this.#options.report(error)
    }
  }

  #finished(task: Task, result: StageResult, reused: boolean): void {
    this.#forget(task)
    for (const dependent of task.dependents) dependent.waitingFor.delete(task.node.key)
    for (const watcher of [...task.watchers]) {
      watcher.stageFinished(task.node.key, result, reused || watcher !== task.owner)
    }
  }

  async #failed(task: Task, error: AppError): Promise<void> {
    const { stages } = this.#options.repositories
    const damaged = error.code === 'corrupt' ? await this.#giveUpDamagedInputs(task.node) : false
    const told = damaged
      ? new AppError('corrupt', error.message, {
          hint: 'Start the study again: what was damaged is computed anew.',
          details: error.details,
        })
      : error
    try {
      stages.failStage(task.node.key, told.toJSON())
    } catch (unwritable) {
      // The row stays `running` until the next start finds it interrupted.
      this.#options.report(unwritable)
    }
    this.#forget(task)
    // Whoever wanted it gives up what depends on it.
    for (const watcher of [...task.watchers]) watcher.stageFailed(task.node.key, told)
  }

  /** Objects that can't be read any more are no results: the stages that made them wait again. */
  async #giveUpDamagedInputs(node: StageNode): Promise<boolean> {
    const { repositories, objects, report } = this.#options
    let found = false
    try {
      for (const input of Object.values(node.inputs)) {
        if ('object' in input) continue
        const made = repositories.stages.getStage(input.stage)
        const object = made?.outputs[input.output]
        if (object === undefined || (await objects.verify(object)).state === 'ok') continue
        await objects.remove(object)
        repositories.stages.invalidateStage(input.stage)
        found = true
      }
    } catch (error) {
      report(error)
    }
    return found
  }

  #stopped(task: Task): void {
    const { stages } = this.#options.repositories
    const state = this.#closed ? 'interrupted' : 'cancelled'
    try {
      if (stages.getStage(task.node.key)?.state === 'running') {
        if (state === 'interrupted') stages.interruptStage(task.node.key)
        else stages.cancelStage(task.node.key)
      }
    } catch (error) {
      this.#options.report(error)
    }
    const newcomers = [...task.watchers]
    if (newcomers.length > 0 && !this.#closed) {
      this.#restart(task)
      return
    }
    this.#forget(task)
    for (const watcher of newcomers) watcher.stageStopped(task.node.key, state)
  }

  /** Somebody wanted the stage again while it was stopping. */
  #restart(task: Task): void {
    const again: Task = { ...task, phase: 'waiting', abort: new AbortController(), value: 0 }
    this.#tasks.set(task.node.key, again)
  }

  #forget(task: Task): void {
    if (this.#tasks.get(task.node.key) === task) this.#tasks.delete(task.node.key)
    for (const key of task.waitingFor) this.#tasks.get(key)?.dependents.delete(task)
  }

  /** While stages run, their leases are renewed; a process that hangs longer than a lease is seen to. */
  #keepLeases(): void {
    if (this.#renewal !== undefined) return
    this.#renewal = setInterval(() => {
      const running = [...this.#tasks.values()].filter((task) => task.phase === 'running')
      if (running.length === 0) {
        clearInterval(this.#renewal)
        this.#renewal = undefined
        return
      }
      const { repositories, report } = this.#options
      try {
        const end = leaseEnd()
        repositories.transaction(() => {
          for (const { node } of running) {
            if (repositories.stages.getStage(node.key)?.state === 'running') {
              repositories.stages.renewLease(node.key, end)
            }
          }
        })
      } catch (error) {
        report(error)
      }
    }, renewalMs)
    this.#renewal.unref()
  }
}

function leaseEnd(): string {
  return new Date(Date.now() + leaseMs).toISOString()
}
