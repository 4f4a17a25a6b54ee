/**
 * UMAP (McInnes, Healy and Melville 2018, arXiv:1802.03426) onto the plane, in typed arrays: 60,000 points take a
 * hundred megabytes, and every step can be told. Symbols are the paper's.
 */
import type { Random } from '#shared/random.ts'

/** For min_dist 0.1 and spread 1: the least-squares fit of 1 / (1 + a d^2b) to what section 4.2 asks for. */
const a = 1.576943460405378
const b = 0.8950608781227859
const negativeSamples = 5
/** No step is longer, in each direction. */
const longestStep = 4
/** The start is brought to this from the middle to the farthest point. */
const startRadius = 10

export interface UmapGraph {
  /** int32 [edges]: each pair in both directions. */
  readonly from: Int32Array
  readonly to: Int32Array
  /** float32 [edges], in (0, 1]. */
  readonly weights: Float32Array
}

/**
 * The fuzzy graph (section 3.1): each point's distances are measured from its nearest neighbour's on, in a unit in which its
 * neighbours weigh log2(k + 1) together; then both directions' weights v, w become v + w - v w.
 * @param indices int32 [n, k] without the point itself; -1 where there are fewer.
 * @param distances float32 [n, k], ascending.
 */
export function fuzzyGraph(indices: Int32Array, distances: Float32Array, k: number): UmapGraph {
  const n = indices.length / k
  const directed = new Float32Array(n * k)
  for (let row = 0; row < n; row++) weigh(indices, distances, directed, row, k)
  const weightOf = (row: number, other: number): number => {
    for (let at = row * k; at < (row + 1) * k; at++) if (indices[at] === other) return directed[at]
    return 0
  }
  const from: number[] = []
  const to: number[] = []
  const weights: number[] = []
  for (let row = 0; row < n; row++) {
    for (let at = row * k; at < (row + 1) * k; at++) {
      const other = indices[at]
      if (other < 0) continue
      const back = weightOf(other, row)
      // A pair that both name is taken where its first point is.
      if (back > 0 && other < row) continue
      const weight = directed[at] + back - directed[at] * back
      if (weight <= 0) continue
      from.push(row, other)
      to.push(other, row)
      weights.push(weight, weight)
    }
  }
  return { from: Int32Array.from(from), to: Int32Array.from(to), weights: Float32Array.from(weights) }
}

/** Weights of one point's neighbours: exp(-(d - rho) / sigma), sigma by bisection. */
function weigh(indices: Int32Array, distances: Float32Array, weights: Float32Array, row: number, k: number): void {
  const first = row * k
  let end = first
  let rho = 0
  let mean = 0
  for (; end < first + k && indices[end] >= 0; end++) {
    if (rho === 0) rho = distances[end]
    mean += distances[end] / k
  }
  const target = Math.log2(k + 1)
  let [low, high, sigma] = [0, Number.POSITIVE_INFINITY, 1]
  for (let round = 0; round < 64; round++) {
    let sum = 0
    for (let at = first; at < end; at++) sum += Math.exp(-Math.max(0, distances[at] - rho) / sigma)
    if (Math.abs(sum - target) < 1e-5) break
    if (sum > target) high = sigma
    else low = sigma
    sigma = high === Number.POSITIVE_INFINITY ? sigma * 2 : (low + high) / 2
  }
  sigma = Math.max(sigma, 1e-3 * mean, Number.MIN_VALUE)
  for (let at = first; at < end; at++) weights[at] = Math.exp(-Math.max(0, distances[at] - rho) / sigma)
}

/** Where points start: their first two coordinates, so that the map lies as their principal components do. */
export function startingPlaces(coordinates: Float32Array, width: number, random: Random): Float32Array {
  const n = coordinates.length / width
  const places = new Float32Array(2 * n)
  let farthest = 0
  for (let i = 0; i < n; i++) {
    for (let axis = 0; axis < Math.min(2, width); axis++) {
      places[2 * i + axis] = coordinates[i * width + axis]
      farthest = Math.max(farthest, Math.abs(places[2 * i + axis]))
    }
  }
  const scale = startRadius / (farthest || 1)
  // Copies would stay on one point for ever.
  for (let at = 0; at < places.length; at++) places[at] = places[at] * scale + 1e-3 * random.normal()
  return places
}

/**
 * Moves `places` [n, 2] by stochastic gradient descent (section 4.2, algorithm 5), and yields after each of `epochs`: edges
 * pull as often as they weigh, and for each pull five points drawn at random push.
 */
export function* layOut(
  places: Float32Array,
  { from, to, weights }: UmapGraph,
  epochs: number,
  random: Random,
): Generator<number> {
  const n = places.length / 2
  let heaviest = 0
  for (const weight of weights) heaviest = Math.max(heaviest, weight)
  const every = Float32Array.from(weights, (weight) => heaviest / weight)
  const next = Float32Array.from(every)
  const nextPush = Float32Array.from(every, (gap) => gap / negativeSamples)
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const rate = 1 - (epoch - 1) / epochs
    for (let edge = 0; edge < from.length; edge++) {
      // Too light to pull at all within these epochs, or not yet its turn.
      if (next[edge] > epoch) continue
      next[edge] += every[edge]
      const i = 2 * from[edge]
      const j = 2 * to[edge]
      const dx = places[i] - places[j]
      const dy = places[i + 1] - places[j + 1]
      const square = dx * dx + dy * dy
      if (square > 0) {
        const power = square ** b
        const pull = (-2 * a * b * power) / (square * (a * power + 1))
        const [x, y] = [rate * clipped(pull * dx), rate * clipped(pull * dy)]
        places[i] += x
        places[i + 1] += y
        places[j] -= x
        places[j + 1] -= y
      }
      const gap = every[edge] / negativeSamples
      const pushes = Math.floor((epoch - nextPush[edge]) / gap)
      nextPush[edge] += pushes * gap
      for (let push = 0; push < pushes; push++) pushAway(places, i, 2 * (random.uint32() % n), rate)
    }
    yield epoch
  }
}

function pushAway(places: Float32Array, i: number, j: number, rate: number): void {
  if (i === j) return
  const dx = places[i] - places[j]
  const dy = places[i + 1] - places[j + 1]
  const square = dx * dx + dy * dy
  if (square === 0) {
    places[i] += rate * longestStep
    places[i + 1] += rate * longestStep
    return
  }
  const push = (2 * b) / ((0.001 + square) * (a * square ** b + 1))
  places[i] += rate * clipped(push * dx)
  places[i + 1] += rate * clipped(push * dy)
}

function clipped(value: number): number {
  return value > longestStep ? longestStep : value < -longestStep ? -longestStep : value
}
