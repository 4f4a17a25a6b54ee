import { AppError } from '#shared/errors.ts'
import type { JobFailed } from '../pool/run-child-job.ts'
import { openParentChannel } from './channel.ts'

/**
 * The other side of `runChildJob`: takes one job from the parent, answers with what `run` tells and an end, and waits to
 * be ended.
 */
export function serveJob<Job, Interim, Done extends { readonly kind: 'done' }>(
  run: (job: Job, send: (message: Interim) => void) => Promise<Done>,
): void {
  const parent = openParentChannel<Job, Interim | Done | JobFailed>()
  if (parent === null) throw new Error('This module runs as a child process.')
  const { send } = parent
  // Ctrl-C reaches the whole process group; what it means is the parent's to decide.
  process.on('SIGINT', () => {})
  // Without a parent there is nobody to adopt the result.
  parent.onClose(() => process.exit(1))
  // It ends when the parent, having its answer, ends it.
  parent.onMessage(async (job) => {
    try {
      send(await run(job, send))
    } catch (error) {
      send({ kind: 'failed', error: AppError.from(error).toJSON() })
    }
  })
}
