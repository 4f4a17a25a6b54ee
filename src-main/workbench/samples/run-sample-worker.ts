import type { Launcher, WorkerExit } from '#main/compute/pool/launcher.ts'
import { childEntry } from '#main/compute/pool/worker-entry.ts'
import { isAborted } from '#shared/abort.ts'
import { AppError } from '#shared/errors.ts'
import type { SampleJob, SampleMessage } from './sample-job.ts'

type Answer = Extract<SampleMessage, { kind: 'done' | 'failed' }>
export type Interim = Exclude<SampleMessage, Answer>

/**
 * Runs a job in a child process, which has ended when this settles.
 * @throws AppError the job's own; `cancelled`; `worker-died`.
 */
export async function runSampleWorker(
  job: SampleJob,
  options: {
    readonly launcher: Launcher
    readonly signal?: AbortSignal | undefined
    readonly onInterim: (message: Interim) => void
  },
): Promise<void> {
  const { launcher, signal, onInterim } = options
  if (isAborted(signal)) throw cancelled()
  const child = launcher.spawn<SampleJob, SampleMessage>(
    childEntry(import.meta.url, './sample-worker.ts', 'sample-worker.js'),
    {},
  )
  const kill = (): void => child.kill()
  signal?.addEventListener('abort', kill)
  try {
    let answer: Answer | null = null
    const exit = await new Promise<WorkerExit>((resolve) => {
      child.onExit(resolve)
      child.onMessage((message) => {
        if (message.kind !== 'done' && message.kind !== 'failed') return onInterim(message)
        answer = message
        // It waits for this: a process that ended itself could lose its last message.
        child.kill()
      })
      child.send(job)
    })
    if (isAborted(signal)) throw cancelled()
    requireDone(answer, exit)
  } finally {
    signal?.removeEventListener('abort', kill)
  }
}

function requireDone(answer: Answer | null, exit: WorkerExit): void {
  if (answer?.kind === 'done') return
  if (answer?.kind === 'failed') throw AppError.fromJSON(answer.error)
  throw new AppError(
    'worker-died',
    `The process that prepares pictures and maps ended before it was done (${exit.signal ?? `exit code ${exit.code}`}).`,
    {
      hint: 'Try again. If it happens again, the machine may be short of memory.',
      details: { stderr: exit.log },
    },
  )
}

function cancelled(): AppError {
  return new AppError('cancelled', 'This was cancelled; what was computed before stays.')
}
