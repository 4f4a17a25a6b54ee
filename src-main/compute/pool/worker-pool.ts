import type { EngineId } from '#shared/domain/engine.ts'
import { AppError } from '#shared/errors.ts'
import type { StageResult, StageSpec } from '../stages.ts'
import type { ExecuteOptions, Executor } from './executor.ts'
import type { Launcher } from './launcher.ts'
import { defaultWorkerCount, hasMemoryForWorker, type Machine, thisMachine, workerEnvironment } from './machine.ts'
import { PooledWorker } from './pooled-worker.ts'
import { workerEntry } from './worker-entry.ts'

/** A worker without work gives its memory back after this time; until then engine and images stay loaded. */
const idleLimitMs = 60_000

export interface WorkerPoolOptions {
  readonly launcher: Launcher
  readonly objectsRoot: string
  readonly engine: EngineId
  /** Default: by cores and memory of the machine. */
  readonly size?: number
  readonly entry?: URL
  readonly machine?: Machine
  readonly idleMs?: number
}

/** Worker processes of this machine. They start when there is work for them and are replaced when they die. */
export class WorkerPool implements Executor {
  readonly capacity: number
  readonly #options: WorkerPoolOptions
  readonly #workers = new Set<PooledWorker>()
  /** Without work; the one used last comes first, since its caches are warmest. */
  readonly #idle: PooledWorker[] = []
  readonly #idleTimers = new Map<PooledWorker, NodeJS.Timeout>()
  readonly #waiting: ((worker: PooledWorker | null) => void)[] = []
  #closed = false

  constructor(options: WorkerPoolOptions) {
    this.#options = options
    this.capacity = options.size ?? defaultWorkerCount(options.engine, options.machine)
  }

  /** Process ids of the workers that run now. */
  get pids(): readonly number[] {
    return [...this.#workers].flatMap(({ pid }) => (pid === undefined ? [] : [pid]))
  }

  async execute(spec: StageSpec, options: ExecuteOptions): Promise<StageResult> {
    const worker = await this.#lease(options.signal)
    try {
      return await worker.execute(spec, options)
    } finally {
      this.#release(worker)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const wake of this.#waiting.splice(0)) wake(null)
    await Promise.all([...this.#workers].map((worker) => worker.kill()))
  }

  async #lease(signal: AbortSignal): Promise<PooledWorker> {
    for (;;) {
      if (this.#closed || signal.aborted) throw new AppError('cancelled', 'The stage was cancelled before it began.')
      const idle = this.#idle.pop()
      if (idle !== undefined) {
        clearTimeout(this.#idleTimers.get(idle))
        this.#idleTimers.delete(idle)
        if (idle.alive) return idle
        continue
      }
      if (this.#mayGrow()) return this.#spawn()
      const freed = await this.#nextFree(signal)
      if (freed?.alive === true) return freed
    }
  }

  #mayGrow(): boolean {
    if (this.#workers.size === 0) return true
    const { engine, machine = thisMachine } = this.#options
    return this.#workers.size < this.capacity && hasMemoryForWorker(engine, machine)
  }

  #spawn(): PooledWorker {
    const { launcher, objectsRoot, engine, entry = workerEntry() } = this.#options
    const worker = new PooledWorker(launcher, {
      entry,
      env: workerEnvironment(engine),
      objectsRoot,
      onExit: (gone) => this.#forget(gone),
    })
    this.#workers.add(worker)
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
    clearTimeout(this.#idleTimers.get(worker))
    this.#idleTimers.delete(worker)
    const at = this.#idle.indexOf(worker)
    if (at >= 0) this.#idle.splice(at, 1)
    // Room for a replacement: whoever waits looks again.
    this.#waiting.shift()?.(null)
  }
}
