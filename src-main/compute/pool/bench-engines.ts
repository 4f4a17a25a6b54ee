import { benchNetworks, type EngineStatus, type EngineTimes } from '#shared/domain/engine.ts'
import { AppError } from '#shared/errors.ts'
import type { Launcher, WorkerProcess } from './launcher.ts'
import { workerEnvironment } from './machine.ts'
import { workerEntry } from './worker-entry.ts'

const rounds = 5
const stepsOfRound = 4
const warmUp = 2

/**
 * Times training steps on each of these engines. They take turns, so that a busy machine slows all of them, and only one
 * computes at a time.
 * @throws AppError `cancelled`, or what an engine failed with.
 */
export async function benchEngines(
  launcherOf: (engine: EngineStatus) => Launcher,
  engines: readonly EngineStatus[],
  signal?: AbortSignal,
  entry: URL = workerEntry(),
): Promise<readonly EngineTimes[]> {
  const workers = engines.map((engine) => ({
    engine,
    worker: new BenchWorker(launcherOf(engine).spawn(entry, workerEnvironment(engine.id, 0))),
  }))
  const stop = (): void => {
    for (const { worker } of workers) worker.kill()
  }
  signal?.addEventListener('abort', stop)
  try {
    const times = workers.map(() => benchNetworks.map((): number[] => []))
    for (const [n, network] of benchNetworks.entries()) {
      for (let round = 0; round < rounds; round++) {
        for (const [w, { engine, worker }] of workers.entries()) {
          const request = { engine: engine.id, network, count: stepsOfRound, warmUp: round === 0 ? 2 * warmUp : warmUp }
          times[w][n].push(...(await worker.time(request)))
        }
      }
    }
    return workers.map(({ engine }, w) => ({
      engine,
      steps: benchNetworks.map(({ name, architecture }, n) => ({
        network: name,
        architecture,
        ...figures(times[w][n]),
      })),
    }))
  } catch (error) {
    if (signal?.aborted === true) throw new AppError('cancelled', 'The measurement was cancelled.')
    throw error
  } finally {
    signal?.removeEventListener('abort', stop)
    stop()
  }
}

function figures(values: readonly number[]): { readonly min: number; readonly median: number } {
  const sorted = values.toSorted((a, b) => a - b)
  return { min: sorted[0], median: sorted[Math.floor(sorted.length / 2)] }
}

type Request = Omit<Parameters<WorkerProcess['send']>[0] & { readonly type: 'time-steps' }, 'type' | 'id'>

/** A worker that is asked for the times of steps. */
export class BenchWorker {
  readonly #process: WorkerProcess
  readonly #ready: Promise<unknown>
  #answer: PromiseWithResolvers<readonly number[]> | null = null
  #id = 0

  constructor(process: WorkerProcess) {
    this.#process = process
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#ready = promise
    // Whoever waits is told; nobody may be waiting yet.
    promise.catch(() => {})
    process.onMessage((message) => {
      if (message.type === 'ready') resolve(null)
      if (message.type !== 'step-times' || message.id !== this.#id) return
      if (message.error === null) this.#answer?.resolve(message.milliseconds)
      else this.#answer?.reject(AppError.fromJSON(message.error))
    })
    process.onExit(({ code, signal, log }) => {
      const gone = new AppError(
        'worker-died',
        `A worker ended while it was measured (${signal ?? `exit code ${code}`}).`,
        {
          details: { log },
        },
      )
      reject(gone)
      this.#answer?.reject(gone)
    })
  }

  async time(request: Request): Promise<readonly number[]> {
    await this.#ready
    this.#answer = Promise.withResolvers()
    this.#process.send({ type: 'time-steps', id: ++this.#id, ...request })
    return await this.#answer.promise
  }

  kill(): void {
    this.#process.kill()
  }
}
