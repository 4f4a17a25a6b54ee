import type { Tensor, Tensor4D } from '@tensorflow/tfjs-core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createPixelFeed, withLabels } from '#main/compute/worker/data/image-feed.ts'
import { type Engine, loadEngine } from '#main/compute/worker/engines/engine.ts'
import { normaliseByBatch } from '#main/compute/worker/models/batch-norm.ts'
import { epsilon } from '#main/compute/worker/models/batch-norm-constants.ts'
import { initialWeights } from '#main/compute/worker/models/initial-weights.ts'
import { createNetwork } from '#main/compute/worker/models/network.ts'
import { train } from '#main/compute/worker/training/train.ts'
import type {
  CheckpointSlot,
  NamedArrays,
  Network,
  StageContext,
  TrainingCheckpoint,
  TrainPlan,
} from '#main/compute/worker/training/types.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import { problem, range, recipe } from './tiny-problem.ts'

const { data } = problem

describe.each(['cpu', 'wasm'] as const)('batch norm on %s', (id) => {
  let engine: Engine
  let before: number
  beforeEach(async () => {
    engine = await loadEngine(id)
    before = engine.tf.memory().numTensors
  })
  afterEach(() => expect(engine.tf.memory().numTensors).toBe(before))

  it('brings each channel to mean 0 and variance 1, then scales and shifts; the moving variance is unbiased', () => {
    const { tf } = engine
    tf.tidy(() => {
      // Channel 0 holds 1, 3, 5, 7: mean 4, biased variance 5, unbiased 20 / 3. Channel 1 is constant.
      const x = tf.tensor4d([1, 9, 3, 9, 5, 9, 7, 9], [2, 2, 1, 2])
      const { y, statistics } = normaliseByBatch(x, tf.tensor1d([2, 3]), tf.tensor1d([10, -1]), false)
      const root = Math.sqrt(5 + epsilon)
      const expected = [10 - 6 / root, -1, 10 - 2 / root, -1, 10 + 2 / root, -1, 10 + 6 / root, -1]
      for (const [i, value] of y.dataSync().entries()) expect(value).toBeCloseTo(expected[i], 5)
      for (const [i, value] of statistics.mean.dataSync().entries()) expect(value).toBeCloseTo([4, 9][i], 5)
      for (const [i, value] of statistics.variance.dataSync().entries()) expect(value).toBeCloseTo([20 / 3, 0][i], 5)
    })
  })

  it('has the gradient of its definition, through mean and variance too', () => {
    const { tf } = engine
    tf.tidy(() => {
      const x = Float64Array.from({ length: 12 }, (_, i) => Math.sin(3 * i) + 0.3 * i)
      const weight = Float64Array.from({ length: 12 }, (_, i) => Math.cos(5 * i))
      const [gamma, beta] = [
        [1.5, -0.5],
        [0.2, 0.1],
      ]
      // sum(weight * y) in float64, from the definition.
      const objective = (values: Float64Array): number => {
        let sum = 0
        for (const channel of [0, 1]) {
          const own = [...values].filter((_, i) => i % 2 === channel)
          const mean = own.reduce((a, b) => a + b) / own.length
          const variance = own.reduce((a, b) => a + (b - mean) ** 2, 0) / own.length
          for (const [i, value] of own.entries()) {
            const y = (gamma[channel] * (value - mean)) / Math.sqrt(variance + epsilon) + beta[channel]
            sum += weight[2 * i + channel] * y
          }
        }
        return sum
      }
      const shape: [number, number, number, number] = [3, 1, 2, 2]
      const gradient = tf.grad((input: Tensor) =>
        tf.sum(
          tf.mul(
            normaliseByBatch(input as Tensor4D, tf.tensor1d(gamma), tf.tensor1d(beta), false).y,
            tf.tensor4d(Array.from(weight), shape),
          ),
        ),
      )(tf.tensor4d(Array.from(x), shape))
      for (const [i, value] of gradient.dataSync().entries()) {
        const [up, down] = [1e-5, -1e-5].map((step) => objective(x.map((v, j) => (i === j ? v + step : v))))
        expect(value).toBeCloseTo((up - down) / 2e-5, 4)
      }
    })
  })

  it('moves its averages by the rate, and predicts each sample by itself from them', async () => {
    const { tf } = engine
    const network = createNetwork(engine, 'resnet-small', data, initialWeights('resnet-small', data, 1))
    const feed = createPixelFeed(engine, data, problem.pixels)
    const name = 'stem.norm/moving_mean'
    const [batch] = tf.tidy(() => {
      const { batchStatistics } = network.forward(feed.batch(range(0, 16)), { mode: 'train' })
      network.updateStatistics(batchStatistics, 0.1)
      return [[...batchStatistics[name].dataSync()]]
    })
    const { [name]: moving } = await network.save()
    for (const [i, value] of moving.data.entries()) expect(value).toBeCloseTo(0.1 * batch[i], 6)
    const logitsOf = (samples: Int32Array): Float32Array =>
      tf.tidy(() => network.forward(feed.batch(samples)).logits.dataSync<'float32'>().slice())
    const [alone, among] = [logitsOf(range(3, 4)), logitsOf(range(0, 8)).subarray(9, 12)]
    for (const [i, value] of alone.entries()) expect(value).toBeCloseTo(among[i], 4)
    network.dispose()
  })
})

