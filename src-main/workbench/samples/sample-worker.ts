/** The sample process: takes one job from its parent, answers with progress and an end, and waits to be ended. */
import { openParentChannel } from '#main/compute/worker/channel.ts'
import { AppError, assertNever } from '#shared/errors.ts'
import { reduceSamples } from './reduce-samples.ts'
import type { SampleJob, SampleMessage } from './sample-job.ts'
import { writeThumbnails } from './write-thumbnails.ts'

const parent = openParentChannel<SampleJob, SampleMessage>()
if (parent === null) throw new Error('This module runs as a child process.')
const { send } = parent

async function run(job: SampleJob): Promise<void> {
  switch (job.kind) {
    case 'thumbnails':
      return await writeThumbnails(job, (count) => send({ kind: 'written', count }))
    case 'reduce':
      return await reduceSamples(job, send)
    case 'umap': {
      // Loaded where it is needed: thumbnails shouldn't wait for it.
      const { placeByUmap } = await import('./umap-samples.ts')
      return await placeByUmap(job, send)
    }
    default:
      return assertNever(job)
  }
}

// Ctrl-C reaches the whole process group; what it means is the parent's to decide.
process.on('SIGINT', () => {})
parent.onClose(() => process.exit(1))
parent.onMessage(async (job) => {
  try {
    await run(job)
    send({ kind: 'done' })
  } catch (error) {
    send({ kind: 'failed', error: AppError.from(error).toJSON() })
  }
})
