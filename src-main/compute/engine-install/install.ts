/** Installing and removing an engine, as seen from the process that asks for it. */

import { readdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { createFolders } from '#main/artifacts/create-folders.ts'
import { isAborted } from '#shared/abort.ts'
import type { EngineStatus, InstallableEngineId } from '#shared/domain/engine.ts'
import { AppError } from '#shared/errors.ts'
import { requireGpu } from '../gpus.ts'
import type { Launcher } from '../pool/launcher.ts'
import { probeInstalled } from '../pool/probe-engines.ts'
import { runChildJob } from '../pool/run-child-job.ts'
import { childEntry } from '../pool/worker-entry.ts'
import { alone } from './alone.ts'
import type { EnginePins } from './archive-pins.ts'
import { activeBuild, activeBuildFile, bindingVersion, engineFolder, enginesFolder } from './folders.ts'
import { asInstallError } from './install-errors.ts'
import type { InstallDone, InstallJob, InstallProgress } from './job.ts'
import { enginePins } from './pins.ts'

export interface InstallOptions {
  readonly engine: InstallableEngineId
  readonly launcher: Launcher
  readonly onProgress: (event: InstallProgress) => void
  readonly signal?: AbortSignal | undefined
  /** An archive, or a folder of archives, to take the libraries from; default: the network. */
  readonly file?: string | undefined
  readonly engines?: string
  readonly pins?: EnginePins
  /** Whether this machine can use it at all, asked before gigabytes are fetched. */
  readonly check?: () => Promise<void>
  readonly probe?: (build: string) => Promise<EngineStatus>
}

/**
 * Installs an engine and returns what its test says. Until that test has passed and one small file is replaced,
 * everything is as it was.
 * @throws AppError `cancelled`, `unsupported`, `disk-full`, `corrupt`, `not-found`, `bad-input`, `conflict`,
 * `engine-unavailable` when there is no GPU or the test fails.
 */
export async function installEngine(options: InstallOptions): Promise<EngineStatus> {
  const { engine, launcher, onProgress, signal, file, engines = enginesFolder(), pins = enginePins[engine] } = options
  const { probe = (build: string) => probeInstalled(launcher, engine, { build, signal }) } = options
  const { check = engine === 'cuda' ? requireGpu : async () => {} } = options
  await check()
  const folder = engineFolder(engine, engines)
  return await alone(folder, engine, async () => {
    try {
      await createFolders(folder)
      await sweep(folder)
      const build = await runChild(launcher, { engine, engines, file: file ?? null, pins }, onProgress, signal)
      onProgress({
        kind: 'progress',
        phase: 'testing',
        done: 0,
        total: null,
        etaSeconds: null,
        rate: null,
        part: null,
      })
      const status = await probe(build)
      if (isAborted(signal)) throw cancelled()
      if (!status.available) {
        throw new AppError('engine-unavailable', `The ${engine} engine does not work here: ${status.reason ?? ''}`, {
          hint: `Nothing was changed. What was downloaded is kept for another try; tmu engine uninstall ${engine} removes it.`,
        })
      }
      await activate(folder, build)
      await removeDownloads(folder).catch(() => {})
      return status
    } catch (error) {
      throw asInstallError(error, folder)
    } finally {
      // What can't be removed now, the next installation removes; how this one ended says more.
      await sweep(folder).catch(() => {})
    }
  })
}

/**
 * Removes an engine, and what was downloaded for it. A worker that has it loaded goes on. Returns whether it was
 * installed.
 */
export async function uninstallEngine(
  engine: InstallableEngineId,
  engines: string = enginesFolder(),
): Promise<boolean> {
  const folder = engineFolder(engine, engines)
  const was = activeBuild(folder) !== null
  await alone(folder, engine, async () => {
    // From here on it isn't installed, however far the rest comes.
    try {
      await rm(activeBuildFile(folder), { force: true })
      await rm(folder, { recursive: true, force: true })
    } catch (error) {
      throw asInstallError(error, folder)
    }
  })
  return was
}

async function activate(folder: string, build: string): Promise<void> {
  const next = `${activeBuildFile(folder)}.new`
  await writeFile(next, JSON.stringify({ build: basename(build), binding: bindingVersion }), { flush: true })
  await rename(next, activeBuildFile(folder))
}

/** Removes what is left of earlier builds; what was downloaded of a file stays, to be gone on with. */
async function sweep(folder: string): Promise<void> {
  const active = activeBuild(folder)
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.startsWith('build-') || (active !== null && basename(active) === name)) continue
    // A compiler ends a moment after the installing process that was killed; it may write here until then.
    await rm(join(folder, name), { recursive: true, force: true, maxRetries: 20 })
  }
}

async function removeDownloads(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith('download-')) await rm(join(folder, name), { force: true })
  }
}

/** Returns the folder of the new build. */
async function runChild(
  launcher: Launcher,
  job: InstallJob,
  onProgress: (event: InstallProgress) => void,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { build } = await runChildJob<InstallJob, InstallProgress, InstallDone>({
    launcher,
    entry: installWorkerEntry(),
    // The settings of this machine for proxies and certificates hold for its downloads.
    env: { NODE_USE_ENV_PROXY: '1', NODE_USE_SYSTEM_CA: '1' },
    job,
    signal,
    onInterim: onProgress,
    does: 'installs',
    hint: 'Nothing was changed; try again: the download goes on where it stopped.',
    cancelled,
  })
  return build
}

function installWorkerEntry(): URL {
  return childEntry(import.meta.url, './install-worker.ts', 'install-worker.js')
}

function cancelled(): AppError {
  return new AppError('cancelled', 'The installation was cancelled; nothing was changed.', {
    hint: 'Start it again: the download goes on where it stopped.',
  })
}
