import type { DecodedImage } from './images.ts'

/** Source pixels first .. first + weights.length - 1 make one target pixel; the weights add up to `total`. */
interface Contribution {
  readonly first: number
  readonly weights: readonly number[]
}

/**
 * Brings an image to size x size: the centred square of its shorter side, then averaged over areas when it shrinks,
 * bilinear when it grows, copied when it fits. All weights are whole numbers, so the result is exact and the same on
 * every machine; halves round up. Returns uint8 [size, size, channels].
 */
export function fitToSquare(image: DecodedImage, size: number): Uint8Array {
  const { width, height, channels, pixels } = image
  const side = Math.min(width, height)
  const left = Math.floor((width - side) / 2)
  const top = Math.floor((height - side) / 2)
  const result = new Uint8Array(size * size * channels)
  if (side === size) {
    for (let y = 0; y < size; y++) {
      const start = ((top + y) * width + left) * channels
      result.set(pixels.subarray(start, start + size * channels), y * size * channels)
    }
    return result
  }
  const { total, contributions } = side > size ? areaWeights(side, size) : bilinearWeights(side, size)
  // Rows first: sums of one column's contributions, still unrounded, so that only the last division rounds.
  const sums = new Float64Array(side * channels)
  const divisor = total * total
  for (let y = 0; y < size; y++) {
    const rows = contributions[y]
    sums.fill(0)
    for (let i = 0; i < rows.weights.length; i++) {
      const weight = rows.weights[i]
      const start = ((top + rows.first + i) * width + left) * channels
      for (let x = 0; x < sums.length; x++) sums[x] += weight * pixels[start + x]
    }
    for (let x = 0; x < size; x++) {
      const columns = contributions[x]
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0
        for (let i = 0; i < columns.weights.length; i++) {
          sum += columns.weights[i] * sums[(columns.first + i) * channels + channel]
        }
        result[(y * size + x) * channels + channel] = Math.floor((2 * sum + divisor) / (2 * divisor))
      }
    }
  }
  return result
}

/**
 * Target pixel j covers [j side, (j + 1) side) and source pixel i [i size, (i + 1) size) on a line of side * size
 * units; the weight is how much of the one the other covers.
 */
function areaWeights(
  side: number,
  size: number,
): { readonly total: number; readonly contributions: readonly Contribution[] } {
  const contributions: Contribution[] = []
  for (let j = 0; j < size; j++) {
    const begin = j * side
    const end = begin + side
    const first = Math.floor(begin / size)
    const weights: number[] = []
    for (let i = first; i * size < end; i++) weights.push(Math.min(end, (i + 1) * size) - Math.max(begin, i * size))
    contributions.push({ first, weights })
  }
  return { total: side, contributions }
}

/** Pixel centres at half-integers; beyond the outermost centres the edge is repeated. Weights in units of 1 / (2 size). */
function bilinearWeights(
  side: number,
  size: number,
): { readonly total: number; readonly contributions: readonly Contribution[] } {
  const total = 2 * size
  const contributions: Contribution[] = []
  for (let j = 0; j < size; j++) {
    const position = Math.min(Math.max((2 * j + 1) * side - size, 0), (side - 1) * total)
    const first = Math.floor(position / total)
    const weight = position - first * total
    contributions.push({ first, weights: weight === 0 ? [total] : [total - weight, weight] })
  }
  return { total, contributions }
}
