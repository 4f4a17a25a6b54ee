import { createHash } from 'node:crypto'
import { mkdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ObjectStore } from '#main/artifacts/object-store.ts'
import type { Launcher } from '#main/compute/pool/launcher.ts'
import { nearestTo } from '#main/workbench/datasets/nearest-neighbours.ts'
import { streamProgress } from '#main/workbench/progress-queue.ts'
import type { Dataset } from '#shared/domain/dataset.ts'
import type { EmbeddingEvent, EmbeddingMethod, Neighbour } from '#shared/domain/sample.ts'
import { AppError } from '#shared/errors.ts'
import type { ObjectHash } from '#shared/ids.ts'
import { readClusters, type SampleClusters } from './cluster-samples.ts'
import { pack } from './pack.ts'
import { type Reduced, readReduced } from './reduced-file.ts'
import { runSampleWorker } from './run-sample-worker.ts'
import type { ReduceJob, SampleJob, SampleProgress, UmapJob } from './sample-job.ts'

/** Raised when equal inputs may give other coordinates. */
const version = 2

/** What the samples are compared by: their pixels, or a model's features in an outcome. */
export type EmbeddingSource = 'pixels' | { readonly outcome: ObjectHash; readonly model: string }

/** k-means of the pixels' principal components, of all images or of one class's. */
export interface ClusterRequest {
  readonly dataset: Dataset
  readonly clusters: number
  readonly within: string | null
  readonly seed: number
}

export interface EmbeddingRequest {
  readonly dataset: Dataset
  readonly source: EmbeddingSource
  readonly method: EmbeddingMethod
  readonly limit: number
  readonly seed: number
}

/** Maps of a data set's samples and who is near whom; computed in a child process, kept in the workspace's cache. */
export class Embeddings {
  readonly #options: { readonly objects: ObjectStore; readonly launcher: Launcher; readonly cache: string }
  /** The last reduced samples that were asked for: neighbours are looked up one image after the other. */
  #last: { readonly file: string; readonly reduced: Promise<Reduced | null> } | null = null

  constructor(options: { readonly objects: ObjectStore; readonly launcher: Launcher; readonly cache: string }) {
    this.#options = { ...options, cache: join(options.cache, 'embeddings') }
  }

  /** Progress, then the points. Leaving the stream kills the work. */
  async *compute(request: EmbeddingRequest, signal?: AbortSignal): AsyncGenerator<EmbeddingEvent> {
    const { dataset, source, method, limit, seed } = request
    const reducedFile = this.#file(dataset, source, 'reduced')
    yield* this.#ensure(this.#reduceJob(dataset, source, reducedFile), signal)
    let file = reducedFile
    if (method === 'umap') {
      file = this.#file(dataset, source, `umap ${limit} ${seed}`)
      yield* this.#ensure({ kind: 'umap', reduced: reducedFile, limit, seed, file }, signal)
    }
    const placed = await readReduced(file)
    const all = method === 'umap' ? await readReduced(reducedFile) : placed
    if (placed === null || all === null) throw lost(file)
    const [first = 0, second = 0] = placed.explained
    yield {
      kind: 'points',
      method,
      ids: pack(placed.ids),
      points: pack(firstTwo(placed)),
      total: all.ids.length,
      explained: method === 'pca' ? [first, second] : null,
    }
  }

