import { fileURLToPath } from 'node:url'
import { type UtilityProcess, utilityProcess } from 'electron'
import type { ChildHandle, Launcher, WorkerExit } from '#main/compute/pool/launcher.ts'
import { signalOfCode } from '#main/compute/pool/signal-of-code.ts'

function exitOf(code: number, log: string): WorkerExit {
  const signal = signalOfCode(code, process.platform)
  return { code: signal === null ? code : null, signal, log }
}

const logBytes = 8 * 1024

/** Workers as Electron utility processes: the run-as-node fuse is off in the packaged program, so fork can't be used. */
export const utilityLauncher: Launcher = {
  spawn: (entry, env) => new UtilityChild(entry, env),
}

class UtilityChild<In, Out> implements ChildHandle<In, Out> {
  readonly #child: UtilityProcess
  #log = ''

  constructor(entry: URL, env: Readonly<Record<string, string>>) {
    const inherited = Object.entries(process.env).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    )
    this.#child = utilityProcess.fork(fileURLToPath(entry), [], {
      env: { ...Object.fromEntries(inherited), ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
      serviceName: 'TMU Workbench worker',
    })
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#log = (this.#log + chunk.toString('utf8')).slice(-logBytes)
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  send(message: In): void {
    this.#child.postMessage(message)
  }

  onMessage(listener: (message: Out) => void): void {
    this.#child.on('message', (message: unknown) => listener(message as Out))
  }

  onExit(listener: (exit: WorkerExit) => void): void {
    this.#child.once('exit', (code) => listener(exitOf(code, this.#log)))
  }

  kill(): void {
    // utilityProcess.kill() asks politely (SIGTERM); a worker in a tight loop must go at once.
    if (this.#child.pid !== undefined) process.kill(this.#child.pid, 'SIGKILL')
    else this.#child.kill()
  }
}
