import type { FromWorker, ToWorker } from '../protocol.ts'

/** How a worker's process ended. `log` is the end of what it wrote to stderr. */
export interface WorkerExit {
  readonly code: number | null
  readonly signal: string | null
  readonly log: string
}

/** A worker's process, whichever way it was started. */
export interface WorkerProcess {
  /** Undefined until the process runs. */
  readonly pid: number | undefined
  /** A message to a process that has ended is dropped; its exit is what counts. */
  send(message: ToWorker): void
  onMessage(listener: (message: FromWorker) => void): void
  /** Called exactly once, also when the process couldn't be started. */
  onExit(listener: (exit: WorkerExit) => void): void
  /** At once and without asking (SIGKILL). */
  kill(): void
}

/** Starts worker processes: `fork` in plain Node, utilityProcess in Electron. */
export interface Launcher {
  /** `env` is laid over this process's environment; it must be set at start, since allocators read it then. */
  spawn(entry: URL, env: Readonly<Record<string, string>>): WorkerProcess
}
