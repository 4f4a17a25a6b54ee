import { Random } from '#shared/random.ts'

/** Rows that the components are fitted to, at most: the directions of largest variance need no more. */
const maxRows = 4000
const iterations = 25

/**
 * Coordinates along the directions of largest variance, float32 [n, components]: orthogonal iteration on the
 * covariance matrix (Golub and Van Loan, 8.2.4).
 * @param rows uint8 [n, width].
 */
export function principalComponents(
  rows: Uint8Array,
  width: number,
  components: number,
  seed = 1,
): { readonly coordinates: Float32Array; readonly components: number } {
  const count = rows.length / width
  const kept = Math.min(components, width, Math.max(1, count - 1))
  const mean = new Float64Array(width)
  for (let row = 0; row < count; row++) for (let i = 0; i < width; i++) mean[i] += rows[row * width + i]
  for (let i = 0; i < width; i++) mean[i] /= Math.max(1, count)
  const covariance = covarianceOf(rows, width, mean)
  const random = Random.of(seed, 'principal-components')
  let basis = Float64Array.from({ length: kept * width }, () => random.normal())
  orthonormalise(basis, width)
  for (let iteration = 0; iteration < iterations; iteration++) {
    const next = new Float64Array(kept * width)
    for (let k = 0; k < kept; k++) {
      for (let i = 0; i < width; i++) {
        const factor = basis[k * width + i]
        for (let j = 0; j < width; j++) next[k * width + j] += factor * covariance[i * width + j]
      }
    }
    orthonormalise(next, width)
    basis = next
  }
  const coordinates = new Float32Array(count * kept)
  const centred = new Float64Array(width)
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < width; i++) centred[i] = rows[row * width + i] - mean[i]
    for (let k = 0; k < kept; k++) {
      let sum = 0
      for (let i = 0; i < width; i++) sum += centred[i] * basis[k * width + i]
      coordinates[row * kept + k] = sum
    }
  }
  return { coordinates, components: kept }
}

function covarianceOf(rows: Uint8Array, width: number, mean: Float64Array): Float64Array {
  const count = rows.length / width
  const step = Math.max(1, Math.floor(count / maxRows))
  const covariance = new Float64Array(width * width)
  const centred = new Float64Array(width)
  let used = 0
  for (let row = 0; row < count; row += step, used++) {
    for (let i = 0; i < width; i++) centred[i] = rows[row * width + i] - mean[i]
    for (let i = 0; i < width; i++) {
      const value = centred[i]
      for (let j = i; j < width; j++) covariance[i * width + j] += value * centred[j]
    }
  }
  for (let i = 0; i < width; i++) {
    for (let j = i; j < width; j++) {
      covariance[i * width + j] /= Math.max(1, used)
      covariance[j * width + i] = covariance[i * width + j]
    }
  }
  return covariance
}

/** Modified Gram-Schmidt on the rows; one without length left stays zero. */
function orthonormalise(basis: Float64Array, width: number): void {
  const count = basis.length / width
  for (let k = 0; k < count; k++) {
    for (let other = 0; other < k; other++) {
      let product = 0
      for (let i = 0; i < width; i++) product += basis[k * width + i] * basis[other * width + i]
      for (let i = 0; i < width; i++) basis[k * width + i] -= product * basis[other * width + i]
    }
    let squares = 0
    for (let i = 0; i < width; i++) squares += basis[k * width + i] ** 2
    const scale = squares > 1e-18 ? 1 / Math.sqrt(squares) : 0
    for (let i = 0; i < width; i++) basis[k * width + i] *= scale
  }
}
