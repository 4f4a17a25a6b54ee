import type { Random } from '#shared/random.ts'
import type { FloatArray } from './outcome.ts'

/** Fewer samples leave the unbiased estimator undefined. */
export const leastCountForCka = 4

/** Multiply-adds that the products of one model's features may cost; larger sets are sampled. */
const productBudget = 2.5e8

/** Features of one model on some samples: [count, width], columns centred for accuracy (HSIC ignores the shift). */
export interface FeatureMatrix {
  readonly count: number
  readonly width: number
  readonly rows: Float64Array
}

/** An estimate and how it reacts to each sample: influence has mean 0, and a resample adds mean(count x influence). */
export interface HsicEstimate {
  readonly value: number
  /** [count] */
  readonly influence: Float64Array
}

/**
 * Which samples CKA reads, ascending: all, unless products of features of `width` columns would take too long (wide
 * features of imported models); then a seeded sample, which the estimator being unbiased only widens the interval.
 */
export function samplesForCka(count: number, width: number, random: Random): Int32Array {
  const byFeatures = productBudget / (width * width)
  const byGram = Math.sqrt((2 * productBudget) / width)
  const affordable = Math.max(leastCountForCka, Math.floor(Math.max(byFeatures, byGram)))
  const all = Int32Array.from({ length: count }, (_, i) => i)
  return count <= affordable ? all : random.shuffle(all).slice(0, affordable).sort()
}

export function featureMatrix(data: FloatArray, width: number, samples: Int32Array): FeatureMatrix {
  const count = samples.length
  const rows = new Float64Array(count * width)
  const mean = new Float64Array(width)
  for (let i = 0; i < count; i++) {
    for (let a = 0; a < width; a++) {
      const value = data[samples[i] * width + a]
      rows[i * width + a] = value
      mean[a] += value / count
    }
  }
  for (let i = 0; i < count; i++) {
    for (let a = 0; a < width; a++) rows[i * width + a] -= mean[a]
  }
  return { count, width, rows }
}

/**
 * Unbiased estimate of the Hilbert-Schmidt independence criterion with linear kernels (Song et al. 2012, equation 5),
 * with its exact leave-one-out differences as influence values. Linear CKA debiased after Nguyen et al. 2021 is
 * hsic(x, y) / sqrt(hsic(x, x) hsic(y, y)). Both matrices hold the same samples, at least `leastCountForCka`.
 */
export function unbiasedHsic(x: FeatureMatrix, y: FeatureMatrix): HsicEstimate {
  const n = x.count
  const { pairs, sumsX, sumsY, xToSumsY, yToSumsX } =
    n <= Math.min(x.width, y.width) ? productsByGram(x, y) : productsByFeatures(x, y)
  let total = 0
  let sumX = 0
  let sumY = 0
  let cross = 0
  for (let i = 0; i < n; i++) {
    total += pairs[i]
    sumX += sumsX[i]
    sumY += sumsY[i]
    cross += sumsX[i] * sumsY[i]
  }
  const estimate = (m: number, t: number, sx: number, sy: number, c: number): number =>
    (t + (sx * sy) / ((m - 1) * (m - 2)) - (2 * c) / (m - 2)) / (m * (m - 3))
  const value = estimate(n, total, sumX, sumY, cross)

  const influence = new Float64Array(n)
  if (n === leastCountForCka) return { value, influence }
  for (let i = 0; i < n; i++) {
    const without = estimate(
      n - 1,
      total - 2 * pairs[i],
      sumX - 2 * sumsX[i],
      sumY - 2 * sumsY[i],
      cross - sumsX[i] * sumsY[i] - xToSumsY[i] - yToSumsX[i] + pairs[i],
    )
    influence[i] = (n - 1) * (value - without)
  }
  return { value, influence }
}

/**
 * What the estimate and its leave-one-out values need of the Gram matrices K and L without their diagonals; each
 * [count], by row i.
 */
interface GramProducts {
  /** sum_j K_ij L_ij */
  readonly pairs: Float64Array
  /** k_i = sum_j K_ij, l_i = sum_j L_ij */
  readonly sumsX: Float64Array
  readonly sumsY: Float64Array
  /** sum_j K_ij l_j, sum_j L_ij k_j */
  readonly xToSumsY: Float64Array
  readonly yToSumsX: Float64Array
}

/** For more samples than features: never forms a Gram matrix. */
function productsByFeatures(x: FeatureMatrix, y: FeatureMatrix): GramProducts {
  const squaresX = squaredLengths(x)
  const squaresY = x === y ? squaresX : squaredLengths(y)
  const sumsX = throughFeatures(x, squaresX, new Float64Array(x.count).fill(1))
  const sumsY = x === y ? sumsX : throughFeatures(y, squaresY, new Float64Array(y.count).fill(1))
  const cross = crossProduct(x, y)
  const pairs = new Float64Array(x.count)
  for (let i = 0; i < x.count; i++) pairs[i] = productThrough(cross, x, y, i) - squaresX[i] * squaresY[i]
  return {
    pairs,
    sumsX,
    sumsY,
    xToSumsY: throughFeatures(x, squaresX, sumsY),
    yToSumsX: throughFeatures(y, squaresY, sumsX),
  }
}

