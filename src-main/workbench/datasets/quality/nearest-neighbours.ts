import { setImmediate as yieldToOthers } from 'node:timers/promises'
import { Random } from '#shared/random.ts'

/** Below this everything is compared with everything. */
const exactBelow = 3000
/** Cells searched for each row; their number is the square root of the rows'. */
const probes = 6

/**
 * The `k` nearest other rows of each row, nearest first: int32 [n, k], -1 where there are fewer. Large sets are searched
 * by cells around randomly drawn rows (an inverted file), which finds nearly all of them.
 * @param coordinates float32 [n, width].
 */
export async function nearestNeighbours(
  coordinates: Float32Array,
  width: number,
  k: number,
  onProgress: (done: number) => void = () => {},
  seed = 1,
): Promise<Int32Array> {
  const count = coordinates.length / width
  const found = new Int32Array(count * k).fill(-1)
  const cells = count < exactBelow ? [Int32Array.from({ length: count }, (_, row) => row)] : []
  let centres = new Float32Array(0)
  if (cells.length === 0) {
    const cellCount = Math.ceil(Math.sqrt(count))
    const drawn = Random.of(seed, 'cells')
      .shuffle(Int32Array.from({ length: count }, (_, row) => row))
      .slice(0, cellCount)
    centres = new Float32Array(cellCount * width)
    drawn.forEach((row, cell) => void centres.set(coordinates.subarray(row * width, (row + 1) * width), cell * width))
    const members: number[][] = Array.from({ length: cellCount }, () => [])
    for (let row = 0; row < count; row++) {
      members[nearestCells(coordinates, row, centres, width, 1)[0]].push(row)
      if (row % 2048 === 2047) await yieldToOthers()
    }
    for (const rows of members) cells.push(Int32Array.from(rows))
  }
  const distances = new Float64Array(k)
  for (let row = 0; row < count; row++) {
    const near = cells.length === 1 ? [0] : nearestCells(coordinates, row, centres, width, probes)
    distances.fill(Number.POSITIVE_INFINITY)
    for (const cell of near) {
      for (const other of cells[cell]) {
        if (other === row) continue
        const limit = distances[k - 1]
        let distance = 0
        for (let i = 0; i < width && distance < limit; i++) {
          const step = coordinates[row * width + i] - coordinates[other * width + i]
          distance += step * step
        }
        if (distance < limit) insert(distances, found, row * k, k, distance, other)
      }
    }
    if (row % 512 === 511) {
      onProgress(row + 1)
      await yieldToOthers()
    }
  }
  onProgress(count)
  return found
}

function insert(
  distances: Float64Array,
  found: Int32Array,
  at: number,
  k: number,
  distance: number,
  row: number,
): void {
  let place = k - 1
  for (; place > 0 && distances[place - 1] > distance; place--) {
    distances[place] = distances[place - 1]
    found[at + place] = found[at + place - 1]
  }
  distances[place] = distance
  found[at + place] = row
}

function nearestCells(
  coordinates: Float32Array,
  row: number,
  centres: Float32Array,
  width: number,
  count: number,
): readonly number[] {
  const cellCount = centres.length / width
  const best: { cell: number; distance: number }[] = []
  for (let cell = 0; cell < cellCount; cell++) {
    const limit = best.length < count ? Number.POSITIVE_INFINITY : best[best.length - 1].distance
    let distance = 0
    for (let i = 0; i < width && distance < limit; i++) {
      const step = coordinates[row * width + i] - centres[cell * width + i]
      distance += step * step
    }
    if (distance >= limit) continue
    let place = best.length
    while (place > 0 && best[place - 1].distance > distance) place--
    best.splice(place, 0, { cell, distance })
    if (best.length > count) best.pop()
  }
  return best.map(({ cell }) => cell)
}