  /** The samples nearest to one, itself left out. */
  async neighbours(
    {
      dataset,
      source,
      index,
      count,
    }: Pick<EmbeddingRequest, 'dataset' | 'source'> & {
      readonly index: number
      readonly count: number
    },
    signal?: AbortSignal,
  ): Promise<readonly Neighbour[]> {
    const file = this.#file(dataset, source, 'reduced')
    for await (const _event of this.#ensure(this.#reduceJob(dataset, source, file), signal));
    if (this.#last?.file !== file) this.#last = { file, reduced: readReduced(file) }
    const reduced = await this.#last.reduced
    if (reduced === null) {
      this.#last = null
      throw lost(file)
    }
    const row = reduced.ids.indexOf(index)
    if (row < 0) {
      throw new AppError('not-found', `This study’s models were not asked about image ${index}.`, {
        hint: 'Compare by pixels instead.',
      })
    }
    const nearest = nearestTo(reduced.coordinates, reduced.width, row, count)
    return nearest.map(({ row: other, distance }) => ({ index: reduced.ids[other], distance }))
  }

  /**
   * Clusters of images that look alike: the same for the same images, number and seed, whatever the split.
   * @throws AppError `bad-input`: an unknown class, fewer images than clusters.
   */
  async clusters({ dataset, clusters, within, seed }: ClusterRequest, signal?: AbortSignal): Promise<SampleClusters> {
    const label = within === null ? null : dataset.classes.findIndex(({ name }) => name === within)
    if (label === -1) throw new AppError('bad-input', `The data set has no class "${within}".`)
    const file = this.#file(dataset, 'pixels', `clusters ${clusters} ${dataset.labels} ${label} ${seed}`)
    const known = await readClusters(file)
    if (known !== null) return known
    const reduced = this.#file(dataset, 'pixels', 'reduced')
    for await (const _event of this.#ensure(this.#reduceJob(dataset, 'pixels', reduced), signal));
    const { labels } = dataset
    const objectsRoot = this.#options.objects.root
    const job = { kind: 'cluster', reduced, objectsRoot, labels, label, clusters, seed, file } as const
    for await (const _event of this.#run(job, signal));
    const made = await readClusters(file)
    if (made === null) throw lost(file)
    return made
  }

  async *#ensure(job: ReduceJob | UmapJob, signal?: AbortSignal): AsyncGenerator<EmbeddingEvent> {
    if ((await stat(job.file).catch(() => null)) !== null && (await readReduced(job.file)) !== null) return
    yield* this.#run(job, signal)
  }

  async *#run(job: Exclude<SampleJob, { kind: 'thumbnails' }>, signal?: AbortSignal): AsyncGenerator<EmbeddingEvent> {
    await mkdir(dirname(job.file), { recursive: true })
    yield* streamProgress<SampleProgress, null>(signal, async (stop, tell) => {
      await runSampleWorker(job, {
        launcher: this.#options.launcher,
        signal: stop,
        onInterim: (message) => {
          if (message.kind === 'progress') tell(message)
        },
      })
      return null
    })
  }

  #reduceJob(dataset: Dataset, source: EmbeddingSource, file: string): ReduceJob {
    const { images, shape, sampleCount: count } = dataset
    return {
      kind: 'reduce',
      objectsRoot: this.#options.objects.root,
      source:
        source === 'pixels'
          ? { kind: 'pixels', images, shape, count }
          : { kind: 'features', outcome: source.outcome, model: source.model },
      file,
    }
  }

  #file(dataset: Dataset, source: EmbeddingSource, what: string): string {
    const about =
      source === 'pixels' ? `${dataset.images} ${dataset.shape.join('x')}` : `${source.outcome} ${source.model}`
    // By images, so that what was made of them goes when they do.
    return join(
      this.#options.cache,
      dataset.images,
      createHash('sha256').update(`${version} ${about} ${what}`).digest('hex'),
    )
  }
}

function firstTwo({ ids, coordinates, width }: Reduced): Float32Array {
  const points = new Float32Array(ids.length * 2)
  for (let i = 0; i < ids.length; i++) {
    points[2 * i] = coordinates[i * width] ?? 0
    points[2 * i + 1] = width > 1 ? coordinates[i * width + 1] : 0
  }
  return points
}

function lost(file: string): AppError {
  return new AppError('corrupt', `The map of the images in "${file}" can’t be read.`, {
    hint: 'Remove that file and try again; it is made anew.',
  })
}
