import type { ImageShape } from '#shared/domain/dataset.ts'

/** Which source pixels make a target pixel along one axis, and how much of each. */
interface Span {
  readonly first: number
  readonly weights: readonly number[]
}

/**
 * Averages images over areas to a smaller grid; a target as large as the source copies. Returns a function from
 * pixels to `into` at an offset, since its weights are the same for all images of a data set.
 */
export function areaAverager(
  [height, width, channels]: ImageShape,
  [targetHeight, targetWidth]: readonly [number, number],
): (pixels: Uint8Array, at: number, into: Float32Array | Uint8ClampedArray, intoAt: number) => void {
  const rows = spans(height, targetHeight)
  const columns = spans(width, targetWidth)
  return (pixels, at, into, intoAt) => {
    let out = intoAt
    for (const row of rows) {
      for (const column of columns) {
        for (let channel = 0; channel < channels; channel++) {
          let sum = 0
          for (let y = 0; y < row.weights.length; y++) {
            const line = at + ((row.first + y) * width + column.first) * channels + channel
            let lineSum = 0
            for (let x = 0; x < column.weights.length; x++) lineSum += column.weights[x] * pixels[line + x * channels]
            sum += row.weights[y] * lineSum
          }
          into[out++] = sum
        }
      }
    }
  }
}

function spans(size: number, target: number): readonly Span[] {
  const step = size / target
  return Array.from({ length: target }, (_, i) => {
    const [start, end] = [i * step, (i + 1) * step]
    const first = Math.floor(start + 1e-9)
    const last = Math.min(size, Math.ceil(end - 1e-9))
    const weights = Array.from(
      { length: last - first },
      (_, k) => (Math.min(end, first + k + 1) - Math.max(start, first + k)) / step,
    )
    return { first, weights }
  })
}

/** The largest shape of the same proportions that fits into `side`; images that fit stay as they are. */
export function fittingShape([height, width, channels]: ImageShape, side: number): ImageShape {
  const longer = Math.max(height, width)
  if (longer <= side) return [height, width, channels]
  const scaled = (size: number): number => Math.max(1, Math.round((size * side) / longer))
  return [scaled(height), scaled(width), channels]
}
