/** Installing and removing the native engine, as seen from the process that asks for it. */

import { mkdir, open, readdir, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { isAborted } from '#shared/abort.ts'
import type { EngineStatus } from '#shared/domain/engine.ts'
import { AppError } from '#shared/errors.ts'
import type { Launcher, WorkerExit } from '../pool/launcher.ts'
import { probeNative } from '../pool/probe-engines.ts'
import { childEntry } from '../pool/worker-entry.ts'
import { activeBuild, activeBuildFile, enginesFolder, nativeFolder } from './folders.ts'
import type { InstallJob, InstallMessage, InstallProgress } from './job.ts'
import { type LibraryPins, nativePins } from './pins.ts'

export interface InstallOptions {
  readonly launcher: Launcher
  readonly onProgress: (event: InstallProgress) => void
  readonly signal?: AbortSignal | undefined
  /** An archive to take the libraries from; default: the network. */
  readonly file?: string | undefined
  readonly engines?: string
  readonly pins?: LibraryPins
  readonly probe?: (build: string) => Promise<EngineStatus>
}

/**
 * Installs the native engine and returns what its test says. Until that test has passed and one small file is replaced,
 * everything is as it was.
 * @throws AppError `cancelled`, `unsupported`, `disk-full`, `corrupt`, `not-found`, `bad-input`, `conflict`,
 * `engine-unavailable` when the test fails.
 */
export async function installNative(options: InstallOptions): Promise<EngineStatus> {
  const { launcher, onProgress, signal, file, engines = enginesFolder(), pins = nativePins } = options
  const { probe = (build: string) => probeNative(launcher, { build }) } = options
  const folder = nativeFolder(engines)
  return await alone(folder, async () => {
    await sweep(folder)
    let build: string | null = null
    try {
      build = await runChild(launcher, { engines, file: file ?? null, pins }, onProgress, signal)
      onProgress({ kind: 'progress', phase: 'testing', done: 0, total: null, etaSeconds: null })
      const status = await probe(build)
      if (!status.available) {
        throw new AppError('engine-unavailable', `The native engine does not work here: ${status.reason ?? ''}`, {
          hint: 'Nothing was changed; the wasm engine works everywhere.',
        })
      }
      if (isAborted(signal)) throw cancelled()
      await activate(folder, build)
      return status
    } finally {
      await sweep(folder)
    }
  })
}

/** Removes the native engine. What still runs on it goes on. Returns whether there was one. */
export async function uninstallNative(engines: string = enginesFolder()): Promise<boolean> {
  const folder = nativeFolder(engines)
  const was = activeBuild(folder) !== null
  await alone(folder, async () => {
    // From here on it isn't installed, however far the rest comes.
    await rm(activeBuildFile(folder), { force: true })
    await rm(folder, { recursive: true, force: true })
  })
  return was
}

async function activate(folder: string, build: string): Promise<void> {
  const next = `${activeBuildFile(folder)}.new`
  await writeFile(next, JSON.stringify({ build: basename(build) }), { flush: true })
  await rename(next, activeBuildFile(folder))
}

/** Removes what is left of earlier builds; what was downloaded of a file stays, to be gone on with. */
async function sweep(folder: string): Promise<void> {
  const active = activeBuild(folder)
  for (const name of await readdir(folder)) {
    if (!name.startsWith('build-') || (active !== null && basename(active) === name)) continue
    await rm(join(folder, name), { recursive: true, force: true })
  }
}

const lockName = 'install.lock'

/** One installation at a time. A lock whose process is gone counts for nothing. */
async function alone<T>(folder: string, work: () => Promise<T>): Promise<T> {
  await mkdir(folder, { recursive: true })
  const path = join(folder, lockName)
  const holder = Number(await readFile(path, 'utf8').catch(() => ''))
  if (holder > 0 && !isRunning(holder)) await rm(path, { force: true })
  try {
    const lock = await open(path, 'wx')
    await lock.writeFile(String(process.pid))
    await lock.close()
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause
    throw new AppError('conflict', 'The native engine is being installed or removed already.', {
      hint: 'Wait until that is done.',
      cause,
    })
  }
  try {
    return await work()
  } finally {
    await unlink(path).catch(() => {})
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Returns the folder of the new build. */
async function runChild(
  launcher: Launcher,
  job: InstallJob,
  onProgress: (event: InstallProgress) => void,
  signal: AbortSignal | undefined,
): Promise<string> {
  if (isAborted(signal)) throw cancelled()
  // The settings of this machine for proxies and certificates hold for its downloads.
  const env = { NODE_USE_ENV_PROXY: '1', NODE_USE_SYSTEM_CA: '1' }
  const child = launcher.spawn<InstallJob, InstallMessage>(installWorkerEntry(), env)
  const kill = (): void => child.kill()
  signal?.addEventListener('abort', kill)
  try {
    let answer: Exclude<InstallMessage, InstallProgress> | undefined
    const exit = await new Promise<WorkerExit>((resolve) => {
      child.onExit(resolve)
      child.onMessage((message) => {
        if (message.kind === 'progress') return onProgress(message)
        answer = message
        child.kill()
      })
      child.send(job)
    })
    if (isAborted(signal)) throw cancelled()
    return builtFolder(answer, exit)
  } finally {
    signal?.removeEventListener('abort', kill)
  }
}

function builtFolder(answer: Exclude<InstallMessage, InstallProgress> | undefined, exit: WorkerExit): string {
  if (answer?.kind === 'done') return answer.build
  if (answer?.kind === 'failed') throw AppError.fromJSON(answer.error)
  const reason = exit.signal ?? `exit code ${exit.code}`
  throw new AppError('worker-died', `The process that installs ended before it was done (${reason}).`, {
    hint: 'Nothing was changed; try again: the download goes on where it stopped.',
    details: { stderr: exit.log },
  })
}

function installWorkerEntry(): URL {
  return childEntry(import.meta.url, './install-worker.ts', 'install-worker.js')
}

function cancelled(): AppError {
  return new AppError('cancelled', 'The installation was cancelled; nothing was changed.', {
    hint: 'Start it again: the download goes on where it stopped.',
  })
}
