import { UMAP } from 'umap-js'
import { nearestNeighbours, nearestTo } from '#main/workbench/datasets/nearest-neighbours.ts'
import { AppError } from '#shared/errors.ts'
import { Random } from '#shared/random.ts'
import { readReduced, writeReduced } from './reduced-file.ts'
import type { SampleProgress, UmapJob } from './sample-job.ts'

const neighbourCount = 15
/** Of UMAP's own defaults: 500 for small sets, 200 for large ones. */
const epochsFor = (count: number): number => (count <= 2000 ? 300 : 200)

/**
 * UMAP (McInnes, Healy and Melville 2018) of the reduced coordinates. The start and the draws come from the seed. Where there are more samples than `limit`, an even draw of them is placed.
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

  const neighbours = await neighboursOf(rows, width, (done) =>
    send({ kind: 'progress', phase: 'neighbours', value: (0.3 * done) / count, etaSeconds: null }),
  )
  const random = Random.of(job.seed, 'umap')
  const umap = new UMAP({
    nNeighbors: neighbourCount,
    nEpochs: epochsFor(count),
    minDist: 0.1,
    random: () => random.uniform(),
  })
  umap.setPrecomputedKNN(neighbours.indices, neighbours.distances)
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

/** As UMAP expects them: each row itself comes first. */
async function neighboursOf(
  rows: Float32Array,
  width: number,
  onProgress: (done: number) => void,
): Promise<{ readonly indices: number[][]; readonly distances: number[][] }> {
  const others = neighbourCount - 1
  const found = await nearestNeighbours(rows, width, others, onProgress)
  const indices: number[][] = []
  const distances: number[][] = []
  for (let row = 0; row < rows.length / width; row++) {
    const near = found.indices.subarray(row * others, (row + 1) * others)
    // The cells of a row that is far from all others may hold too few.
    const exact = near.includes(-1) ? nearestTo(rows, width, row, others) : null
    indices.push([row, ...(exact?.map((other) => other.row) ?? near)])
    distances.push([
      0,
      ...(exact?.map(({ distance }) => distance) ?? found.distances.subarray(row * others, (row + 1) * others)),
    ])
  }
  return { indices, distances }
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
