/** Clusters of a data set's images by their principal components, kept in a file of their own. */
import { readFile, rename, writeFile } from 'node:fs/promises'
import { ObjectStore } from '#main/artifacts/object-store.ts'
import { storageError } from '#main/artifacts/storage-errors.ts'
import { readLabels } from '#main/compute/worker/array-objects.ts'
import { encodeSafetensors, parseSafetensors } from '#main/formats/safetensors.ts'
import { tensorOf } from '#main/formats/tensor.ts'
import { AppError } from '#shared/errors.ts'
import { Random } from '#shared/random.ts'
import { kMeans } from './k-means.ts'
import { readReduced } from './reduced-file.ts'
import type { ClusterJob, SampleProgress } from './sample-job.ts'

/** Clusters of some or all of a data set's samples. */
export interface SampleClusters {
  /** Of every sample; -1 for one that isn't among those that were clustered. 0 is the largest cluster. */
  readonly codes: Int32Array
  readonly counts: readonly number[]
  /** Of each cluster, the samples nearest to its centre. */
  readonly nearest: readonly (readonly number[])[]
}

export async function clusterSamples(
  { objectsRoot, reduced: reducedFile, labels: labelsObject, label, clusters, seed, file }: ClusterJob,
  send: (event: SampleProgress) => void,
): Promise<void> {
  const reduced = await readReduced(reducedFile)
  if (reduced === null) {
    throw new AppError('corrupt', 'What the clusters are made from can’t be read.', { hint: 'Try again.' })
  }
  const labels = await readLabels(new ObjectStore(objectsRoot), labelsObject)
  const ids = reduced.ids.filter((id) => label === null || labels[id] === label)
  if (ids.length < clusters) {
    throw new AppError('bad-input', `There are ${ids.length} images; ${clusters} clusters can’t be made of them.`, {
      hint: 'Ask for fewer clusters.',
    })
  }
  const { width } = reduced
  const points = new Float32Array(ids.length * width)
  const rowOf = new Map(Array.from(reduced.ids, (id, row) => [id, row]))
  for (const [at, id] of ids.entries()) {
    const row = rowOf.get(id) ?? 0
    points.set(reduced.coordinates.subarray(row * width, (row + 1) * width), at * width)
  }
  const found = kMeans(points, width, clusters, Random.of(seed, 'clusters', label ?? 'all'), (value) =>
    send({ kind: 'progress', phase: 'clusters', value, etaSeconds: null }),
  )
  const codes = new Int32Array(labels.length).fill(-1)
  for (const [at, id] of ids.entries()) codes[id] = found.codes[at]
  const bytes = encodeSafetensors(
    { codes: tensorOf(codes), counts: tensorOf(Int32Array.from(found.counts)) },
    { nearest: JSON.stringify(found.nearest.map((list) => list.map((at) => ids[at]))) },
  )
  const fresh = `${file}.${process.pid}`
  try {
    await writeFile(fresh, bytes)
    await rename(fresh, file)
  } catch (error) {
    throw storageError(error, 'the clusters of the images')
  }
}

/** Null where there is none, or one that can't be read: it is then computed again. */
export async function readClusters(file: string): Promise<SampleClusters | null> {
  const bytes = await readFile(file).catch(() => null)
  if (bytes === null) return null
  try {
    const { tensors, metadata } = parseSafetensors(bytes, file)
    const codes = tensors.get('codes')
    const counts = tensors.get('counts')
    if (codes?.dtype !== 'I32' || counts?.dtype !== 'I32') return null
    const nearest = JSON.parse(metadata['nearest'] ?? '[]') as readonly (readonly number[])[]
    return { codes: codes.data, counts: Array.from(counts.data), nearest }
  } catch {
    return null
  }
}
