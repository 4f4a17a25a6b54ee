/** A data set's pixels in memory, and batches of them as normalised tensors. */
import type { Tensor4D } from '@tensorflow/tfjs-core'
import { AppError } from '#shared/errors.ts'
import type { ObjectHash } from '#shared/ids.ts'
import type { DataParams } from '../../stages.ts'
import type { Engine } from '../engines/engine.ts'
import type { StageObjects } from '../stage-objects.ts'
import type { ImageFeed, PixelFeed } from '../training/types.ts'
import { copyView } from './augment.ts'

type Noise = { readonly sigma: Float32Array; readonly normals: () => number }

/**
 * The images object of the worker's last stage: stages of one study read the same one, so a worker
 * reads and verifies it once.
 */
export class ImageCache {
  #held: { readonly key: string; readonly bytes: Promise<Uint8Array> } | null = null

  read(objects: StageObjects, images: ObjectHash): Promise<Uint8Array> {
    const key = `${objects.root}\u0000${images}`
    if (this.#held?.key === key) return this.#held.bytes
    const bytes = objects.read(images)
    this.#held = { key, bytes }
    bytes.catch(() => {
      if (this.#held?.key === key) this.#held = null
    })
    return bytes
  }
}

/**
 * Batches of `bytes`, a uint8 NHWC blob of whole images.
 * @throws AppError `corrupt` when the blob isn't made of whole images of this shape.
 */
export function createPixelFeed(
  engine: Engine,
  data: DataParams,
  bytes: Uint8Array,
  replaced: ReadonlyMap<number, Uint8Array> = new Map(),
): PixelFeed {
  const { height, width, channels } = data
  const pixelCount = height * width * channels
  if (bytes.byteLength === 0 || bytes.byteLength % pixelCount !== 0) {
    throw new AppError(
      'corrupt',
      `The images object has ${bytes.byteLength} bytes, which are no whole images of ${height}x${width}x${channels}.`,
      { hint: 'Import the data set again.' },
    )
  }
  const sampleCount = bytes.byteLength / pixelCount
  const tables = normalisationTables(data)
  const view = new Uint8Array(pixelCount)
  return {
    data,
    sampleCount,
    batch(samples, noise, views) {
      const values = new Float32Array(samples.length * pixelCount)
      for (let row = 0; row < samples.length; row++) {
        const sample = samples[row]
        if (!(sample >= 0 && sample < sampleCount)) {
          throw new AppError('internal', `There is no sample ${sample} among the ${sampleCount} of the data set.`)
        }
        const other = replaced.get(sample)
        const [source, from] = other === undefined ? [bytes, sample * pixelCount] : [other, 0]
        if (views === undefined) gather(values, row * pixelCount, source, from, pixelCount, tables)
        else {
          const { flips, down, right } = views
          copyView(view, source, from, data, {
            flip: flips[row] === 1,
            down: down[row],
            right: right[row],
          })
          gather(values, row * pixelCount, view, 0, pixelCount, tables)
        }
        if (noise !== undefined) addNoise(values, row * pixelCount, pixelCount, noise, row)
      }
      return engine.tf.tensor4d(values, [samples.length, height, width, channels]) as Tensor4D
    },
    pixels: (sample) => replaced.get(sample) ?? bytes.subarray(sample * pixelCount, (sample + 1) * pixelCount),
    replacing: (others) => createPixelFeed(engine, data, bytes, new Map([...replaced, ...others])),
  }
}

/** The feed with the labels of all its samples. */
export function withLabels(pixels: PixelFeed, labels: Int32Array): ImageFeed {
  if (labels.length !== pixels.sampleCount) {
    throw new AppError('corrupt', `The data set has ${pixels.sampleCount} images but ${labels.length} labels.`, {
      hint: 'Import the data set again.',
    })
  }
  return { ...pixels, labels }
}

/**
 * (p / 255 - mean) / std for each of the 256 pixel values, a table a channel. A look-up here and not arithmetic on the
 * engine: it has the same bits everywhere, and no engine of tfjs takes bytes, so that nothing less would be handed over.
 */
function normalisationTables({ channels, normalisation }: DataParams): readonly Float32Array[] {
  const { mean, std } = normalisation
  if (mean.length !== channels || std.length !== channels) {
    throw new AppError('internal', `The normalisation has ${mean.length} means for ${channels} channels.`)
  }
  return Array.from({ length: channels }, (_, channel) => {
    // An image set of one colour has no spread: its values stay where the mean puts them.
    const scale = std[channel] > 0 ? std[channel] : 1
    return Float32Array.from({ length: 256 }, (_, pixel) => (pixel / 255 - mean[channel]) / scale)
  })
}

function gather(
  target: Float32Array,
  to: number,
  bytes: Uint8Array,
  from: number,
  count: number,
  tables: readonly Float32Array[],
): void {
  const channels = tables.length
  for (let channel = 0; channel < channels; channel++) {
    const table = tables[channel]
    for (let i = channel; i < count; i += channels) target[to + i] = table[bytes[from + i]]
  }
}

function addNoise(target: Float32Array, start: number, count: number, { sigma, normals }: Noise, row: number): void {
  const deviation = sigma[row]
  if (deviation === 0) return
  for (let i = start; i < start + count; i++) target[i] += deviation * normals()
}
