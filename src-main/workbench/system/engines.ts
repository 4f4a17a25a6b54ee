import { installNative, uninstallNative } from '#main/compute/engine-install/install-native.ts'
import type { InstallProgress } from '#main/compute/engine-install/job.ts'
import type { Launcher } from '#main/compute/pool/launcher.ts'
import { probeEngines } from '#main/compute/pool/probe-engines.ts'
import type { EngineId, EngineStatus } from '#shared/domain/engine.ts'
import { AppError } from '#shared/errors.ts'
import type { EngineInstallEvent } from '#shared/progress.ts'
import { ProgressQueue } from '../progress-queue.ts'

/**
 * Chosen by hand only. cpu is a slow reference; native isn't faster than the wasm engine's own kernels on the
 * workbench's networks yet (npm run bench:native), so that installing it must not slow anybody down.
 */
const byHandOnly: ReadonlySet<EngineId> = new Set(['cpu', 'native'])

/** What engines this machine has, found out once by a worker and kept. */
export class Engines {
  readonly #launcher: Launcher
  #known: Promise<readonly EngineStatus[]> | null = null

  constructor(launcher: Launcher) {
    this.#launcher = launcher
  }

  /** Best first. */
  list(): Promise<readonly EngineStatus[]> {
    if (this.#known === null) return this.test()
    return this.#known
  }

  /** Tests them again. */
  test(): Promise<readonly EngineStatus[]> {
    const tested = probeEngines(this.#launcher)
    this.#known = tested
    tested.catch(() => {
      if (this.#known === tested) this.#known = null
    })
    return tested
  }

  /** Installs the native engine, from `file` if given. Leaving the stream cancels it. */
  async *install(file: string | undefined, signal: AbortSignal | undefined): AsyncGenerator<EngineInstallEvent> {
    const left = new AbortController()
    const stop = signal === undefined ? left.signal : AbortSignal.any([signal, left.signal])
    const events = new ProgressQueue<InstallProgress>()
    const running = installNative({
      launcher: this.#launcher,
      file,
      signal: stop,
      onProgress: (event) => events.push(event),
    })
    const settled = running.then(
      () => events.end(),
      () => events.end(),
    )
    try {
      yield* events
    } finally {
      left.abort()
      await settled
    }
    const status = await running
    this.#known = null
    yield { kind: 'finished', status }
  }

  async uninstall(): Promise<{ readonly removed: boolean }> {
    const removed = await uninstallNative()
    this.#known = null
    return { removed }
  }

  /** The engine that a new study gets. */
  async best(): Promise<EngineId> {
    const engines = await this.list()
    const working = engines.filter((engine) => engine.available)
    const best = working.find((engine) => !byHandOnly.has(engine.id)) ?? working[0]
    if (best !== undefined) return best.id
    throw new AppError('engine-unavailable', 'No tensor engine works on this machine.', {
      hint: 'Run "engine doctor" to see what each of them lacks.',
      details: engines,
    })
  }

  /** @throws AppError `engine-unavailable` with the reason. */
  async require(id: EngineId): Promise<void> {
    const engines = await this.list()
    const found = engines.find((engine) => engine.id === id)
    if (found?.available === true) return
    throw new AppError(
      'engine-unavailable',
      `The engine ${id} can't be used here: ${found?.reason ?? 'it is unknown.'}`,
      {
        hint: `Choose one that works: ${engines
          .filter((engine) => engine.available)
          .map((engine) => engine.id)
          .join(', ')}.`,
      },
    )
  }
}
