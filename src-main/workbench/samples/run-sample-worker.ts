import type { Launcher } from '#main/compute/pool/launcher.ts'
import { runChildJob } from '#main/compute/pool/run-child-job.ts'
import { childEntry } from '#main/compute/pool/worker-entry.ts'
import { AppError } from '#shared/errors.ts'
import type { SampleInterim, SampleJob } from './sample-job.ts'

/**
 * Runs a job in a child process, which has ended when this settles.
 * @throws AppError the job's own; `cancelled`; `worker-died`.
 */
export async function runSampleWorker(
  job: SampleJob,
  options: {
    readonly launcher: Launcher
    readonly signal?: AbortSignal | undefined
    readonly onInterim: (message: SampleInterim) => void
  },
): Promise<void> {
  await runChildJob<SampleJob, SampleInterim, { readonly kind: 'done' }>({
    ...options,
    signal: options.signal,
    entry: childEntry(import.meta.url, './sample-worker.ts', 'sample-worker.js'),
    job,
    does: 'prepares pictures and maps',
    hint: 'Try again. If it happens again, the machine may be short of memory.',
    cancelled: () => new AppError('cancelled', 'This was cancelled; what was computed before stays.'),
  })
}
