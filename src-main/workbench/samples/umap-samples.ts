import { UMAP } from 'umap-js'
import { AppError } from '#shared/errors.ts'
import { Random } from '#shared/random.ts'
import { nearestNeighbours } from './nearest-neighbours.ts'
import { readReduced, writeReduced } from './reduced-file.ts'
import type { SampleProgress, UmapJob } from './sample-job.ts'

const neighbourCount = 15
/** Of UMAP's own defaults: 500 for small sets, 200 for large ones. */
const epochsFor = (count: number): number => (count <= 2000 ? 300 : 200)

/**
 * UMAP (McInnes, Healy and Melville 2018) of the reduced coordinates. Neighbours are exact; the start and the draws
 * come from the seed. Where there are more samples than `limit`, an even draw of them is placed.
 */
export async function placeByUmap(job: UmapJob, send: (event: SampleProgress) => void): Promise<void> {
  const reduced = await readReduced(job.reduced)
  if (reduced === null) throw new AppError('corrupt', 'The reduced images that the map is made from are missing.')
  const { width } = reduced
  const chosen = drawRows(reduced.ids.length, job.limit, job.seed)
  const count = chosen.length
  const rows = new Float32Array(count * width)
  chosen.forEach((row, i) => {
    rows.set(reduced.coordinates.subarray(row * width, (row + 1) * width), i * width)
  })
  const ids = chosen.map((row) => reduced.ids[row])
  if (count <= neighbourCount) throw tooFew(count)

  const { indices, distances } = nearestNeighbours(rows, width, neighbourCount, (value) =>
    send({ kind: 'progress', phase: 'neighbours', value: 0.3 * value, etaSeconds: null }),
  )
  const random = Random.of(job.seed, 'umap')
  const umap = new UMAP({
    nNeighbors: neighbourCount,
    nEpochs: epochsFor(count),
    minDist: 0.1,
    random: () => random.uniform(),
  })
  umap.setPrecomputedKNN(asRows(indices, count), asRows(distances, count))
  const epochs = umap.initializeFit(asRows(rows, count))
  const fitting = performance.now()
  let told = fitting
  for (let epoch = 0; epoch < epochs; epoch++) {
    umap.step()
    const now = performance.now()
    if (now - told < 200) continue
    told = now
    const done = (epoch + 1) / epochs
    const etaSeconds = ((now - fitting) / 1000 / (epoch + 1)) * (epochs - epoch - 1)
    send({ kind: 'progress', phase: 'umap', value: 0.3 + 0.7 * done, etaSeconds })
    // Lets the message leave.
    await new Promise((resolve) => setImmediate(resolve))
  }
  const coordinates = new Float32Array(count * 2)
  umap.getEmbedding().forEach(([x = 0, y = 0], i) => {
    coordinates[2 * i] = x
    coordinates[2 * i + 1] = y
  })
  await writeReduced(job.file, { ids, coordinates, width: 2, explained: [] })
  send({ kind: 'progress', phase: 'umap', value: 1, etaSeconds: 0 })
}

/** All rows, or `limit` of them drawn by the seed, ascending. */
function drawRows(count: number, limit: number, seed: number): Int32Array {
  const all = Int32Array.from({ length: count }, (_, row) => row)
  if (count <= limit) return all
  return Random.of(seed, 'umap', 'sample').shuffle(all).slice(0, limit).sort()
}

function asRows(values: Float32Array | Int32Array, count: number): number[][] {
  const width = values.length / count
  return Array.from({ length: count }, (_, i) => Array.from(values.subarray(i * width, (i + 1) * width)))
}

function tooFew(count: number): AppError {
  return new AppError('unsupported', `UMAP needs more than ${neighbourCount} images; there are ${count}.`, {
    hint: 'Look at the principal components instead.',
  })
}
