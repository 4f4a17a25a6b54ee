/** Runs the real command line in a real process, as a user's shell would. */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const projectRoot = join(import.meta.dirname, '..', '..')
const entry = join(projectRoot, 'src-main', 'shell', 'cli', 'main.ts')

export interface Finished {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunningCommand {
  readonly child: ChildProcess
  readonly finished: Promise<Finished>
  /** What it has said so far. */
  stderr(): string
  /** Resolves when stderr has shown this text. */
  untilStderr(text: string | RegExp): Promise<void>
}

/** `stopAt`: it goes no further once its stderr has said this, and waits for a signal. */
export function startTmu(workspace: string, parameters: readonly string[], stopAt?: string): RunningCommand {
  const preload = stopAt === undefined ? [] : ['--import', import.meta.resolve('./stop-when-said.ts')]
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...preload, entry, ...parameters], {
    cwd: projectRoot,
    env: { ...process.env, TMU_WORKSPACE: workspace, NODE_OPTIONS: '', TMU_TEST_STOP_AT: stopAt },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that a test can kill the whole tree.
    detached: true,
  })
  let stdout = ''
  let stderr = ''
  const watchers = new Set<() => void>()
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk.toString()
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
    for (const watcher of watchers) watcher()
  })
  const finished = new Promise<Finished>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
  return {
    child,
    finished,
    stderr: () => stderr,
    untilStderr(text) {
      return new Promise((resolve, reject) => {
        const check = (): void => {
          if (typeof text === 'string' ? stderr.includes(text) : text.test(stderr)) {
            watchers.delete(check)
            resolve()
          }
        }
        watchers.add(check)
        check()
        void finished.then((end) => reject(new Error(`ended with ${end.code} before ${String(text)}:\n${end.stderr}`)))
      })
    },
  }
}

export function tmu(workspace: string, ...parameters: readonly string[]): Promise<Finished> {
  return startTmu(workspace, parameters).finished
}

/** The one JSON document that `--json` prints. */
export async function tmuJson<T>(workspace: string, ...parameters: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await tmu(workspace, ...parameters, '--json')
  if (code !== 0) throw new Error(`tmu ${parameters.join(' ')} ended with ${code}:\n${stderr}`)
  return JSON.parse(stdout) as T
}

/** Many commands, one after the other in one process: for what they say, not for what a process does. */
export async function tmuBatch(
  workspace: string,
  commands: readonly (readonly string[])[],
): Promise<readonly Finished[]> {
  const child = fork(join(projectRoot, 'test', 'integration', 'shell', 'children', 'command-batch.ts'), {
    cwd: projectRoot,
    env: { ...process.env, TMU_WORKSPACE: workspace, NODE_OPTIONS: '' },
    execArgv: ['--disable-warning=ExperimentalWarning'],
  })
  child.send(commands)
  const [ends] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`The commands ended with ${code}.`))),
  ])) as [readonly Finished[]]
  return ends
}

/** Kills a command with all its children, as a power cut would. */
export function killTree(child: ChildProcess): void {
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
}

/** An empty folder that goes away with `await using`. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'tmu-'))
  return {
    path,
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
