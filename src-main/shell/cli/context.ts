import type { Command } from 'commander'
import type { WorkbenchApi } from '#shared/contract/api.ts'
import { toAppError } from '#shared/contract/errors.ts'
import { AppError } from '#shared/errors.ts'
import type { WorkbenchClient } from '../client.ts'
import { connect } from '../connect.ts'
import { logFault } from '../fault-log.ts'
import { createInterrupt } from './interrupt.ts'
import { createOutput, type Output, reportError } from './output.ts'

export interface CommandCall {
  readonly client: WorkbenchClient
  /** The same procedures as plain functions, to serve them on. */
  readonly api: WorkbenchApi
  readonly output: Output
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
  /** Aborted when another process held the workspace for this one and has ended. */
  readonly lost: AbortSignal
  readonly workspace: string
  /** Logs a fault of the program; returns the hint that says where. */
  report(fault: unknown): string
}

/** What a command needs to act: a connection for its time, an output, and one place where errors end. */
export interface CommandContext {
  /**
   * `read` opens the database read-only where nobody holds the workspace, and refuses a path where there is none;
   * `machine` needs no workspace; `write` becomes its holder or attaches to the one there is. The action's returned
   * number is the exit code (default 0).
   */
  run(
    command: Command,
    mode: 'read' | 'write' | 'machine',
    action: (call: CommandCall) => Promise<number | undefined>,
  ): Promise<void>
  /** For commands without a connection. */
  runAlone(
    command: Command,
    action: (call: Omit<CommandCall, 'client' | 'api' | 'lost'>) => Promise<number | undefined>,
  ): Promise<void>
  exitCode: number
}

interface GlobalOptions {
  readonly json?: boolean
  readonly workspace?: string
}

/** A fault that no router has logged yet is logged here. */
function withHint(known: AppError, thrown: unknown, workspace = ''): AppError {
  if (known.code !== 'internal' || known.hint !== undefined) return known
  return AppError.fromJSON({ ...known.toJSON(), hint: logFault(thrown, workspace) })
}

export function createContext(): CommandContext {
  const context: CommandContext = {
    exitCode: 0,
    async run(command, mode, action) {
      await context.runAlone(command, async (call) => {
        const connection = await connect({ workspace: call.workspace, mode, shell: 'cli', note: call.output.note })
        try {
          const { client, api, lost } = connection
          return await action({ ...call, client, api, lost })
        } catch (error) {
          const known = toAppError(error)
          throw known.code === 'internal' && connection.lost.aborted ? connection.lost.reason : known
        } finally {
          // Commands that were typed meanwhile may work through this process: they end first.
          await connection.untilUnused(call.signal)
          await connection.close()
        }
      })
    },
    async runAlone(command, action) {
      const options = command.optsWithGlobals<GlobalOptions>()
      const output = createOutput(options.json === true)
      const interrupt = createInterrupt()
      // A paused study has neither a worker nor a timer, and its command waits all the same.
      const alive = setInterval(() => {}, 60_000)
      try {
        const { workspace = '' } = options
        const report = (fault: unknown): string => logFault(fault, workspace)
        context.exitCode = (await action({ output, signal: interrupt.signal, workspace, report })) ?? 0
      } catch (error) {
        const thrown = toAppError(error)
        // What an interrupted command stumbles over isn't the reason why it ends.
        const cancelled = interrupt.signal.aborted && thrown.code !== 'cancelled'
        const known: AppError = cancelled
          ? toAppError(interrupt.signal.reason)
          : withHint(thrown, error, options.workspace)
        context.exitCode = reportError(known, output.json)
      } finally {
        clearInterval(alive)
        interrupt.dispose()
      }
    },
  }
  return context
}
