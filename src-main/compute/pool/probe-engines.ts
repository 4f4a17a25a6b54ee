import { activeBuild, buildVariables, engineFolder } from '#main/compute/engine-install/folders.ts'
import { isAborted } from '#shared/abort.ts'
import {
  type EngineId,
  type EngineStatus,
  engineIds,
  type InstallableEngineId,
  installableEngineIds,
} from '#shared/domain/engine.ts'
import { assertNever } from '#shared/errors.ts'
import type { Launcher, WorkerExit, WorkerProcess } from './launcher.ts'
import { workerEnvironment } from './machine.ts'
import { workerEntry } from './worker-entry.ts'

/** The first use of a GPU compiles kernels for it. */
const usualLimitMs = 180_000

export interface ProbeOptions {
  readonly entry?: URL
  /** For the answer. */
  readonly limitMs?: number
  /** Ends the worker; what it says of the engines is of no use then. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Asks workers of their own which engines work on this machine, best first: no engine is loaded here. Those whose worker
 * died are listed with the cause.
 */
export async function probeEngines(
  launcher: Launcher,
  { webgpu, ...options }: ProbeOptions & { readonly webgpu?: EngineStatus } = {},
): Promise<readonly EngineStatus[]> {
  // A library that an unfit processor crashes on must not take the other engines with it.
  const apart = installableEngineIds.filter((id) => activeBuild(engineFolder(id)) !== null)
  const together = engineIds.filter((id) => id !== webgpu?.id && !(apart as readonly EngineId[]).includes(id))
  const [others, ...installed] = await Promise.all([
    ask(launcher, together, workerEnvironment('wasm'), options),
    ...apart.map((id) => probeInstalled(launcher, id, options)),
  ])
  const statuses = [...statusesOf(others, together), ...installed, ...(webgpu === undefined ? [] : [webgpu])]
  return engineIds.flatMap((id) => statuses.filter((status) => status.id === id))
}

/** Which of the engines that are probed together ended their worker, nobody knows: none of them is said to work. */
function statusesOf(found: Answer, engines: readonly EngineId[]): readonly EngineStatus[] {
  switch (found.kind) {
    case 'answered':
      return found.statuses
    case 'late': {
      const reason = `The worker that tests it ${found.what}. The machine may be overloaded: close other programs, then try again with: tmu engine doctor`
      return engines.map((id) => ({ id, available: false, reason }))
    }
    case 'ended': {
      const reason = `The worker that tests it ended before it was done (${causeOf(found.exit)}). Try again with: tmu engine doctor. If it happens again, reinstall the dependencies.`
      return engines.map((id) => ({ id, available: false, reason }))
    }
    default:
      return assertNever(found)
  }
}

/** Tests an engine in a worker of its own: the active build, or the one in the folder `build`. */
export async function probeInstalled(
  launcher: Launcher,
  engine: InstallableEngineId,
  { build, ...options }: ProbeOptions & { readonly build?: string } = {},
): Promise<EngineStatus> {
  const env = {
    ...workerEnvironment(engine),
    ...(build === undefined ? {} : { [buildVariables[engine]]: build }),
    // Why a GPU can't be used, only TensorFlow's own messages say.
    ...(engine === 'cuda' ? { TF_CPP_MIN_LOG_LEVEL: '0' } : {}),
  }
  const found = await ask(launcher, [engine], env, options)
  if (found.kind === 'answered') {
    const [status] = found.statuses
    if (status.available || engine !== 'cuda') return status
    const said = complaintsOfTensorFlow(await found.log)
    return said.length === 0 ? status : { ...status, reason: `${status.reason} TensorFlow says: ${said.join('; ')}` }
  }
  if (found.kind === 'late') {
    const cause = engine === 'cuda' ? 'The GPU or the machine may be busy' : 'The machine may be overloaded'
    const reason = `The ${engine} engine ${found.what}. ${cause}: close other programs, then try again with: tmu engine doctor. If that doesn\u2019t help, install it again with: tmu engine install ${engine}`
    return { id: engine, available: false, reason }
  }
  const unfit = found.exit.signal === 'SIGILL' ? ' This processor lacks instructions that it needs (AVX).' : ''
  return {
    id: engine,
    available: false,
    reason: `The library of the ${engine} engine ended its process (${causeOf(found.exit)}).${unfit} Remove it with: tmu engine uninstall ${engine}`,
  }
}

/** Tests the webgpu engine in a page of its own. */
export async function probeWebgpu(pageLauncher: Launcher, options: ProbeOptions = {}): Promise<EngineStatus> {
  const found = await ask(pageLauncher, ['webgpu'], {}, options)
  if (found.kind === 'answered') return found.statuses[0]
  if (found.kind === 'late') {
    const reason = `The browser ${found.what}. Close other programs, then try again with: tmu engine doctor`
    return { id: 'webgpu', available: false, reason }
  }
  const { code, log } = found.exit
  // What the launcher itself has to say is a sentence.
  const reason = code === 1 && log !== '' ? log : `The browser ended before it was tested (${causeOf(found.exit)}).`
  return { id: 'webgpu', available: false, reason }
}

/**
 * What TensorFlow's log complains of, without dates and places in its sources; at most five lines. That a GPU is passed
 * over is no warning to it.
 */
export function complaintsOfTensorFlow(log: string): readonly string[] {
  const said = log.split('\n').flatMap((line) => {
    const [, level, text] = /^\S+ \S+: ([IWEF]) \S+\] (.+)$/.exec(line.trim()) ?? []
    return text !== undefined && (level !== 'I' || text.startsWith('Ignoring visible gpu device')) ? [text] : []
  })
  return [...new Set(said)].slice(-5)
}

function causeOf({ code, signal }: WorkerExit): string {
  return signal ?? `exit code ${code ?? 'unknown'}`
}

type Answer =
  | {
      readonly kind: 'answered'
      readonly statuses: readonly EngineStatus[]
      /** The end of what the worker wrote, once it has ended. */
      readonly log: Promise<string>
    }
  | { readonly kind: 'ended'; readonly exit: WorkerExit }
  /** `what`: a sentence's end. */
  | { readonly kind: 'late'; readonly what: string }

/** What a worker of its own says, or how it ended: it has, when the signal aborted. */
function ask(
  launcher: Launcher,
  engines: readonly EngineId[],
  env: Readonly<Record<string, string>>,
  { entry = workerEntry(), limitMs = usualLimitMs, signal }: ProbeOptions,
): Promise<Answer> {
  const worker: WorkerProcess = launcher.spawn(entry, env)
  const log = Promise.withResolvers<string>()
  const kill = (): void => worker.kill()
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      resolve({ kind: 'late', what: `did not answer within ${limitMs / 1000} s` })
      worker.kill()
    }, limitMs)
    worker.onMessage((message) => {
      if (message.type === 'ready') worker.send({ type: 'probe-engines', id: 0, engines })
      if (message.type !== 'engines') return
      resolve({ kind: 'answered', statuses: message.engines, log: log.promise })
      worker.kill()
    })
    worker.onExit((exit) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', kill)
      log.resolve(exit.log)
      resolve({ kind: 'ended', exit })
    })
    if (isAborted(signal)) kill()
    else signal?.addEventListener('abort', kill)
  })
}
