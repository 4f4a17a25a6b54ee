/** A command and all that it starts, ended together: a wrapper that is ended alone leaves behind what it waits for. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { signalOfCode } from './signal-of-code.ts'

export interface CommandEnd {
  readonly code: number | null
  readonly signal: string | null
  /** Why there was nothing to run. */
  readonly failure: string
}

/** From SIGTERM to SIGKILL: within the two seconds that a cancel may take. */
const stopGraceMs = 1700
/** From the end of a killed command to its pipes', which what has left the group may hold open as long as it likes. */
const pipeGraceMs = 200

/**
 * On POSIX the command leads a process group of its own, which Ctrl-C in this process's terminal doesn't reach: whoever
 * starts it ends it. Windows knows what a process has started, but can't ask it to end.
 */
export class CommandGroup {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** Resolves when the command has ended and its pipes have; they are waited for only shortly once it was killed. */
  readonly ended: Promise<CommandEnd>
  readonly #leader: ChildProcessByStdio<Writable, Readable, Readable>
  #timer: NodeJS.Timeout | undefined
  #state: 'running' | 'stopping' | 'killed' = 'running'

  constructor([program, ...parameters]: readonly [string, ...string[]], env: NodeJS.ProcessEnv) {
    const leader = spawn(program, parameters, {
      detached: process.platform !== 'win32',
      windowsHide: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env,
    })
    this.#leader = leader
    this.ended = new Promise((resolve) => {
      leader.on('error', (error) => {
        if (leader.pid === undefined) resolve({ code: null, signal: null, failure: error.message })
      })
      leader.on('close', (code, signal) => resolve({ ...endOf(code, signal), failure: '' }))
    })
    this.stdin = leader.stdin
    this.stdout = leader.stdout
    this.stderr = leader.stderr
    // It may never read, or have ended.
    leader.stdin.on('error', () => {})
  }

  /** Asks all of it to end, by the end of stdin too, and ends it if it hasn't in time. */
  stop(): void {
    if (this.#state !== 'running') return
    this.#state = 'stopping'
    this.stdin.end()
    this.#signal('SIGTERM')
    this.#timer = setTimeout(() => this.kill(), stopGraceMs)
  }

  kill(): void {
    if (this.#state === 'killed') return
    this.#state = 'killed'
    clearTimeout(this.#timer)
    this.#signal('SIGKILL')
    if (this.#leader.exitCode === null && this.#leader.signalCode === null)
      this.#leader.once('exit', () => this.#letGo())
    else this.#letGo()
  }

  /** After `ended`: of a command that was to end, nothing stays that has closed its pipes and goes on. */
  dispose(): void {
    clearTimeout(this.#timer)
    this.stdin.destroy()
    if (this.#state !== 'running') this.#signal('SIGKILL')
  }

  #letGo(): void {
    this.#timer = setTimeout(() => {
      this.stdout.destroy()
      this.stderr.destroy()
    }, pipeGraceMs)
  }

  #signal(name: 'SIGTERM' | 'SIGKILL'): void {
    const { pid } = this.#leader
    if (pid === undefined) return
    if (process.platform !== 'win32') {
      try {
        process.kill(-pid, name)
      } catch {
        // The group has ended.
      }
    } else if (name === 'SIGKILL') {
      const options = { stdio: 'ignore', windowsHide: true } as const
      spawn('taskkill', ['/pid', String(pid), '/T', '/F'], options).on('error', () => this.#leader.kill())
    }
  }
}

/** A shell says the signal that ended its command by an exit code above 128. */
function endOf(code: number | null, signal: string | null): Pick<CommandEnd, 'code' | 'signal'> {
  const behind = code !== null && code > 128 ? signalOfCode(code, process.platform) : null
  return behind === null ? { code, signal } : { code: null, signal: behind }
}
