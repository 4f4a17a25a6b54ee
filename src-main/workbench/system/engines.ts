import { activeBuild, engineFolder } from '#main/compute/engine-install/folders.ts'
import { installEngine, uninstallEngine } from '#main/compute/engine-install/install.ts'
import type { InstallProgress } from '#main/compute/engine-install/job.ts'
import { engineFiles } from '#main/compute/engine-install/pins.ts'
import { benchEngines } from '#main/compute/pool/bench-engines.ts'
import type { Launcher } from '#main/compute/pool/launcher.ts'
import { probeEngines, probeWebgpu } from '#main/compute/pool/probe-engines.ts'
import {
  type EngineChoice,
  type EngineFile,
  type EngineId,
  type EngineStatus,
  type EngineTimes,
  type InstallableEngineId,
  installableEngineIds,
} from '#shared/domain/engine.ts'
import { AppError } from '#shared/errors.ts'
import type { EngineInstallEvent } from '#shared/progress.ts'
import { streamProgress } from '../progress-queue.ts'

/** Never chosen by itself, and why. */
const byHandOnly: Readonly<Partial<Record<EngineId, string>>> = {
  webgpu: 'It is used where it is asked for: with --engine webgpu, or in a study\u2019s settings.',
  cpu: 'It is a slow reference for tests.',
}

/** A browser is started for somebody who asks, not to fill a table. */
const untriedWebgpu: EngineStatus = {
  id: 'webgpu',
  available: false,
  reason:
    'It is tried only where it is asked for, since a browser is started for it: by tmu engine doctor, \u201cExamine the engines\u201d in Settings, or --engine webgpu.',
}

/** The active build of each engine, in a text to compare. */
function installedBuilds(): string {
  return installableEngineIds.map((id) => activeBuild(engineFolder(id)) ?? '').join('\n')
}

/** What engines this machine has, found out by a worker and kept until another process installs or removes one. */
export class Engines {
  readonly #launcher: Launcher
  readonly #pageLauncher: Launcher | undefined
  #known: { readonly installed: string; readonly engines: Promise<readonly EngineStatus[]> } | null = null
  #webgpu: Promise<EngineStatus> | null = null

  /** `pageLauncher`: for the webgpu engine. */
  constructor(launcher: Launcher, pageLauncher?: Launcher) {
    this.#launcher = launcher
    this.#pageLauncher = pageLauncher
  }

  launcherOf(engine: EngineId): Launcher {
    return engine === 'webgpu' ? (this.#pageLauncher ?? this.#launcher) : this.#launcher
  }

  /** Best first. */
  list(): Promise<readonly EngineStatus[]> {
    return this.#known?.installed === installedBuilds() ? this.#known.engines : this.#probe()
  }

  /** Tests them again, the one that needs a browser too. */
  test(): Promise<readonly EngineStatus[]> {
    this.#webgpu = null
    return this.#probe(this.#tryWebgpu())
  }

  #tryWebgpu(): Promise<EngineStatus> | undefined {
    if (this.#pageLauncher === undefined) return undefined
    this.#webgpu ??= probeWebgpu(this.#pageLauncher)
    return this.#webgpu
  }

  #probe(trying: Promise<EngineStatus> | null | undefined = this.#webgpu): Promise<readonly EngineStatus[]> {
    const webgpu = async (): Promise<{ readonly webgpu?: EngineStatus }> => {
      if (this.#pageLauncher === undefined) return {}
      return { webgpu: (await trying) ?? untriedWebgpu }
    }
    const installed = installedBuilds()
    const tested = webgpu().then((tried) => probeEngines(this.#launcher, tried))
    const known = { installed, engines: tested }
    this.#known = known
    const forget = (): void => {
      if (this.#known === known) this.#known = null
    }
    // Where none works, the machine may have been overloaded: whoever asks next has them tested again.
    tested.then((engines) => {
      if (!engines.some(({ available }) => available)) forget()
    }, forget)
    return tested
  }

  /** What to download elsewhere for an installation without a network. */
  files(engine: InstallableEngineId): readonly EngineFile[] {
    return engineFiles(engine)
  }

  /** Installs an engine, from `file` if given. Leaving the stream cancels it. */
  async *install(
    engine: InstallableEngineId,
    file: string | undefined,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<EngineInstallEvent> {
    const launcher = this.#launcher
    const status = yield* streamProgress<InstallProgress, EngineStatus>(signal, (stop, onProgress) =>
      installEngine({ engine, launcher, file, signal: stop, onProgress }),
    )
    this.#known = null
    yield { kind: 'finished', status }
  }

  /** Training steps of every engine that works, or of those named. */
  async bench(
    wanted: readonly EngineId[] | undefined,
    signal: AbortSignal | undefined,
  ): Promise<readonly EngineTimes[]> {
    for (const id of wanted ?? []) await this.require(id)
    const engines = (await this.list()).filter(
      ({ id, available }) => available && (wanted === undefined ? id !== 'cpu' : wanted.includes(id)),
    )
    return await benchEngines(({ id }) => this.launcherOf(id), engines, signal)
  }

  async uninstall(engine: InstallableEngineId): Promise<{ readonly removed: boolean }> {
    const removed = await uninstallEngine(engine)
    this.#known = null
    return { removed }
  }

  /** The engine that a new study gets. */
  async best(): Promise<EngineId> {
    return (await this.choice()).engine
  }

  /** The best engine that works, and why each better one was passed over. */
  async choice(): Promise<EngineChoice> {
    const engines = await this.list()
    const working = engines.filter((engine) => engine.available)
    const best = working.find((engine) => byHandOnly[engine.id] === undefined) ?? working[0]
    if (best !== undefined) {
      const passedOver = engines
        .slice(0, engines.indexOf(best))
        .map(({ id, reason }) => ({ id, reason: reason ?? byHandOnly[id] ?? 'It does not work here.' }))
      return { engine: best.id, passedOver }
    }
    throw new AppError('engine-unavailable', 'No tensor engine works on this machine.', {
      hint: 'Run "engine doctor" to see what each of them lacks.',
      details: engines,
    })
  }

  /** @throws AppError `engine-unavailable` with the reason. */
  async require(id: EngineId): Promise<void> {
    if (id === 'webgpu' && this.#webgpu === null) {
      const tried = this.#tryWebgpu()
      if (tried !== undefined) await this.#probe(tried)
    }
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
