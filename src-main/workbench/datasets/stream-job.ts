import type { DatasetProgress } from '#shared/progress.ts'
import { ProgressQueue } from '../progress-queue.ts'
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
  const left = new AbortController()
  const stop = signal === undefined ? left.signal : AbortSignal.any([signal, left.signal])
  const events = new ProgressQueue<DatasetProgress>()
  const running = runDatasetWorker(job, {
    launcher,
    entry: datasetWorker,
    signal: stop,
    onProgress: (event) => events.push(event),
  })
  const settled = running.then(
    () => events.end(),
    () => events.end(),
  )
  try {
    yield* events
  } finally {
    left.abort()
    await settled
  }
  return await running
}
