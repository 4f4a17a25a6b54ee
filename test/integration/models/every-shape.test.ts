import { describe, expect, it } from 'vitest'
import { createPixelFeed, withLabels } from '#main/compute/worker/data/image-feed.ts'
import { loadEngine } from '#main/compute/worker/engines/engine.ts'
import { architectures } from '#main/compute/worker/models/architectures.ts'
import { initialWeights } from '#main/compute/worker/models/initial-weights.ts'
import { createNetwork } from '#main/compute/worker/models/network.ts'
import { parameterCount } from '#main/compute/worker/models/shapes.ts'
import { train } from '#main/compute/worker/training/train.ts'

const colour32 = { height: 32, width: 32, channels: 3, classCount: 10 }
const isSmall = ({ id }: { readonly id: string }): boolean => parameterCount(id, colour32) < 400_000

describe.each(architectures.filter(isSmall))('$id', ({ id, penultimate }) => {
  it.each([
    [1, 2],
    [3, 100],
  ])('learns from one image and from many, of %i channels and %i classes', async (channels, classCount) => {
    const engine = await loadEngine('wasm')
    const { tf } = engine
    const before = tf.memory().numTensors
    const normalisation = { mean: new Array<number>(channels).fill(0.5), std: new Array<number>(channels).fill(0.25) }
    const data = { height: 9, width: 8, channels, classCount, normalisation }
    const pixels = Uint8Array.from({ length: 20 * 9 * 8 * channels }, (_, i) => (i * 73 + (i >> 4)) % 256)
    const labels = Int32Array.from({ length: 20 }, (_, i) => (i * 7) % classCount)
    const feed = withLabels(createPixelFeed(engine, data, pixels), labels)
    for (const count of [1, 17]) {
      const network = createNetwork(engine, id, data, initialWeights(id, data, 1))
      const samples = Int32Array.from({ length: count }, (_, i) => i)
      const start = await network.save()
      const plan = {
        network,
        feed,
        items: { samples, targets: { labels: labels.slice(0, count) } },
        epochs: 2,
        batchSize: 16,
        optimizer: 'adam',
        lr: 1e-3,
        schedule: 'cosine',
        seed: 1,
        stream: 'test',
      } as const
      const signal = new AbortController().signal
      for await (const _ of train(plan, { seed: 1, signal, engine, count() {}, async breathe() {} }));
      const trained = await network.save()
      for (const [name, { data: values }] of Object.entries(trained)) {
        expect(values.every(Number.isFinite), `${name} after ${count}`).toBe(true)
      }
      expect(trained[`${network.learningLayers.at(-1)?.name}/bias`]).not.toEqual(
        start[`${network.learningLayers.at(-1)?.name}/bias`],
      )
      const outputs = tf.tidy(() => network.forward(feed.batch(samples), { keep: [penultimate] }))
      expect(outputs.logits.shape).toEqual([count, classCount])
      expect(outputs.activations[penultimate].shape).toEqual(outputs.penultimate.shape)
      tf.dispose(outputs)
      network.dispose()
    }
    expect(tf.memory().numTensors).toBe(before)
  })
})

describe.each(architectures.filter((architecture) => !isSmall(architecture)))('$id', ({ id }) => {
  it('gives an image its logits', async () => {
    const engine = await loadEngine('wasm')
    const { tf } = engine
    const before = tf.memory().numTensors
    const data = { ...colour32, normalisation: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } }
    const network = createNetwork(engine, id, data, initialWeights(id, data, 1))
    const feed = createPixelFeed(
      engine,
      data,
      Uint8Array.from({ length: 3072 }, (_, i) => i % 256),
    )
    const logits = tf.tidy(() =>
      network
        .forward(feed.batch([0]))
        .logits.dataSync()
        .slice(),
    )
    expect(new Set(logits).size).toBe(10)
    expect(Math.max(...logits.map(Math.abs))).toBeLessThan(20)
    network.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })
})
