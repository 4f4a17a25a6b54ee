import type { Random } from '#shared/random.ts'

export interface Clusters {
  /** [n] cluster of each point, 0 the largest; equally large ones by their first point. */
  readonly codes: Int32Array
  readonly counts: readonly number[]
  /** Of each cluster, the points nearest to its centre, nearest first. */
  readonly nearest: readonly (readonly number[])[]
  /** Sum of squared distances to the centres. */
  readonly inertia: number
}

interface Assignment {
  readonly codes: Int32Array
  readonly centres: Float64Array
  readonly inertia: number
}

/** The best of a few seedings: Lloyd's iterations end in the valley they begin in. */
const restarts = 3
const mostIterations = 100
const namedPoints = 12

/**
 * k-means: Lloyd's iterations (1982) from k-means++ seedings (Arthur and Vassilvitskii 2007), the best of three by the sum
 * of squared distances. No cluster is empty as long as there are `count` different points. Equal points, counts and
 * random states give equal clusters.
 * @param points [n, width] with n >= count.
 */
export function kMeans(
  points: Float32Array,
  width: number,
  count: number,
  random: Random,
  onProgress: (share: number) => void = () => {},
): Clusters {
  let best: Assignment | null = null
  for (let start = 0; start < restarts; start++) {
    const found = lloyd(points, width, seeded(points, width, count, random))
    if (best === null || found.inertia < best.inertia) best = found
    onProgress((start + 1) / restarts)
  }
  if (best === null) throw new Error('k-means was asked for no start.')
  return ordered(best, points, width, count)
}

/** The first centre at random, each further one with a probability by its squared distance to those there are. */
function seeded(points: Float32Array, width: number, count: number, random: Random): Float64Array {
  const n = points.length / width
  const centres = new Float64Array(count * width)
  const squares = new Float64Array(n).fill(Number.POSITIVE_INFINITY)
  let chosen = random.below(n)
  for (let c = 0; c < count; c++) {
    for (let k = 0; k < width; k++) centres[c * width + k] = points[chosen * width + k]
    let total = 0
    for (let i = 0; i < n; i++) {
      squares[i] = Math.min(squares[i], squareBetween(points, i, centres, c, width))
      total += squares[i]
    }
    let left = random.uniform() * total
    chosen = 0
    for (let i = 0; i < n; i++) {
      if (squares[i] === 0) continue
      chosen = i
      left -= squares[i]
      if (left < 0) break
    }
  }
  return centres
}

function lloyd(points: Float32Array, width: number, centres: Float64Array): Assignment {
  const n = points.length / width
  const count = centres.length / width
  const codes = new Int32Array(n).fill(-1)
  const squares = new Float64Array(n)
  for (let iteration = 0; iteration < mostIterations; iteration++) {
    let moved = 0
    for (let i = 0; i < n; i++) {
      let [nearest, least] = [0, Number.POSITIVE_INFINITY]
      for (let c = 0; c < count; c++) {
        const square = squareBetween(points, i, centres, c, width)
        if (square < least) [nearest, least] = [c, square]
      }
      if (codes[i] !== nearest) moved++
      codes[i] = nearest
      squares[i] = least
    }
    if (moved === 0) break
    fillEmpty(codes, squares, count)
    centres.set(means(points, width, codes, count))
  }
  return { codes, centres, inertia: squares.reduce((sum, square) => sum + square, 0) }
}

/** A cluster that lost all of its points takes the one that lies farthest from its own centre. */
function fillEmpty(codes: Int32Array, squares: Float64Array, count: number): void {
  const sizes = sizesOf(codes, count)
  for (let c = 0; c < count; c++) {
    if (sizes[c] > 0) continue
    let farthest = -1
    for (let i = 0; i < codes.length; i++) {
      if (sizes[codes[i]] > 1 && (farthest < 0 || squares[i] > squares[farthest])) farthest = i
    }
    if (farthest < 0) return
    sizes[codes[farthest]]--
    codes[farthest] = c
    squares[farthest] = 0
    sizes[c]++
  }
}

function means(points: Float32Array, width: number, codes: Int32Array, count: number): Float64Array {
  const sums = new Float64Array(count * width)
  for (let i = 0; i < codes.length; i++) {
    for (let k = 0; k < width; k++) sums[codes[i] * width + k] += points[i * width + k]
  }
  const sizes = sizesOf(codes, count)
  return sums.map((sum, at) => sum / Math.max(1, sizes[Math.floor(at / width)]))
}

function sizesOf(codes: Int32Array, count: number): number[] {
  const sizes = new Array<number>(count).fill(0)
  for (const code of codes) sizes[code]++
  return sizes
}

function squareBetween(points: Float32Array, i: number, centres: Float64Array, c: number, width: number): number {
  let sum = 0
  for (let k = 0; k < width; k++) {
    const difference = points[i * width + k] - centres[c * width + k]
    sum += difference * difference
  }
  return sum
}

function ordered(
  { codes, centres, inertia }: Assignment,
  points: Float32Array,
  width: number,
  count: number,
): Clusters {
  const sizes = sizesOf(codes, count)
  const order = sizes.map((_, c) => c).sort((a, b) => sizes[b] - sizes[a] || codes.indexOf(a) - codes.indexOf(b))
  const rank = new Int32Array(count)
  for (const [to, from] of order.entries()) rank[from] = to
  const members = order.map((): { point: number; square: number }[] => [])
  for (const [point, code] of codes.entries()) {
    members[rank[code]].push({ point, square: squareBetween(points, point, centres, code, width) })
  }
  return {
    codes: codes.map((code) => rank[code]),
    counts: order.map((c) => sizes[c]),
    nearest: members.map((list) =>
      list
        .sort((a, b) => a.square - b.square || a.point - b.point)
        .slice(0, namedPoints)
        .map(({ point }) => point),
    ),
    inertia,
  }
}
