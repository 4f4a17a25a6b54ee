import { setImmediate as yieldToOthers } from 'node:timers/promises'
import { Random } from '#shared/random.ts'

/** Below this everything is compared with everything. */
const exactBelow = 3000
/** Cells searched for each row; their number is the square root of the rows'. */
const probes = 6

export interface NeighbourTable {
  /** int32 [n, k]: the nearest other rows, nearest first; -1 where there are fewer. */
  readonly indices: Int32Array
  /** float32 [n, k], Euclidean; infinite where there is none. */
  readonly distances: Float32Array
}

/**
 * The `k` nearest other rows of each row of `coordinates` [n, width]. Large sets are searched by cells around randomly
 * drawn rows (an inverted file), which finds nearly all of them in a fraction of the time.
 */
export async function nearestNeighbours(
  coordinates: Float32Array,
  width: number,
  k: number,
  onProgress: (done: number) => void = () => {},
  seed = 1,
): Promise<NeighbourTable> {
  const count = coordinates.length / width
  const indices = new Int32Array(count * k).fill(-1)
  const distances = new Float32Array(count * k).fill(Number.POSITIVE_INFINITY)
  const nearest = new NearestRows(coordinates, width, k)
  const cells = count < exactBelow ? null : await Cells.around(coordinates, width, seed)
  const all = Int32Array.from({ length: cells === null ? count : 0 }, (_, row) => row)
  for (let row = 0; row < count; row++) {
    nearest.begin(row)
    if (cells === null) nearest.search(all)
    else for (const members of cells.near(row)) nearest.search(members)
    indices.set(nearest.rows, row * k)
    for (let i = 0; i < k; i++) distances[row * k + i] = Math.sqrt(nearest.squares[i])
    if (row % 512 === 511) {
      onProgress(row + 1)
      await yieldToOthers()
    }
  }
  onProgress(count)
  return { indices, distances }
}

/** The `k` other rows nearest to row `of`, nearest first, ties by number: exact, among all. */
export function nearestTo(
  coordinates: Float32Array,
  width: number,
  of: number,
  k: number,
): readonly { readonly row: number; readonly distance: number }[] {
  const nearest = new NearestRows(coordinates, width, k)
  nearest.begin(of)
  nearest.search(Int32Array.from({ length: coordinates.length / width }, (_, row) => row))
  return Array.from(nearest.rows, (row, i) => ({ row, distance: Math.sqrt(nearest.squares[i]) })).filter(
    ({ row }) => row >= 0,
  )
}

/** The nearest rows to one, as they are found. */
class NearestRows {
  readonly rows: Int32Array
  /** Squared distances of `rows`, ascending. */
  readonly squares: Float64Array
  readonly #coordinates: Float32Array
  readonly #width: number
  #of = 0

  constructor(coordinates: Float32Array, width: number, k: number) {
    this.#coordinates = coordinates
    this.#width = width
    this.rows = new Int32Array(k)
    this.squares = new Float64Array(k)
  }

  begin(of: number): void {
    this.#of = of
    this.rows.fill(-1)
    this.squares.fill(Number.POSITIVE_INFINITY)
  }

  search(among: Int32Array): void {
    const coordinates = this.#coordinates
    const width = this.#width
    const { rows, squares } = this
    const of = this.#of
    const base = of * width
    const last = rows.length - 1
    let limit = squares[last]
    for (const other of among) {
      if (other === of) continue
      const start = other * width
      let square = 0
      for (let i = 0; i < width && square < limit; i++) {
        const step = coordinates[base + i] - coordinates[start + i]
        square += step * step
      }
      if (square >= limit) continue
      let place = last
      for (; place > 0 && squares[place - 1] > square; place--) {
        squares[place] = squares[place - 1]
        rows[place] = rows[place - 1]
      }
      squares[place] = square
      rows[place] = other
      limit = squares[last]
    }
  }
}

/** Rows by the drawn row that is nearest to them. */
class Cells {
  readonly #coordinates: Float32Array
  readonly #width: number
  readonly #centres: Float32Array
  readonly #members: readonly Int32Array[]

  private constructor(coordinates: Float32Array, width: number, centres: Float32Array, members: readonly Int32Array[]) {
    this.#coordinates = coordinates
    this.#width = width
    this.#centres = centres
    this.#members = members
  }

  static async around(coordinates: Float32Array, width: number, seed: number): Promise<Cells> {
    const count = coordinates.length / width
    const cellCount = Math.ceil(Math.sqrt(count))
    const drawn = Random.of(seed, 'cells')
      .shuffle(Int32Array.from({ length: count }, (_, row) => row))
      .slice(0, cellCount)
    const centres = new Float32Array(cellCount * width)
    drawn.forEach((row, cell) => void centres.set(coordinates.subarray(row * width, (row + 1) * width), cell * width))
    const members: number[][] = Array.from({ length: cellCount }, () => [])
    for (let row = 0; row < count; row++) {
      members[nearestCells(coordinates, row, centres, width, 1)[0]].push(row)
      if (row % 2048 === 2047) await yieldToOthers()
    }
    return new Cells(
      coordinates,
      width,
      centres,
      members.map((rows) => Int32Array.from(rows)),
    )
  }

  /** The members of the cells nearest to a row. */
  near(row: number): readonly Int32Array[] {
    return nearestCells(this.#coordinates, row, this.#centres, this.#width, probes).map((cell) => this.#members[cell])
  }
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
