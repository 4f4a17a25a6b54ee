import { isAborted } from '#shared/abort.ts'
import { benchNetworks, type EngineId, type EngineStatus, type EngineTimes } from '#shared/domain/engine.ts'
import { AppError } from '#shared/errors.ts'
import type { Launcher, WorkerProcess } from './launcher.ts'
import { workerEnvironment } from './machine.ts'
import { workerEntry } from './worker-entry.ts'

const rounds = 5
const stepsOfRound = 4
const warmUp = 2
/** From a worker's start to its first word, and for a round: the first use of a GPU compiles kernels for it. */
const usualLimits: BenchLimits = { readyMs: 60_000, roundMs: 180_000 }

export interface BenchLimits {
  readonly readyMs: number
  readonly roundMs: number
}

export interface BenchOptions {
  readonly entry?: URL
  readonly limitsOf?: (engine: EngineStatus) => BenchLimits
}

/**
 * Times training steps on each of these engines. They take turns, so that a busy machine slows all of them, and only one
 * computes at a time. One that fails, or keeps the others waiting, is left out and says why.
 * @throws AppError `cancelled`, or what the first of them failed with where none was left.
 */
export async function benchEngines(
  launcherOf: (engine: EngineStatus) => Launcher,
  engines: readonly EngineStatus[],
  signal?: AbortSignal,
  { entry = workerEntry(), limitsOf = () => usualLimits }: BenchOptions = {},
): Promise<readonly EngineTimes[]> {
  const workers = engines.map((engine) => ({
    engine,
    worker: new BenchWorker(
      launcherOf(engine).spawn(entry, workerEnvironment(engine.id, 0)),
      engine.id,
      limitsOf(engine),
    ),
  }))
  const stop = (): void => {
    for (const { worker } of workers) worker.kill()
  }
  signal?.addEventListener('abort', stop)
  try {
    const times = workers.map(() => benchNetworks.map((): number[] => []))
    const failures = workers.map((): AppError | null => null)
    for (const [n, network] of benchNetworks.entries()) {
      for (let round = 0; round < rounds; round++) {
        for (const [w, { worker }] of workers.entries()) {
          if (failures[w] !== null) continue
          const request = { network, count: stepsOfRound, warmUp: round === 0 ? 2 * warmUp : warmUp }
          try {
            times[w][n].push(...(await worker.time(request)))
          } catch (error) {
            if (isAborted(signal)) throw new AppError('cancelled', 'The measurement was cancelled.')
            failures[w] = AppError.from(error)
            worker.kill()
          }
        }
      }
    }
    const [first] = failures
    if (first !== undefined && first !== null && failures.every((failure) => failure !== null)) throw first
    return workers.map(({ engine }, w): EngineTimes => {
      const failure = failures[w]
      if (failure !== null) {
        const { message, hint } = failure
        return { engine, steps: [], reason: hint === undefined ? message : `${message} ${hint}` }
      }
      return {
        engine,
        steps: benchNetworks.map(({ name, architecture }, n) => ({
          network: name,
          architecture,
          ...figures(times[w][n]),
        })),
      }
    })
  } finally {
    signal?.removeEventListener('abort', stop)
    stop()
  }
}

function figures(values: readonly number[]): { readonly min: number; readonly median: number } {
  const sorted = values.toSorted((a, b) => a - b)
  return { min: sorted[0], median: sorted[Math.floor(sorted.length / 2)] }
}

type Request = Omit<Parameters<WorkerProcess['send']>[0] & { readonly type: 'time-steps' }, 'type' | 'id' | 'engine'>

/** A worker that is asked for the times of steps. */
export class BenchWorker {
  readonly #process: WorkerProcess
  readonly #engine: EngineId
  readonly #limits: BenchLimits
  readonly #ready = Promise.withResolvers<unknown>()
  #answer: PromiseWithResolvers<readonly number[]> | null = null
  /** Why it answers no more; it may have ended while others were measured. */
  #failure: AppError | null = null
  #id = 0

  constructor(process: WorkerProcess, engine: EngineId, limits: BenchLimits = usualLimits) {
    this.#process = process
    this.#engine = engine
    this.#limits = limits
    // Whoever waits is told; nobody may be waiting yet.
    this.#ready.promise.catch(() => {})
    const late = setTimeout(() => this.#giveUp(`did not start within ${limits.readyMs / 1000} s`), limits.readyMs)
    process.onMessage((message) => {
      if (message.type === 'ready') {
        clearTimeout(late)
        this.#ready.resolve(null)
      }
      if (message.type !== 'step-times' || message.id !== this.#id) return
      if (message.error === null) this.#answer?.resolve(message.milliseconds)
      else this.#answer?.reject(AppError.fromJSON(message.error))
    })
    process.onExit(({ code, signal, log }) => {
      clearTimeout(late)
      this.#fail(
        new AppError('worker-died', `A worker ended while it was measured (${signal ?? `exit code ${code}`}).`, {
          details: { log },
        }),
      )
    })
  }

  /** @throws AppError what the engine failed with; `worker-died`, also when there was no answer in time. */
  async time(request: Request): Promise<readonly number[]> {
    await this.#ready.promise
    if (this.#failure !== null) throw this.#failure
    const { roundMs } = this.#limits
    const answer = Promise.withResolvers<readonly number[]>()
    this.#answer = answer
    this.#process.send({ type: 'time-steps', id: ++this.#id, engine: this.#engine, ...request })
    const late = setTimeout(() => this.#giveUp(`did not answer within ${roundMs / 1000} s`), roundMs)
    try {
      return await answer.promise
    } finally {
      clearTimeout(late)
    }
  }

  kill(): void {
    this.#process.kill()
  }

  #giveUp(what: string): void {
    this.#fail(
      new AppError('worker-died', `The worker of the ${this.#engine} engine ${what}.`, {
        hint: 'The machine may be overloaded: close other programs, then measure again.',
      }),
    )
    this.kill()
  }

  #fail(error: AppError): void {
    this.#failure ??= error
    this.#ready.reject(error)
    this.#answer?.reject(error)
  }
}
