import type { EngineId } from '#shared/domain/engine.ts'
import { AppError } from '#shared/errors.ts'
import type { StageResult, StageSpec } from '../stages.ts'
import type { ExecuteOptions, Executor } from './executor.ts'
import type { Launcher } from './launcher.ts'
import { usualWorkerMemory, workerEnvironment, workerSlots } from './machine.ts'
import { type MemoryClaim, MemoryLedger } from './memory-ledger.ts'
import { PooledWorker } from './pooled-worker.ts'
import { workerEntry } from './worker-entry.ts'

/** A worker without work gives its memory back after this time; until then engine and images stay loaded. */
const idleLimitMs = 60_000
const usualCancelGraceMs = 1500

export interface WorkerPoolOptions {
  readonly launcher: Launcher
  readonly objectsRoot: string
  readonly engine: EngineId
  /** Default: by the machine's cores. */
  readonly size?: number
  readonly entry?: URL
  /** Shared with the other pools of this machine; default: one of its own, for a pool that is alone. */
  readonly memory?: MemoryLedger
  readonly idleMs?: number
  /** A stage that doesn't end within this time of its cancel is ended with its worker. */
  readonly cancelGraceMs?: number
}

/** Worker processes of this machine. They start when there is work for them and are replaced when they die. */
export class WorkerPool implements Executor {
  readonly capacity: number
  readonly #options: WorkerPoolOptions
  readonly #memory: MemoryLedger
  /** Each with its slot, the lowest that was free: on a GPU engine that is its GPU. */
  readonly #workers = new Map<PooledWorker, number>()
  /** Without work; the one used last comes first, since its caches are warmest. */
  readonly #idle: PooledWorker[] = []
  readonly #idleTimers = new Map<PooledWorker, NodeJS.Timeout>()
  readonly #waiting: ((worker: PooledWorker | null) => void)[] = []
  #closed = false

  constructor(options: WorkerPoolOptions) {
    this.#options = options
    this.#memory = options.memory ?? new MemoryLedger()
    this.capacity = options.size ?? workerSlots(options.engine)
  }

  /** Process ids of the workers that run now. */
  get pids(): readonly number[] {
    return [...this.#workers.keys()].flatMap(({ pid }) => (pid === undefined ? [] : [pid]))
  }

  admits(memory: number): boolean {
    return this.#memory.admits(memory, this.#idle.at(-1))
  }

  async execute(spec: StageSpec, options: ExecuteOptions): Promise<StageResult> {
    // From now on, also while it waits for a worker: who asks next must not be given the same memory.
    const claim = this.#memory.claim(options.memory ?? usualWorkerMemory(spec.engine))
    try {
      const worker = await this.#lease(options.signal, claim)
      try {
        return await worker.execute(spec, options)
      } finally {
        this.#release(worker)
      }
    } finally {
      this.#memory.release(claim)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const wake of this.#waiting.splice(0)) wake(null)
    await Promise.all([...this.#workers.keys()].map((worker) => worker.kill()))
  }

  async #lease(signal: AbortSignal, claim: MemoryClaim): Promise<PooledWorker> {
    const take = (worker: PooledWorker): PooledWorker => {
      claim.worker = worker
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
    const { launcher, objectsRoot, engine, entry = workerEntry(), cancelGraceMs = usualCancelGraceMs } = this.#options
    const taken = new Set(this.#workers.values())
    let slot = 0
    while (taken.has(slot)) slot++
    const worker = new PooledWorker(launcher, {
      entry,
      env: workerEnvironment(engine, slot),
      objectsRoot,
      cancelGraceMs,
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
    clearTimeout(this.#idleTimers.get(worker))
    this.#idleTimers.delete(worker)
    const at = this.#idle.indexOf(worker)
    if (at >= 0) this.#idle.splice(at, 1)
    // Room for a replacement: whoever waits looks again.
    this.#waiting.shift()?.(null)
  }
}
