/**
 * The data set process: takes one job from its parent, answers with progress and a result or an error, and ends. It
 * writes nothing but its staging folder, which the parent removes when this process was stopped.
 */
import { AppError, assertNever } from '#shared/errors.ts'
import type { DatasetJob, DatasetMessage, ImportResult, StagedSplit } from './dataset-job.ts'
import { importDemo } from './import-demo.ts'
import { importFolder } from './import-folder.ts'
import { ProgressReporter } from './progress-reporter.ts'
import { splitAgain } from './split-again.ts'

function send(message: DatasetMessage): Promise<void> {
  return new Promise((resolve, reject) => {
    if (process.send === undefined) throw new Error('This module runs as a child process.')
    process.send(message, (error: Error | null) => (error === null ? resolve() : reject(error)))
  })
}

async function run(job: DatasetJob): Promise<ImportResult | StagedSplit> {
  const progress = new ProgressReporter((event) => void send(event).catch(() => process.exit(1)))
  switch (job.kind) {
    case 'folder':
      return await importFolder(job, progress)
    case 'demo':
      return await importDemo(job, progress)
    case 'split':
      return await splitAgain(job)
    default:
      return assertNever(job)
  }
}

// Ctrl-C reaches the whole process group; what it means is the parent's to decide.
process.on('SIGINT', () => {})
// Without a parent there is nobody to adopt the result.
process.once('disconnect', () => process.exit(1))
process.once('message', async (job: DatasetJob) => {
  try {
    await send({ kind: 'done', result: await run(job) })
  } catch (error) {
    await send({ kind: 'failed', error: AppError.from(error).toJSON() })
  }
  process.exit(0)
})
