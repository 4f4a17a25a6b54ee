import { AppError } from '#shared/errors.ts'
import { memoryHint } from '../out-of-memory.ts'
import type { WorkerExit } from './launcher.ts'

/** Why a stage's worker ended, as a sentence; `what` names the stage. */
export function workerFailure({ code, signal, log }: WorkerExit, what: string): AppError {
  const details = { code, signal, log: log.trim() === '' ? undefined : log.trim() }
  if (/heap out of memory|Cannot allocate memory|bad_alloc/i.test(log)) {
    return new AppError('out-of-memory', `The worker of ${what} ran out of memory.`, { hint: memoryHint, details })
  }
  // Nobody here sends SIGKILL to a worker at work but a cancel, which is told apart before.
  if (signal === 'SIGKILL' || code === 137) {
    return new AppError(
      'worker-died',
      `The worker of ${what} was killed (SIGKILL), most likely by the system because memory ran out.`,
      { hint: memoryHint, details },
    )
  }
  const cause = signal === null ? (code === null ? lastLine(log) : `exit code ${code}`) : signalName(signal)
  return new AppError('worker-died', `The worker of ${what} ended unexpectedly (${cause}).`, {
    hint: 'Start the study again: finished stages are reused, training goes on from its last epoch.',
    details,
  })
}

/** Where there is neither code nor signal, whoever noticed the end has written why. */
function lastLine(log: string): string {
  const line = log.trim().split('\n').at(-1) ?? ''
  return line === '' ? 'exit code unknown' : line.replace(/\.$/, '')
}

function signalName(signal: string): string {
  return signal === 'SIGSEGV' ? 'SIGSEGV: it crashed' : signal
}
