import { activeBuild, buildVariables, engineFolder } from '#main/compute/engine-install/folders.ts'
import {
  type EngineId,
  type EngineStatus,
  engineIds,
  type InstallableEngineId,
  installableEngineIds,
} from '#shared/domain/engine.ts'
import { AppError } from '#shared/errors.ts'
import type { Launcher, WorkerExit, WorkerProcess } from './launcher.ts'
import { workerEnvironment } from './machine.ts'
import { workerEntry } from './worker-entry.ts'

/** The first use of a GPU compiles kernels for it. */
const limitMs = 180_000

/**
 * Asks workers of their own which engines work on this machine, best first: no engine is loaded here.
 * @throws AppError `worker-died`.
 */
export async function probeEngines(
  launcher: Launcher,
  { entry = workerEntry(), webgpu }: { readonly entry?: URL; readonly webgpu?: EngineStatus } = {},
): Promise<readonly EngineStatus[]> {
  // A library that an unfit processor crashes on must not take the other engines with it.
  const apart = installableEngineIds.filter((id) => activeBuild(engineFolder(id)) !== null)
  const together = engineIds.filter((id) => id !== webgpu?.id && !(apart as readonly EngineId[]).includes(id))
  const [others, ...installed] = await Promise.all([
    ask(launcher, entry, together, workerEnvironment('wasm')),
    ...apart.map((id) => probeInstalled(launcher, id, { entry })),
  ])
  if (!Array.isArray(others)) {
    throw new AppError('worker-died', 'The worker that tests the engines ended before it was done.', {
      hint: 'Try again; if it happens again, reinstall the dependencies.',
      details: others,
    })
  }
  const statuses = [...others, ...installed, ...(webgpu === undefined ? [] : [webgpu])]
  return engineIds.flatMap((id) => statuses.filter((status) => status.id === id))
}

/** Tests an engine in a worker of its own: the active build, or the one in the folder `build`. */
export async function probeInstalled(
  launcher: Launcher,
  engine: InstallableEngineId,
  { entry = workerEntry(), build }: { readonly entry?: URL; readonly build?: string } = {},
): Promise<EngineStatus> {
  const chosen: Readonly<Record<string, string>> = build === undefined ? {} : { [buildVariables[engine]]: build }
  const found = await ask(launcher, entry, [engine], { ...workerEnvironment(engine), ...chosen })
  if (Array.isArray(found)) return found[0]
  const { code, signal } = found
  const cause = signal ?? `exit code ${code ?? 'unknown'}`
  const unfit = signal === 'SIGILL' ? ' This processor lacks instructions that it needs (AVX).' : ''
  return {
    id: engine,
    available: false,
    reason: `The library of the ${engine} engine ended its process (${cause}).${unfit} Remove it with: tmu engine uninstall ${engine}`,
  }
}

/** Tests the webgpu engine in a page of its own. */
export async function probeWebgpu(pageLauncher: Launcher): Promise<EngineStatus> {
  const found = await ask(pageLauncher, workerEntry(), ['webgpu'], {})
  if (Array.isArray(found)) return found[0]
  const { code, signal, log } = found
  // What the launcher itself has to say is a sentence.
  const reason =
    code === 1 && log !== '' ? log : `The browser ended before it was tested (${signal ?? `exit code ${code}`}).`
  return { id: 'webgpu', available: false, reason }
}

/** What a worker of its own says, or how it ended. */
function ask(
  launcher: Launcher,
  entry: URL,
  engines: readonly EngineId[],
  env: Readonly<Record<string, string>>,
): Promise<EngineStatus[] | WorkerExit> {
  const worker: WorkerProcess = launcher.spawn(entry, env)
  const timer = setTimeout(() => worker.kill(), limitMs)
  return new Promise((resolve) => {
    worker.onMessage((message) => {
      if (message.type === 'ready') worker.send({ type: 'probe-engines', id: 0, engines })
      if (message.type !== 'engines') return
      resolve([...message.engines])
      worker.kill()
    })
    worker.onExit((exit) => {
      clearTimeout(timer)
      resolve(exit)
    })
  })
}
