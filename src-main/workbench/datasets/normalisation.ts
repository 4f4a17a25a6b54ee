import type { ImageShape, Normalisation } from '#shared/domain/dataset.ts'

/**
 * Counts how often each of the 256 values occurs in each channel. Mean and deviation follow from the counts exactly,
 * whatever the order and the pieces in which the pixels came.
 */
export class PixelHistogram {
  readonly #channels: number
  readonly #counts: Float64Array

  constructor(channels: number) {
    this.#channels = channels
    this.#counts = new Float64Array(channels * 256)
  }

  /** Whole pixels, channels innermost. */
  add(pixels: Uint8Array): void {
    for (let i = 0; i < pixels.length; i += this.#channels) {
      for (let channel = 0; channel < this.#channels; channel++) this.#counts[channel * 256 + pixels[i + channel]]++
    }
  }

  /**
   * Mean and population standard deviation per channel of pixels in [0, 1]. A channel of one single value has the
   * deviation 1: it is then shifted to 0 and not divided by 0. Without any pixels: mean 0, deviation 1.
   */
  normalisation(): Normalisation {
    const mean: number[] = []
    const std: number[] = []
    for (let channel = 0; channel < this.#channels; channel++) {
      const counts = this.#counts.subarray(channel * 256, (channel + 1) * 256)
      let total = 0
      let sum = 0
      counts.forEach((count, value) => {
        total += count
        sum += count * value
      })
      const average = total === 0 ? 0 : sum / total
      let squares = 0
      counts.forEach((count, value) => {
        squares += count * (value - average) ** 2
      })
      const deviation = total === 0 ? 0 : Math.sqrt(squares / total)
      mean.push(average / 255)
      std.push(deviation === 0 ? 1 : deviation / 255)
    }
    return { mean, std }
  }
}

/** Of the images `ids` in a whole uint8 NHWC blob. */
export function normalisation(images: Uint8Array, ids: Int32Array, shape: ImageShape): Normalisation {
  const [height, width, channels] = shape
  const size = height * width * channels
  const histogram = new PixelHistogram(channels)
  for (const id of ids) histogram.add(images.subarray(id * size, (id + 1) * size))
  return histogram.normalisation()
}
