import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { FromWorker } from '../protocol.ts'
import type { Launcher, WorkerExit, WorkerProcess } from './launcher.ts'

const logBytes = 8 * 1024

/** Workers as children of this Node process. They end with it: their channel closes, however it went. */
export const forkLauncher: Launcher = {
  spawn: (entry, env) => new ForkedWorker(entry, env),
}

class ForkedWorker implements WorkerProcess {
  readonly #child: ChildProcess
  #log = ''

  constructor(entry: URL, env: Readonly<Record<string, string>>) {
    this.#child = fork(fileURLToPath(entry), [], {
      // Flags of this process (a test runner's, a debugger's) aren't the worker's.
      execArgv: [],
      env: { ...process.env, NODE_OPTIONS: '', ...env },
      serialization: 'json',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#child.stderr?.setEncoding('utf8')
    this.#child.stderr?.on('data', (text: string) => {
      this.#log = (this.#log + text).slice(-logBytes)
    })
    // A send to a process that is just ending errors here; its exit says the same.
    this.#child.on('error', () => {})
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  send(message: Parameters<WorkerProcess['send']>[0]): void {
    if (this.#child.connected) this.#child.send(message, () => {})
  }

  onMessage(listener: (message: FromWorker) => void): void {
    this.#child.on('message', (message) => listener(message as FromWorker))
  }

  onExit(listener: (exit: WorkerExit) => void): void {
    let told = false
    const tell = (code: number | null, signal: string | null, note = ''): void => {
      if (told) return
      told = true
      listener({ code, signal, log: this.#log + note })
    }
    // `close` comes after stderr was read to its end; a failed start has no `close`.
    this.#child.on('close', tell)
    this.#child.on('error', (error) => {
      if (this.#child.pid === undefined) tell(null, null, error.message)
    })
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}
