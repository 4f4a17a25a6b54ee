import { isAborted } from '#shared/abort.ts'
import { AppError, type AppErrorShape } from '#shared/errors.ts'
import type { Launcher, WorkerExit } from './launcher.ts'

/** What a child process of one job says at its end, when it didn't get to it. */
export interface JobFailed {
  readonly kind: 'failed'
  readonly error: AppErrorShape
}

export interface ChildJob<Job, Interim> {
  readonly launcher: Launcher
  readonly entry: URL
  readonly env?: Readonly<Record<string, string>>
  readonly job: Job
  readonly signal: AbortSignal | undefined
  readonly onInterim: (message: Interim) => void
  /** What the process does, as in "The process that … ended before it was done", and what to do then. */
  readonly does: string
  readonly hint: string
  readonly cancelled: () => AppError
}

/**
 * Runs one job in a child process that `serveJob` serves, and ends it; when this settles, it has ended.
 * @throws AppError the job's own; `cancelled` when the signal aborted; `worker-died` when it ended without an answer.
 */
export async function runChildJob<
  Job,
  Interim extends { readonly kind: string },
  Done extends { readonly kind: 'done' },
>(given: ChildJob<Job, Interim>): Promise<Done> {
  const { launcher, entry, env = {}, job, signal, onInterim, cancelled } = given
  if (isAborted(signal)) throw cancelled()
  const child = launcher.spawn<Job, Interim | Done | JobFailed>(entry, env)
  // Nothing of its work is worth a farewell: killed at once, it can't delay a cancel.
  const kill = (): void => child.kill()
  signal?.addEventListener('abort', kill)
  try {
    let answer: Done | JobFailed | null = null
    const exit = await new Promise<WorkerExit>((resolve) => {
      child.onExit(resolve)
      child.onMessage((message) => {
        if (!isAnswer<Interim, Done>(message)) return onInterim(message)
        answer = message
        // Its work is done, and it waits for this: a process that ended itself could lose its last message.
        child.kill()
      })
      child.send(job)
    })
    if (isAborted(signal)) throw cancelled()
    return doneOf<Done>(answer, exit, given)
  } finally {
    signal?.removeEventListener('abort', kill)
  }
}

function isAnswer<Interim extends { readonly kind: string }, Done extends { readonly kind: 'done' }>(
  message: Interim | Done | JobFailed,
): message is Done | JobFailed {
  return message.kind === 'done' || message.kind === 'failed'
}

function doneOf<Done extends { readonly kind: 'done' }>(
  answer: Done | JobFailed | null,
  exit: WorkerExit,
  { does, hint }: { readonly does: string; readonly hint: string },
): Done {
  if (answer?.kind === 'done') return answer
  if (answer?.kind === 'failed') throw AppError.fromJSON(answer.error)
  const reason = exit.signal ?? `exit code ${exit.code}`
  throw new AppError('worker-died', `The process that ${does} ended before it was done (${reason}).`, {
    hint,
    details: { stderr: exit.log },
  })
}
