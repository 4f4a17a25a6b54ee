import type { Launcher, WorkerExit } from '#main/compute/pool/launcher.ts'
import { childEntry } from '#main/compute/pool/worker-entry.ts'
import { isAborted } from '#shared/abort.ts'
import { AppError } from '#shared/errors.ts'
import type { DatasetProgress } from '#shared/progress.ts'
import type { DatasetJob, DatasetMessage, ResultOf } from './dataset-job.ts'

/** Where the data set process begins. */
export function datasetWorkerEntry(): URL {
  return childEntry(import.meta.url, './dataset-worker.ts', 'dataset-worker.js')
}

/**
 * Runs a job in a child process. When it settles, the process has ended, so its staging folder may be removed.
 * @throws AppError the job's own; `cancelled` when the signal aborted; `worker-died` when the process ended without
 * an answer.
 */
export async function runDatasetWorker<J extends DatasetJob>(
  job: J,
  options: {
    readonly launcher: Launcher
    readonly entry?: URL | undefined
    readonly signal?: AbortSignal
    readonly onProgress?: (event: DatasetProgress) => void
  },
): Promise<ResultOf<J>> {
  const { launcher, signal, onProgress = () => {}, entry = datasetWorkerEntry() } = options
  if (isAborted(signal)) throw cancelled()
  const child = launcher.spawn<DatasetJob, DatasetMessage>(entry, {})
  // Nothing of its work is worth a farewell: killed at once, it can't delay a cancel.
  const kill = (): void => child.kill()
  signal?.addEventListener('abort', kill)
  try {
    let answer: Answer | null = null
    const exit = await new Promise<WorkerExit>((resolve) => {
      child.onExit(resolve)
      child.onMessage((message) => {
        if (message.kind === 'progress') return onProgress(message)
        answer = message
        // Its work is done, and it waits for this: a process that ended itself could lose its last message.
        child.kill()
      })
      child.send(job)
    })
    if (isAborted(signal)) throw cancelled()
    return resultOf<J>(answer, exit)
  } finally {
    signal?.removeEventListener('abort', kill)
  }
}

type Answer = Extract<DatasetMessage, { kind: 'done' | 'failed' }>

/** The process answers each kind of job with its own kind of result. */
function resultOf<J extends DatasetJob>(answer: Answer | null, exit: WorkerExit): ResultOf<J> {
  if (answer?.kind === 'done') return answer.result as ResultOf<J>
  if (answer?.kind === 'failed') throw AppError.fromJSON(answer.error)
  const reason = exit.signal ?? `exit code ${exit.code}`
  throw new AppError('worker-died', `The process that reads images ended before it was done (${reason}).`, {
    hint: 'Nothing was stored; try again. If it happens again, the machine may be short of memory.',
    details: { stderr: exit.log },
  })
}

function cancelled(): AppError {
  return new AppError('cancelled', 'This was cancelled; nothing was stored.')
}
