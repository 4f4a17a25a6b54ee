import { Random } from '#shared/random.ts'

export interface PrincipalComponents {
  /** [n, count] scores, by falling variance. Signs are chosen so that each axis's largest loading is positive. */
  readonly scores: Float32Array
  /** Share of the whole variance. */
  readonly explained: readonly number[]
}

/** Rows beyond this add nothing to a covariance but time. */
const mostRowsForAxes = 12_000
const iterations = 40

/**
 * The first principal components of `rows` [n, width]: covariance of the rows (an even sample where there are very
 * many), its leading eigenvectors by orthogonal iteration (Golub and Van Loan, 8.2.4) from a seeded start, then the
 * scores of every row. Deterministic.
 */
export function principalComponents(
  rows: Float32Array | Uint8Array,
  width: number,
  wanted: number,
  onProgress: (share: number) => void = () => {},
): PrincipalComponents {
  const n = rows.length / width
  const count = Math.min(wanted, width, Math.max(1, n - 1))
  const step = Math.max(1, Math.floor(n / mostRowsForAxes))
  const mean = new Float64Array(width)
  let used = 0
  for (let row = 0; row < n; row += step) {
    for (let k = 0; k < width; k++) mean[k] += rows[row * width + k]
    used++
  }
  for (let k = 0; k < width; k++) mean[k] /= Math.max(1, used)
  const covariance = covarianceOf(rows, width, mean, step, (share) => onProgress(0.5 * share))
  let total = 0
  for (let k = 0; k < width; k++) total += covariance[k * width + k]
  const { axes, values } = leadingAxes(covariance, width, count, (share) => onProgress(0.5 + 0.3 * share))
  const scores = new Float32Array(n * count)
  const centred = new Float64Array(width)
  for (let row = 0; row < n; row++) {
    for (let k = 0; k < width; k++) centred[k] = rows[row * width + k] - mean[k]
    for (let c = 0; c < count; c++) {
      let sum = 0
      const axis = c * width
      for (let k = 0; k < width; k++) sum += axes[axis + k] * centred[k]
      scores[row * count + c] = sum
    }
  }
  return { scores, explained: values.map((value) => (total > 0 ? Math.max(0, value) / total : 0)) }
}

function covarianceOf(
  rows: Float32Array | Uint8Array,
  width: number,
  mean: Float64Array,
  step: number,
  onProgress: (share: number) => void,
): Float64Array {
  const n = rows.length / width
  const covariance = new Float64Array(width * width)
  const centred = new Float64Array(width)
  let used = 0
  for (let row = 0; row < n; row += step) {
    for (let k = 0; k < width; k++) centred[k] = rows[row * width + k] - mean[k]
    for (let i = 0; i < width; i++) {
      const value = centred[i]
      const line = i * width
      for (let j = 0; j <= i; j++) covariance[line + j] += value * centred[j]
    }
    used++
    if (used % 1000 === 0) onProgress(row / n)
  }
  for (let i = 0; i < width; i++) {
    for (let j = 0; j <= i; j++) {
      const value = covariance[i * width + j] / Math.max(1, used - 1)
      covariance[i * width + j] = value
      covariance[j * width + i] = value
    }
  }
  return covariance
}

/** Orthonormal axes [count, width] and their variances, largest first. */
function leadingAxes(
  matrix: Float64Array,
  width: number,
  count: number,
  onProgress: (share: number) => void,
): { readonly axes: Float64Array; readonly values: readonly number[] } {
  const random = Random.of(1, 'principal-components')
  let axes = Float64Array.from({ length: count * width }, () => random.normal())
  orthonormalise(axes, width)
  for (let round = 0; round < iterations; round++) {
    axes = times(axes, matrix, width)
    orthonormalise(axes, width)
    if (round % 8 === 7) onProgress(round / iterations)
  }
  const image = times(axes, matrix, width)
  const variance = Array.from({ length: count }, (_, c) => {
    let sum = 0
    for (let k = 0; k < width; k++) sum += image[c * width + k] * axes[c * width + k]
    return sum
  })
  const order = variance.map((_, c) => c).sort((a, b) => variance[b] - variance[a] || a - b)
  const sorted = new Float64Array(axes.length)
  order.forEach((from, to) => {
    const axis = axes.subarray(from * width, (from + 1) * width)
    let largest = 0
    for (let k = 1; k < width; k++) if (Math.abs(axis[k]) > Math.abs(axis[largest])) largest = k
    const sign = axis[largest] < 0 ? -1 : 1
    for (let k = 0; k < width; k++) sorted[to * width + k] = sign * axis[k]
  })
  return { axes: sorted, values: order.map((c) => variance[c]) }
}

/** Each row of `axes` times a symmetric matrix. */
function times(axes: Float64Array, matrix: Float64Array, width: number): Float64Array<ArrayBuffer> {
  const result = new Float64Array(axes.length)
  for (let c = 0; c < axes.length / width; c++) {
    for (let i = 0; i < width; i++) {
      let sum = 0
      const line = i * width
      for (let j = 0; j < width; j++) sum += matrix[line + j] * axes[c * width + j]
      result[c * width + i] = sum
    }
  }
  return result
}

/** Gram-Schmidt, twice for the digits; a row without anything new becomes 0. */
function orthonormalise(axes: Float64Array, width: number): void {
  const count = axes.length / width
  for (let c = 0; c < count; c++) {
    const row = axes.subarray(c * width, (c + 1) * width)
    let before = 0
    for (let k = 0; k < width; k++) before += row[k] * row[k]
    for (let pass = 0; pass < 2; pass++) {
      for (let other = 0; other < c; other++) {
        let dot = 0
        for (let k = 0; k < width; k++) dot += row[k] * axes[other * width + k]
        for (let k = 0; k < width; k++) row[k] -= dot * axes[other * width + k]
      }
    }
    let norm = 0
    for (let k = 0; k < width; k++) norm += row[k] * row[k]
    const scale = norm > before * 1e-24 && norm > 0 ? 1 / Math.sqrt(norm) : 0
    for (let k = 0; k < width; k++) row[k] *= scale
  }
}
