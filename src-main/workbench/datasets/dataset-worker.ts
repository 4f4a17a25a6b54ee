/**
 * The data set process: takes one job from its parent, answers with progress and a result or an error, and ends. It
 * writes nothing but its staging folder, which the parent removes when this process was stopped.
 */
import { openParentChannel } from '#main/compute/worker/channel.ts'
import { AppError, assertNever } from '#shared/errors.ts'
import { checkDataset } from './check-dataset.ts'
import type { DatasetJob, DatasetMessage, ResultOf } from './dataset-job.ts'
import { findGroups } from './groups/find-groups.ts'
import { importSource } from './import-source.ts'
import { inspectSource } from './inspect-source.ts'
import { ProgressReporter } from './progress-reporter.ts'
import { splitAgain } from './split-again.ts'

const parent = openParentChannel<DatasetJob, DatasetMessage>()
if (parent === null) throw new Error('This module runs as a child process.')
const { send } = parent

async function run(job: DatasetJob): Promise<ResultOf<DatasetJob>> {
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

// Ctrl-C reaches the whole process group; what it means is the parent's to decide.
process.on('SIGINT', () => {})
// Without a parent there is nobody to adopt the result.
parent.onClose(() => process.exit(1))
// It ends when the parent, having its answer, ends it.
parent.onMessage(async (job) => {
  try {
    send({ kind: 'done', result: await run(job) })
  } catch (error) {
    send({ kind: 'failed', error: AppError.from(error).toJSON() })
  }
})