function squaredLengths({ count, width, rows }: FeatureMatrix): Float64Array {
  const squares = new Float64Array(count)
  for (let i = 0; i < count; i++) {
    for (let a = i * width; a < (i + 1) * width; a++) squares[i] += rows[a] * rows[a]
  }
  return squares
}

/** sum over j != i of (x_i . x_j) weight_j */
function throughFeatures(
  { count, width, rows }: FeatureMatrix,
  squares: Float64Array,
  weights: Float64Array,
): Float64Array {
  const weighted = new Float64Array(width)
  for (let i = 0; i < count; i++) {
    for (let a = 0; a < width; a++) weighted[a] += rows[i * width + a] * weights[i]
  }
  const values = new Float64Array(count)
  for (let i = 0; i < count; i++) {
    let sum = 0
    for (let a = 0; a < width; a++) sum += rows[i * width + a] * weighted[a]
    values[i] = sum - squares[i] * weights[i]
  }
  return values
}

/** x_i (cross y_i): the products of row i's two halves, through [x.width, y.width]. */
function productThrough(cross: Float64Array, x: FeatureMatrix, y: FeatureMatrix, i: number): number {
  const rowX = i * x.width
  const rowY = i * y.width
  let sum = 0
  for (let a = 0; a < x.width; a++) sum += x.rows[rowX + a] * dot(cross, a * y.width, y.rows, rowY, y.width)
  return sum
}

/** [x.width, y.width] = transposed x times y; of x with itself one half, which is the other half too. */
function crossProduct(x: FeatureMatrix, y: FeatureMatrix): Float64Array {
  const product = new Float64Array(x.width * y.width)
  const blocked = x.count - (x.count % 4)
  // Called often, the inner loops are compiled at their best; within one long loop they never are.
  for (let i = 0; i < blocked; i += 4) addFourProducts(product, x, y, i)
  for (let i = blocked; i < x.count; i++) addProducts(product, x, y, i)
  if (x === y) {
    for (let a = 0; a < x.width; a++) {
      for (let b = 0; b < a; b++) product[a * x.width + b] = product[b * x.width + a]
    }
  }
  return product
}

/** Four samples at a time, to write each sum a quarter as often. */
function addFourProducts(product: Float64Array, x: FeatureMatrix, y: FeatureMatrix, i: number): void {
  const { width, rows } = y
  const y0 = i * width
  const y1 = y0 + width
  const y2 = y1 + width
  const y3 = y2 + width
  for (let a = 0; a < x.width; a++) {
    const x0 = x.rows[i * x.width + a]
    const x1 = x.rows[(i + 1) * x.width + a]
    const x2 = x.rows[(i + 2) * x.width + a]
    const x3 = x.rows[(i + 3) * x.width + a]
    const start = a * width
    for (let b = x === y ? a : 0; b < width; b++) {
      product[start + b] += x0 * rows[y0 + b] + x1 * rows[y1 + b] + x2 * rows[y2 + b] + x3 * rows[y3 + b]
    }
  }
}

function addProducts(product: Float64Array, x: FeatureMatrix, y: FeatureMatrix, i: number): void {
  for (let a = 0; a < x.width; a++) {
    const value = x.rows[i * x.width + a]
    for (let b = x === y ? a : 0; b < y.width; b++) product[a * y.width + b] += value * y.rows[i * y.width + b]
  }
}

/** Inner product of two stretches, in four sums that don't wait for each other. */
function dot(p: Float64Array, pStart: number, q: Float64Array, qStart: number, length: number): number {
  let s0 = 0
  let s1 = 0
  let s2 = 0
  let s3 = 0
  const blocked = length - (length % 4)
  for (let b = 0; b < blocked; b += 4) {
    s0 += p[pStart + b] * q[qStart + b]
    s1 += p[pStart + b + 1] * q[qStart + b + 1]
    s2 += p[pStart + b + 2] * q[qStart + b + 2]
    s3 += p[pStart + b + 3] * q[qStart + b + 3]
  }
  for (let b = blocked; b < length; b++) s0 += p[pStart + b] * q[qStart + b]
  return s0 + s1 + (s2 + s3)
}

/** For more features than samples. */
function productsByGram(x: FeatureMatrix, y: FeatureMatrix): GramProducts {
  const n = x.count
  const k = gramWithoutDiagonal(x)
  const l = x === y ? k : gramWithoutDiagonal(y)
  const ones = new Float64Array(n).fill(1)
  const sumsX = matrixTimes(k, ones)
  const sumsY = matrixTimes(l, ones)
  const pairs = new Float64Array(n)
  for (let i = 0; i < n; i++) for (let j = i * n; j < (i + 1) * n; j++) pairs[i] += k[j] * l[j]
  return { pairs, sumsX, sumsY, xToSumsY: matrixTimes(k, sumsY), yToSumsX: matrixTimes(l, sumsX) }
}

function gramWithoutDiagonal({ count, width, rows }: FeatureMatrix): Float64Array {
  const gram = new Float64Array(count * count)
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < i; j++) {
      const product = dot(rows, i * width, rows, j * width, width)
      gram[i * count + j] = product
      gram[j * count + i] = product
    }
  }
  return gram
}

function matrixTimes(matrix: Float64Array, vector: Float64Array): Float64Array {
  const n = vector.length
  const product = new Float64Array(n)
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) product[i] += matrix[i * n + j] * vector[j]
  return product
}
