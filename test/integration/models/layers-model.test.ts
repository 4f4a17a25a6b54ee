import { createRequire } from 'node:module'
import type * as core from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { createPixelFeed } from '#main/compute/worker/data/image-feed.ts'
import { loadEngine } from '#main/compute/worker/engines/engine.ts'
import { initialWeights } from '#main/compute/worker/models/initial-weights.ts'
import { createNetwork } from '#main/compute/worker/models/network.ts'
import type { NamedArrays } from '#main/compute/worker/training/types.ts'
import { layersModel } from '#main/workbench/models/layers-model.ts'
import { Random } from '#shared/random.ts'

/** TensorFlow.js' own reader. It comes with the optional package of the native engine, so it may not be there. */
interface LayersLibrary {
  loadLayersModel(handler: { load: () => Promise<core.io.ModelArtifacts> }): Promise<{
    predict(x: core.Tensor): core.Tensor
    dispose(): void
  }>
}
const library = ((): LayersLibrary | null => {
  const name = ['@tensorflow', 'tfjs-layers'].join('/')
  try {
    return createRequire(import.meta.url)(name) as LayersLibrary
  } catch {
    return null
  }
})()

const data = {
  height: 18,
  width: 17,
  channels: 3,
  classCount: 5,
  normalisation: { mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.25] },
}

/** Weights with moving averages that are no longer at rest. */
function lived(architecture: string): NamedArrays {
  const random = Random.of(5, 'lived')
  return Object.fromEntries(
    Object.entries(initialWeights(architecture, data, 1)).map(([name, { shape, data: values }]) => [
      name,
      { shape, data: name.includes('.norm/') ? values.map((value) => value + 0.5 * random.uniform()) : values },
    ]),
  )
}

describe.skipIf(library === null)('a TensorFlow.js layers model', () => {
  it.each(['tiny-cnn', 'pooled-cnn-thin', 'resnet-small'])(
    'of %s is loaded by loadLayersModel and gives the same logits',
    async (architecture) => {
      const engine = await loadEngine('cpu')
      const { tf } = engine
      const weights = lived(architecture)
      const { json, weights: order } = layersModel(architecture, data, {
        weightsFile: 'weights.bin',
        generatedBy: 'test',
        about: { normalisation: data.normalisation },
      })
      const bytes = Buffer.concat(order.map((name) => new Uint8Array(weights[name].data.buffer)))
      const written = JSON.parse(JSON.stringify(json)) as {
        modelTopology: object
        weightsManifest: [{ weights: core.io.WeightsManifestEntry[] }]
      }
      const loaded = await library?.loadLayersModel({
        load: async () => ({
          modelTopology: written.modelTopology,
          weightSpecs: written.weightsManifest[0].weights,
          weightData: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer,
        }),
      })
      const network = createNetwork(engine, architecture, data, weights)
      const pixels = Uint8Array.from({ length: 4 * 18 * 17 * 3 }, (_, i) => (i * 37 + (i >> 3)) % 256)
      const batch = createPixelFeed(engine, data, pixels).batch([0, 1, 2, 3])
      const ours = tf.tidy(() => network.forward(batch).logits.dataSync().slice())
      const theirs = tf.tidy(() => loaded?.predict(batch).dataSync().slice()) ?? []
      expect(theirs).toHaveLength(20)
      for (const [i, value] of theirs.entries()) expect(value).toBeCloseTo(ours[i], 4)
      expect(new Set(ours).size).toBe(20)
      batch.dispose()
      network.dispose()
      loaded?.dispose()
    },
  )
})
