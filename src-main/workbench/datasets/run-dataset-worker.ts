import type { Launcher } from '#main/compute/pool/launcher.ts'
import { runChildJob } from '#main/compute/pool/run-child-job.ts'
import { childEntry } from '#main/compute/pool/worker-entry.ts'
import { AppError } from '#shared/errors.ts'
import type { DatasetProgress } from '#shared/progress.ts'
import type { DatasetDone, DatasetJob, ResultOf } from './dataset-job.ts'

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
  const { result } = await runChildJob<DatasetJob, DatasetProgress, DatasetDone>({
    launcher,
    entry,
    job,
    signal,
    onInterim: onProgress,
    does: 'reads images',
    hint: 'Nothing was stored; try again. If it happens again, the machine may be short of memory.',
    cancelled: () => new AppError('cancelled', 'This was cancelled; nothing was stored.'),
  })
  // The process answers each kind of job with its own kind of result.
  return result as ResultOf<J>
}
