import type { DatasetProgress } from '#shared/progress.ts'
import { streamProgress } from '../progress-queue.ts'
import type { DatasetJob, ResultOf } from './dataset-job.ts'
import type { DatasetDependencies } from './ports.ts'
import { runDatasetWorker } from './run-dataset-worker.ts'

/**
 * Runs a job in a child process, yields its progress and returns its result. Aborting the signal, or leaving the
 * stream, kills the process at once; when this settles it has ended.
 * @throws AppError the job's own; `cancelled`, `worker-died`.
 */
export async function* streamJob<J extends DatasetJob>(
  { launcher, datasetWorker }: DatasetDependencies,
  job: J,
  signal?: AbortSignal,
): AsyncGenerator<DatasetProgress, ResultOf<J>> {
  return yield* streamProgress<DatasetProgress, ResultOf<J>>(signal, (stop, onProgress) =>
    runDatasetWorker(job, { launcher, entry: datasetWorker, signal: stop, onProgress }),
  )
}
