import type { EngineId } from '#shared/domain/engine.ts'
import { AppError } from '#shared/errors.ts'
import type { StageResult, StageSpec } from '../stages.ts'
import type { ExecuteOptions, Executor } from './executor.ts'
import type { Launcher } from './launcher.ts'
import {
  fitsIntoMemory,
  type Machine,
  thisMachine,
  usualWorkerMemory,
  type WorkerMemory,
  workerEnvironment,
  workerSlots,
} from './machine.ts'
import { PooledWorker } from './pooled-worker.ts'
import { workerEntry } from './worker-entry.ts'

/** A worker without work gives its memory back after this time; until then engine and images stay loaded. */
const idleLimitMs = 60_000

export interface WorkerPoolOptions {
  readonly launcher: Launcher
  readonly objectsRoot: string
  readonly engine: EngineId
  /** Default: by the machine's cores. */
  readonly size?: number
  readonly entry?: URL
  readonly machine?: Machine
  readonly idleMs?: number
}

/** Worker processes of this machine. They start when there is work for them and are replaced when they die. */
export class WorkerPool implements Executor {
  readonly capacity: number
  readonly #options: WorkerPoolOptions
  /** Each with its slot, the lowest that was free: on a GPU engine that is its GPU. */
  readonly #workers = new Map<PooledWorker, number>()
  /** Without work; the one used last comes first, since its caches are warmest. */
  readonly #idle: PooledWorker[] = []
  /** What each worker's stage is expected to take, bytes. */
  readonly #expected = new Map<PooledWorker, number>()
  readonly #idleTimers = new Map<PooledWorker, NodeJS.Timeout>()
  readonly #waiting: ((worker: PooledWorker | null) => void)[] = []
  #closed = false

  constructor(options: WorkerPoolOptions) {
    this.#options = options
    this.capacity = options.size ?? workerSlots(options.engine, options.machine)
  }

  /** Process ids of the workers that run now. */
  get pids(): readonly number[] {
    return [...this.#workers.keys()].flatMap(({ pid }) => (pid === undefined ? [] : [pid]))
  }

  admits(memory: number): boolean {
    const { machine = thisMachine } = this.#options
    const residentOf = (worker: PooledWorker): number | null =>
      worker.pid === undefined ? 0 : machine.residentMemory(worker.pid)
    const busy = [...this.#expected].map(([worker, expected]): WorkerMemory => {
      // Where the system doesn't say, a stage that runs is taken to have all it needs.
      return { expected, resident: residentOf(worker) ?? expected }
    })
    const next = this.#idle.at(-1)
    const reused = next === undefined ? 0 : (residentOf(next) ?? 0)
    return fitsIntoMemory(memory, { busy, reused }, machine.memory())
  }

  async execute(spec: StageSpec, options: ExecuteOptions): Promise<StageResult> {
    const worker = await this.#lease(options.signal, options.memory ?? usualWorkerMemory(spec.engine))
    try {
      return await worker.execute(spec, options)
    } finally {
      this.#expected.delete(worker)
      this.#release(worker)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const wake of this.#waiting.splice(0)) wake(null)
    await Promise.all([...this.#workers.keys()].map((worker) => worker.kill()))
  }

  async #lease(signal: AbortSignal, expected: number): Promise<PooledWorker> {
    const take = (worker: PooledWorker): PooledWorker => {
      this.#expected.set(worker, expected)
      return worker
    }
    for (;;) {
      if (this.#closed || signal.aborted) throw new AppError('cancelled', 'The stage was cancelled before it began.')
      const idle = this.#idle.pop()
      if (idle !== undefined) {
        clearTimeout(this.#idleTimers.get(idle))
        this.#idleTimers.delete(idle)
        if (idle.alive) return take(idle)
        continue
      }
      if (this.#workers.size < this.capacity) return take(this.#spawn())
      const freed = await this.#nextFree(signal)
      if (freed?.alive === true) return take(freed)
    }
  }

  #spawn(): PooledWorker {
    const { launcher, objectsRoot, engine, entry = workerEntry() } = this.#options
    const taken = new Set(this.#workers.values())
    let slot = 0
    while (taken.has(slot)) slot++
    const worker = new PooledWorker(launcher, {
      entry,
      env: workerEnvironment(engine, slot),
      objectsRoot,
      onExit: (gone) => this.#forget(gone),
    })
    this.#workers.set(worker, slot)
    return worker
  }

  #nextFree(signal: AbortSignal): Promise<PooledWorker | null> {
    return new Promise((resolve) => {
      const wake = (worker: PooledWorker | null): void => {
        signal.removeEventListener('abort', onAbort)
        resolve(worker)
      }
      const onAbort = (): void => {
        const at = this.#waiting.indexOf(wake)
        if (at >= 0) this.#waiting.splice(at, 1)
        wake(null)
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.push(wake)
    })
  }

  #release(worker: PooledWorker): void {
    if (!worker.alive || this.#closed) return
    const next = this.#waiting.shift()
    if (next !== undefined) {
      next(worker)
      return
    }
    this.#idle.push(worker)
    const timer = setTimeout(() => {
      const at = this.#idle.indexOf(worker)
      if (at >= 0) this.#idle.splice(at, 1)
      this.#idleTimers.delete(worker)
      void worker.kill()
    }, this.#options.idleMs ?? idleLimitMs)
    // An idle worker is no reason to stay alive.
    timer.unref()
    this.#idleTimers.set(worker, timer)
  }

  #forget(worker: PooledWorker): void {
    this.#workers.delete(worker)
    this.#expected.delete(worker)
    clearTimeout(this.#idleTimers.get(worker))
    this.#idleTimers.delete(worker)
    const at = this.#idle.indexOf(worker)
    if (at >= 0) this.#idle.splice(at, 1)
    // Room for a replacement: whoever waits looks again.
    this.#waiting.shift()?.(null)
  }
}
