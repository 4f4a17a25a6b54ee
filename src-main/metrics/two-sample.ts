/**
 * Classifier two-sample test (Lopez-Paz and Oquab 2017): can a classifier tell samples of one set from those of another?
 * If it is right no more often than chance on samples that it hasn't seen, the two may well have one distribution.
 */
import type { TwoSampleReport } from '#shared/domain/tmu.ts'
import { AppError } from '#shared/errors.ts'
import { Random } from '#shared/random.ts'
import { areaUnderCurve, stratifiedFolds } from './predictor-report.ts'

export interface FeatureRows {
  /** Row-major [n, width]. */
  readonly data: ArrayLike<number>
  readonly count: number
}

export interface TwoSampleOptions {
  readonly folds: number
  /** Ridge of the logistic regression on standardised features, a sample's share. */
  readonly ridge: number
  readonly seed: number
}

/** Fewer samples a set than this decide nothing. */
export const leastCountForTwoSample = 20
const newtonSteps = 8

/**
 * Both sets are brought to the size of the smaller one, seeded. Logistic regression, cross-validated; p one-sided from
 * the normal approximation of the accuracy on held-out samples, N(1/2, 1/4n) under the null.
 * @throws AppError `unsupported` when a set is too small.
 */
export function twoSampleTest(
  first: FeatureRows,
  second: FeatureRows,
  width: number,
  { folds, ridge, seed }: TwoSampleOptions,
): TwoSampleReport {
  const each = Math.min(first.count, second.count)
  if (each < leastCountForTwoSample) {
    throw new AppError(
      'unsupported',
      `A test of distributions needs ${leastCountForTwoSample} samples of each set; there are ${each}.`,
      {
        hint: 'Forget more images, or take a split with a larger twin pool.',
      },
    )
  }
  const chosen = (rows: FeatureRows, name: string): Int32Array => {
    const all = Int32Array.from({ length: rows.count }, (_, i) => i)
    return rows.count === each ? all : Random.of(seed, 'two-sample', name).shuffle(all).slice(0, each).sort()
  }
  const x = new Float64Array(2 * each * width)
  const labels = new Uint8Array(2 * each)
  ;[
    { rows: first, picked: chosen(first, 'first'), label: 0 },
    { rows: second, picked: chosen(second, 'second'), label: 1 },
  ].forEach(({ rows, picked, label }) => {
    picked.forEach((row, i) => {
      const at = label * each + i
      labels[at] = label
      for (let k = 0; k < width; k++) x[at * width + k] = rows.data[row * width + k]
    })
  })
  standardise(x, width)

  const foldOf = stratifiedFolds(labels, folds, seed)
  const scores = new Float64Array(labels.length)
  for (let fold = 0; fold < folds; fold++) {
    const training = indices(foldOf, (value) => value !== fold)
    const weights = fitLogistic(x, labels, training, width, ridge)
    for (const row of indices(foldOf, (value) => value === fold)) scores[row] = scoreOf(x, row, width, weights)
  }
  const right = scores.reduce((count, score, i) => count + (score >= 0 === (labels[i] === 1) ? 1 : 0), 0)
  const accuracy = right / labels.length
  const z = (accuracy - 0.5) / Math.sqrt(0.25 / labels.length)
  const of = (label: number): number[] => Array.from(scores).filter((_, i) => labels[i] === label)
  return { n: each, accuracy, auc: areaUnderCurve(of(1), of(0)), p: upperTail(z) }
}

function indices(folds: Int32Array, keep: (fold: number) => boolean): Int32Array {
  return Int32Array.from(folds, (_, i) => i).filter((i) => keep(folds[i]))
}

/** In place; a constant column becomes 0. */
function standardise(x: Float64Array, width: number): void {
  const count = x.length / width
  for (let k = 0; k < width; k++) {
    let mean = 0
    for (let i = k; i < x.length; i += width) mean += x[i] / count
    let variance = 0
    for (let i = k; i < x.length; i += width) variance += (x[i] - mean) ** 2 / count
    const scale = variance > 1e-12 ? 1 / Math.sqrt(variance) : 0
    for (let i = k; i < x.length; i += width) x[i] = (x[i] - mean) * scale
  }
}

/** Weights [width] and a bias, by Newton's method on the penalised likelihood. */
function fitLogistic(
  x: Float64Array,
  labels: Uint8Array,
  rows: Int32Array,
  width: number,
  ridge: number,
): Float64Array {
  const size = width + 1
  const weights = new Float64Array(size)
  for (let step = 0; step < newtonSteps; step++) {
    const gradient = new Float64Array(size)
    const hessian = new Float64Array(size * size)
    for (const row of rows) {
      const p = 1 / (1 + Math.exp(-scoreOf(x, row, width, weights)))
      const residual = p - labels[row]
      const curvature = Math.max(1e-6, p * (1 - p))
      for (let a = 0; a < size; a++) {
        const xa = a === width ? 1 : x[row * width + a]
        gradient[a] += residual * xa
        for (let b = 0; b <= a; b++) hessian[a * size + b] += curvature * xa * (b === width ? 1 : x[row * width + b])
      }
    }
    for (let a = 0; a < size; a++) {
      // The bias is free; a whisper keeps the matrix invertible.
      const hold = a === width ? 1e-9 : ridge * rows.length
      gradient[a] += hold * weights[a]
      hessian[a * size + a] += hold
    }
    const move = solveSymmetric(hessian, gradient, size)
    for (let a = 0; a < size; a++) weights[a] -= move[a]
  }
  return weights
}

function scoreOf(x: Float64Array, row: number, width: number, weights: Float64Array): number {
  let sum = weights[width]
  for (let k = 0; k < width; k++) sum += weights[k] * x[row * width + k]
  return sum
}

/** Cholesky on the lower triangle of a positive definite matrix, in place. */
function solveSymmetric(matrix: Float64Array, right: Float64Array, size: number): Float64Array {
  for (let a = 0; a < size; a++) {
    for (let b = 0; b <= a; b++) {
      let sum = matrix[a * size + b]
      for (let k = 0; k < b; k++) sum -= matrix[a * size + k] * matrix[b * size + k]
      matrix[a * size + b] = a === b ? Math.sqrt(Math.max(sum, 1e-12)) : sum / matrix[b * size + b]
    }
  }
  const out = right.slice()
  for (let a = 0; a < size; a++) {
    for (let k = 0; k < a; k++) out[a] -= matrix[a * size + k] * out[k]
    out[a] /= matrix[a * size + a]
  }
  for (let a = size - 1; a >= 0; a--) {
    for (let k = a + 1; k < size; k++) out[a] -= matrix[k * size + a] * out[k]
    out[a] /= matrix[a * size + a]
  }
  return out
}

/** P(Z >= z) of a standard normal: Abramowitz and Stegun 7.1.26 on erfc, absolute error below 1.5e-7. */
function upperTail(z: number): number {
  const t = 1 / (1 + 0.3275911 * (Math.abs(z) / Math.SQRT2))
  const poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
  const tail = 0.5 * poly * Math.exp(-(z * z) / 2)
  return z >= 0 ? tail : 1 - tail
}
