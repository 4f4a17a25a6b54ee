import { type ChildProcess, fork, type Serializable } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { ChildHandle, Launcher, WorkerExit } from './launcher.ts'

const logBytes = 8 * 1024

/** Workers as children of this Node process. They end with it: their channel closes, however it went. */
export const forkLauncher: Launcher = {
  spawn: (entry, env) => new ForkedChild(entry, env),
}

class ForkedChild<In, Out> implements ChildHandle<In, Out> {
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

  send(message: In): void {
    if (this.#child.connected) this.#child.send(message as Serializable, () => {})
  }

  onMessage(listener: (message: Out) => void): void {
    this.#child.on('message', (message) => listener(message as Out))
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
