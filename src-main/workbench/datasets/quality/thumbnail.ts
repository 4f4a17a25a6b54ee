import type { ImageShape } from '#shared/domain/dataset.ts'

/** What images are compared by: small enough that a million of them fit in memory. */
export const thumbSide = 16
export const thumbSize = thumbSide * thumbSide

/** Pixels that one target pixel averages over, along one axis. */
function bounds(length: number): readonly (readonly [from: number, to: number])[] {
  return Array.from({ length: thumbSide }, (_, i) => {
    const from = Math.floor((i * length) / thumbSide)
    return [from, Math.max(from + 1, Math.ceil(((i + 1) * length) / thumbSide))] as const
  })
}

/** Brings images of one shape to 16x16 grey (ITU-R BT.601 luma) by averaging. */
export function createThumbnailer(shape: ImageShape): (image: Uint8Array, into: Uint8Array) => void {
  const [height, width, channels] = shape
  const rows = bounds(height)
  const columns = bounds(width)
  const luma = new Float64Array(height * width)
  return (image, into) => {
    if (channels === 1) for (let i = 0; i < luma.length; i++) luma[i] = image[i]
    else {
      for (let i = 0, at = 0; i < luma.length; i++, at += 3) {
        luma[i] = 0.299 * image[at] + 0.587 * image[at + 1] + 0.114 * image[at + 2]
      }
    }
    let to = 0
    for (const [top, bottom] of rows) {
      for (const [left, right] of columns) {
        let sum = 0
        for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) sum += luma[y * width + x]
        into[to++] = Math.round(sum / ((bottom - top) * (right - left)))
      }
    }
  }
}