/** ResNet-8 on the tiny problem; nothing of it is left on the engine afterwards. */
async function trainResidual(
  changes: Partial<TrainPlan> = {},
  start?: NamedArrays,
  id: EngineId = 'wasm',
): Promise<NamedArrays> {
  const engine = await loadEngine(id)
  const signal = new AbortController().signal
  const weights = start ?? initialWeights('resnet-small', data, 1)
  const network = createNetwork(engine, 'resnet-small', data, weights)
  const samples = range(0, 80)
  const context: StageContext = { seed: 1, signal, engine, count() {}, async breathe() {} }
  const plan: TrainPlan = {
    ...recipe,
    epochs: 2,
    network,
    feed: withLabels(createPixelFeed(engine, data, problem.pixels), problem.labels),
    items: { samples, targets: { labels: samples.map((sample) => problem.labels[sample]) } },
    seed: 1,
    stream: 'test',
    ...changes,
  }
  try {
    for await (const _ of train(plan, context));
    return await network.save()
  } finally {
    network.dispose()
  }
}

const statisticsOf = (weights: NamedArrays): NamedArrays =>
  Object.fromEntries(Object.entries(weights).filter(([name]) => name.includes('/moving_')))

describe('training a network with batch norm', () => {
  it('moves weights and averages, and leaves no tensor behind', async () => {
    const { tf } = await loadEngine('wasm')
    const before = tf.memory().numTensors
    const trained = await trainResidual()
    expect(tf.memory().numTensors).toBe(before)
    const start = initialWeights('resnet-small', data, 1)
    for (const name of Object.keys(start)) expect(trained[name].data, name).not.toEqual(start[name].data)
    for (const [name, { data: values }] of Object.entries(statisticsOf(trained))) {
      if (name.endsWith('variance')) expect(Math.min(...values), name).toBeGreaterThan(0)
    }
  })

  it('on wasm follows the reference engine, averages included', async () => {
    const samples = range(0, 12)
    const items = { samples, targets: { labels: problem.labels.slice(0, 12) } }
    // Adam would make full steps of round-off.
    const plan = { items, epochs: 3, batchSize: 8, optimizer: 'sgd', lr: 0.01, momentum: 0.9 } as const
    const [wasm, cpu] = [await trainResidual(plan), await trainResidual(plan, undefined, 'cpu')]
    for (const [name, { data: values }] of Object.entries(cpu)) {
      const distance = Math.max(...values.map((value, i) => Math.abs(value - wasm[name].data[i])))
      expect(distance, name).toBeLessThan(1e-4 * Math.max(1, ...values.map(Math.abs)))
    }
  })

  it('goes on from a checkpoint to the same bits, averages included', async () => {
    const saved: TrainingCheckpoint[] = []
    const slot = (from: TrainingCheckpoint | null): CheckpointSlot => ({
      load: async () => from,
      async save(checkpoint) {
        saved.push(checkpoint)
        return { kind: 'progress', value: 0 }
      },
    })
    const whole = await trainResidual({ checkpoints: slot(null) })
    const [first] = saved
    expect(Object.keys(statisticsOf(first.weights))).toHaveLength(18)
    expect(await trainResidual({ checkpoints: slot(first) })).toEqual(whole)
  })

  it('leaves the averages alone where they are frozen, and still trains', async () => {
    const start = await trainResidual({ epochs: 1 })
    const trained = await trainResidual({ normalisation: 'frozen' }, start)
    expect(statisticsOf(trained)).toEqual(statisticsOf(start))
    expect(trained['stem/kernel'].data).not.toEqual(start['stem/kernel'].data)
  })

  it('lets a single sample move the averages by its share of a batch only', async () => {
    const start = await trainResidual({ epochs: 1 })
    const one = { samples: range(0, 1), targets: { labels: problem.labels.slice(0, 1) } }
    const name = 'stem.norm/moving_variance'
    const trained = await trainResidual({ items: one, epochs: 1, batchSize: 64, lr: 1e-12 }, start)
    const [from, to] = [start[name].data, trained[name].data]
    // A 64th of a tenth towards a variance that is never below 0.
    for (const [i, value] of to.entries()) expect(value).toBeGreaterThanOrEqual(from[i] * (1 - 0.1 / 64) - 1e-6)
    expect(to).not.toEqual(from)
  })

  it('calls a batch whose variance overflows diverged, though the loss stays finite', async () => {
    const start = initialWeights('resnet-small', data, 1)
    const kernel = start['stem/kernel']
    const huge = { ...start, 'stem/kernel': { ...kernel, data: kernel.data.map((value) => value * 1e25) } }
    await expect(trainResidual({}, huge)).rejects.toMatchObject({
      code: 'diverged',
      message: expect.stringMatching(/epoch 1 of 2: a batch's values for "stem\.norm\/moving_variance"/),
    })
  })
})

describe('layers by name', () => {
  it('give their outputs, and a name that is none is refused with those there are', async () => {
    const engine = await loadEngine('wasm')
    const { tf } = engine
    const network: Network = createNetwork(engine, 'tiny-cnn', data, initialWeights('tiny-cnn', data, 1))
    const feed = createPixelFeed(engine, data, problem.pixels)
    const before = tf.memory().numTensors
    const outputs = tf.tidy(() => network.forward(feed.batch([0, 1]), { keep: ['conv1', 'dense1'] }))
    const { activations, penultimate } = outputs
    expect(network.layerNames).toEqual(['conv1', 'conv2', 'flatten', 'dense1', 'dense2'])
    expect(activations['conv1'].shape).toEqual([2, 5, 5, 16])
    expect(activations['dense1'].dataSync()).toEqual(penultimate.dataSync())
    expect(() => network.forward(activations['conv1'] as Tensor4D, { keep: ['conv9'] })).toThrow(
      expect.objectContaining({ code: 'bad-input', hint: 'Its layers are conv1, conv2, flatten, dense1, dense2.' }),
    )
    tf.dispose(outputs)
    expect(tf.memory().numTensors).toBe(before)
    network.dispose()
  })
})
