/** The sample process: takes one job from its parent, answers with progress and an end, and waits to be ended. */
import { serveJob } from '#main/compute/worker/serve-job.ts'
import { assertNever } from '#shared/errors.ts'
import { clusterSamples } from './cluster-samples.ts'
import { reduceSamples } from './reduce-samples.ts'
import type { SampleInterim, SampleJob } from './sample-job.ts'
import { writeThumbnails } from './write-thumbnails.ts'

async function run(job: SampleJob, send: (message: SampleInterim) => void): Promise<void> {
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
    case 'cluster':
      return await clusterSamples(job, send)
    default:
      return assertNever(job)
  }
}

serveJob<SampleJob, SampleInterim, { readonly kind: 'done' }>(async (job, send) => {
  await run(job, send)
  return { kind: 'done' }
})
