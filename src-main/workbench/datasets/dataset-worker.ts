/**
 * The data set process: takes one job from its parent, answers with progress and a result or an error, and ends. It
 * writes nothing but its staging folder, which the parent removes when this process was stopped.
 */
import { serveJob } from '#main/compute/worker/serve-job.ts'
import { assertNever } from '#shared/errors.ts'
import type { DatasetProgress } from '#shared/progress.ts'
import { checkDataset } from './check-dataset.ts'
import type { DatasetDone, DatasetJob, ResultOf } from './dataset-job.ts'
import { findGroups } from './groups/find-groups.ts'
import { importSource } from './import-source.ts'
import { inspectSource } from './inspect-source.ts'
import { ProgressReporter } from './progress-reporter.ts'
import { splitAgain } from './split-again.ts'

async function run(job: DatasetJob, send: (event: DatasetProgress) => void): Promise<ResultOf<DatasetJob>> {
  const progress = new ProgressReporter(send)
  switch (job.kind) {
    case 'import':
      return await importSource(job, progress)
    case 'inspect':
      return await inspectSource(job, progress)
    case 'groups':
      return await findGroups(job)
    case 'check':
      return await checkDataset(job, progress)
    case 'split':
      return await splitAgain(job)
    default:
      return assertNever(job)
  }
}

serveJob<DatasetJob, DatasetProgress, DatasetDone>(async (job, send) => ({
  kind: 'done',
  result: await run(job, send),
}))
