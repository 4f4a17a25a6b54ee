import { setImmediate as yieldToOthers } from 'node:timers/promises'
import { nearestNeighbours, nearestTo } from '#main/workbench/datasets/nearest-neighbours.ts'
import { AppError } from '#shared/errors.ts'
import { Random } from '#shared/random.ts'
import { readReduced, writeReduced } from './reduced-file.ts'
import type { SampleProgress, UmapJob } from './sample-job.ts'
import { fuzzyGraph, layOut, startingPlaces } from './umap.ts'

const neighbourCount = 15
/** As the reference implementation has them for large sets; small ones get more. */
const epochsFor = (count: number): number => (count <= 2000 ? 500 : 200)
/** Of the whole, until the layout begins. */
const neighboursShare = 0.3

/**
 * UMAP of the reduced coordinates. The draws come from the seed. Where there are more samples than `limit`, an even draw
 * of them is placed.
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

  const { indices, distances } = await neighboursOf(rows, width, (done) =>
    send({ kind: 'progress', phase: 'neighbours', value: (neighboursShare * done) / count, etaSeconds: null }),
  )
  const random = Random.of(job.seed, 'umap')
  const graph = fuzzyGraph(indices, distances, neighbourCount)
  const coordinates = startingPlaces(rows, width, random)
  const epochs = epochsFor(count)
  const fitting = performance.now()
  let told = fitting
  for (const epoch of layOut(coordinates, graph, epochs, random)) {
    const now = performance.now()
    if (now - told < 200) continue
    told = now
    const etaSeconds = ((now - fitting) / 1000 / epoch) * (epochs - epoch)
    const value = neighboursShare + (1 - neighboursShare) * (epoch / epochs)
    send({ kind: 'progress', phase: 'umap', value, etaSeconds })
    // Lets the message leave.
    await yieldToOthers()
  }
  await writeReduced(job.file, { ids, coordinates, width: 2, explained: [] })
  send({ kind: 'progress', phase: 'umap', value: 1, etaSeconds: 0 })
}

/** All rows, or `limit` of them drawn by the seed, ascending. */
function drawRows(count: number, limit: number, seed: number): Int32Array {
  const all = Int32Array.from({ length: count }, (_, row) => row)
  if (count <= limit) return all
  return Random.of(seed, 'umap', 'sample').shuffle(all).slice(0, limit).sort()
}

/** The cells of a row that is far from all others may hold too few: it is then compared with all. */
async function neighboursOf(
  rows: Float32Array,
  width: number,
  onProgress: (done: number) => void,
): Promise<{ readonly indices: Int32Array; readonly distances: Float32Array }> {
  const found = await nearestNeighbours(rows, width, neighbourCount, onProgress)
  for (let row = 0; row < rows.length / width; row++) {
    const first = row * neighbourCount
    if (found.indices[first + neighbourCount - 1] >= 0) continue
    nearestTo(rows, width, row, neighbourCount).forEach(({ row: other, distance }, i) => {
      found.indices[first + i] = other
      found.distances[first + i] = distance
    })
  }
  return found
}

function tooFew(count: number): AppError {
  return new AppError('unsupported', `UMAP needs more than ${neighbourCount} images; there are ${count}.`, {
    hint: 'Look at the principal components instead.',
  })
}
