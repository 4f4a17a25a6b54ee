import type { FromWorker, ToWorker } from '../protocol.ts'

/** How a child process ended. `log` is the end of what it wrote to stderr. */
export interface WorkerExit {
  readonly code: number | null
  readonly signal: string | null
  readonly log: string
}

/** A child process and the typed messages to (`In`) and from (`Out`) it, whichever way it was started. */
export interface ChildHandle<In, Out> {
  /** Undefined until the process runs. */
  readonly pid: number | undefined
  /** A message to a process that has ended is dropped; its exit is what counts. */
  send(message: In): void
  onMessage(listener: (message: Out) => void): void
  /** Called exactly once, also when the process couldn't be started. */
  onExit(listener: (exit: WorkerExit) => void): void
  /** At once and without asking (SIGKILL). */
  kill(): void
}

/** A worker's process: see protocol.ts. */
export type WorkerProcess = ChildHandle<ToWorker, FromWorker>

/** Starts child processes: `fork` in plain Node, utilityProcess in Electron. */
export interface Launcher {
  /** `env` is laid over this process's environment; it must be set at start, since allocators read it then. */
  spawn<In, Out>(entry: URL, env: Readonly<Record<string, string>>): ChildHandle<In, Out>
}
