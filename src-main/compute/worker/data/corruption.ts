/**
 * Corrupted copies of some samples, for a twin problem that is not quite about what is to be forgotten: how far off may
 * the twin pool be? Three of the corruptions of Hendrycks and Dietterich 2019, in five severities of our own for small
 * images. On the pixels, before normalisation, so that every engine sees the same bytes.
 */
import { Random } from '#shared/random.ts'
import type { Corruption, DataParams } from '../../stages.ts'
import type { ImageFeed, PixelFeed } from '../training/types.ts'

/** One for all: a sample is corrupted the same way whichever stage reads it. */
const noiseSeed = 1

/** Standard deviation of Gaussian noise at severity 1, in units of [0, 1] images; it grows with the severity. */
const noiseStep = 0.05
/** Standard deviation of a Gaussian blur at severity 1, pixels; it grows with the severity. */
const blurStep = 0.4
/** Contrast that is left, by severity 1 to 5. */
const contrasts = [0.75, 0.6, 0.45, 0.3, 0.15] as const

/** The feed in which these samples, and no others, are corrupted. */
export function corrupted<Feed extends PixelFeed | ImageFeed>(
  feed: Feed,
  samples: Int32Array,
  corruption: Corruption | undefined,
): Feed {
  if (corruption === undefined) return feed
  const replaced = new Map<number, Uint8Array>()
  for (const sample of samples) replaced.set(sample, corruptedImage(feed.pixels(sample), feed.data, corruption, sample))
  return { ...feed, ...feed.replacing(replaced) }
}

/** One image [height, width, channels], uint8; `sample` fixes the noise. */
export function corruptedImage(
  pixels: Uint8Array,
  { height, width, channels }: Pick<DataParams, 'height' | 'width' | 'channels'>,
  { kind, severity }: Corruption,
  sample: number,
): Uint8Array {
  switch (kind) {
    case 'noise': {
      const random = Random.of(noiseSeed, 'corruption', sample)
      return Uint8Array.from(pixels, (value) => byte(value + 255 * noiseStep * severity * random.normal()))
    }
    case 'blur':
      return blurred(pixels, height, width, channels, blurStep * severity)
    case 'contrast': {
      const left = contrasts[severity - 1] ?? contrasts[contrasts.length - 1]
      const means = Array.from({ length: channels }, (_, channel) => channelMean(pixels, channel, channels))
      return Uint8Array.from(pixels, (value, i) => byte(means[i % channels] + left * (value - means[i % channels])))
    }
  }
}

function channelMean(pixels: Uint8Array, channel: number, channels: number): number {
  let sum = 0
  for (let i = channel; i < pixels.length; i += channels) sum += pixels[i]
  return (sum * channels) / pixels.length
}

/** Separable Gaussian; the edge repeats. */
function blurred(pixels: Uint8Array, height: number, width: number, channels: number, sigma: number): Uint8Array {
  const reach = Math.max(1, Math.ceil(3 * sigma))
  const weights = Float64Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.exp(-((i - reach) ** 2) / (2 * sigma ** 2)),
  )
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const along = (values: ArrayLike<number>, count: number, stride: number, start: number, out: Float64Array): void => {
    for (let i = 0; i < count; i++) {
      let sum = 0
      for (let k = -reach; k <= reach; k++) {
        const at = Math.min(count - 1, Math.max(0, i + k))
        sum += weights[k + reach] * values[start + at * stride]
      }
      out[start + i * stride] = sum / total
    }
  }
  const rows = new Float64Array(pixels.length)
  for (let y = 0; y < height; y++) {
    for (let c = 0; c < channels; c++) along(pixels, width, channels, y * width * channels + c, rows)
  }
  const out = new Float64Array(pixels.length)
  for (let x = 0; x < width; x++) {
    for (let c = 0; c < channels; c++) along(rows, height, width * channels, x * channels + c, out)
  }
  return Uint8Array.from(out, byte)
}

function byte(value: number): number {
  return Math.min(255, Math.max(0, Math.round(value)))
}
