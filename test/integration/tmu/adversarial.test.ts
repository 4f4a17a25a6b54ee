import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs-core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DataParams } from '#main/compute/stages.ts'
import { createPixelFeed, withLabels } from '#main/compute/worker/data/image-feed.ts'
import { type Engine, loadEngine } from '#main/compute/worker/engines/engine.ts'
import { adversarialSensitivity, attackedLogits, pgdStep } from '#main/compute/worker/features/adversarial.ts'
import { softmax } from '#main/compute/worker/features/logits.ts'
import { initialWeights } from '#main/compute/worker/models/initial-weights.ts'
import { createNetwork } from '#main/compute/worker/models/network.ts'
import { predict } from '#main/compute/worker/training/predict.ts'
import type { Network, StageContext } from '#main/compute/worker/training/types.ts'
import { problem, range } from '../training/tiny-problem.ts'

const normalisation = { mean: [0.4], std: [0.25] }
const epsilon = 4 / 255
/** One grey row of as many pixels as there are classes. */
const row: DataParams = { height: 1, width: 3, channels: 1, classCount: 3, normalisation }

/** z = 3 x: the logit of each class is its pixel, so the loss can only rise by dimming the label and brightening the rest. */
function identityNetwork({ tf }: Engine): Network {
  const refuse = (): never => {
    throw new Error('the identity has no weights')
  }
  return {
    architecture: 'identity',
    classCount: 3,
    variables: new Map(),
    statistics: new Map(),
    layerNames: ['logits'],
    penultimateLayer: 'logits',
    learningLayers: [],
    forward(x) {
      const flat = tf.reshape(x, [-1, 3]) as Tensor2D
      return { logits: tf.mul(flat, 3) as Tensor2D, penultimate: flat, activations: {}, batchStatistics: {} }
    },
    updateStatistics: refuse,
    save: refuse,
    load: refuse,
    dispose() {},
  }
}

function contextOn(engine: Engine) {
  const counted = { forward: 0, backward: 0 }
  const context: Pick<StageContext, 'engine' | 'count' | 'breathe'> = {
    engine,
    async breathe() {},
    count({ forward = 0, backward = 0 }) {
      counted.forward += forward
      counted.backward += backward
    },
  }
  return { context, counted }
}

async function finished<T>(events: AsyncGenerator<unknown, T>): Promise<T> {
  for (;;) {
    const step = await events.next()
    if (step.done) return step.value
  }
}

describe.each(['cpu', 'wasm'] as const)('AF, the adversarial sensitivity, on %s', (id) => {
  let engine: Engine
  let before: number
  beforeEach(async () => {
    engine = await loadEngine(id)
    before = engine.memory().tensors
  })
  afterEach(() => {
    expect(engine.memory().tensors).toBe(before)
  })

  it('finds the adversary of z = k x in three steps: a radius darker on the label, a radius brighter elsewhere', async () => {
    const { tf } = engine
    const pixels = Uint8Array.of(128, 100, 140, 90, 200, 60)
    const feed = withLabels(createPixelFeed(engine, row, pixels), Int32Array.of(0, 1))
    const clean = feed.batch([0, 1])
    const network = identityNetwork(engine)
    const positions: Float32Array[] = []
    let x: Tensor4D = tf.clone(clean)
    for (let step = 0; step < 5; step++) {
      const next = pgdStep(engine, network, x, clean, feed.labels, { epsilon, steps: 5 }, normalisation)
      x.dispose()
      x = next
      positions.push((await x.data<'float32'>()).slice())
    }
    tf.dispose([x, clean])
    const at = (radii: number) =>
      [-1, 1, 1, 1, -1, 1].map((sign, i) => (pixels[i] / 255 - 0.4 + sign * radii * epsilon) / 0.25)
    const close = (found: Float32Array, expected: number[]) =>
      expected.forEach((value, i) => expect(found[i]).toBeCloseTo(value, 5))
    close(positions[0], at(1 / 3))
    close(positions[2], at(1))
    close(positions[4], at(1))
  })

  it('stays within valid pixels', async () => {
    const { tf } = engine
    const feed = withLabels(createPixelFeed(engine, row, Uint8Array.of(0, 255, 254)), Int32Array.of(0))
    const clean = feed.batch([0])
    const x = pgdStep(
      engine,
      identityNetwork(engine),
      clean,
      clean,
      feed.labels,
      { epsilon: 0.3, steps: 1 },
      normalisation,
    )
    const found = await x.data<'float32'>()
    tf.dispose([x, clean])
    ;[0, 1, 1].forEach((value, i) => expect(found[i]).toBeCloseTo((value - 0.4) / 0.25, 5))
  })

  it('is the entropy of the prediction for a radius of 0', async () => {
    const { context } = contextOn(engine)
    const network = createNetwork(engine, 'tiny-cnn', problem.data, initialWeights('tiny-cnn', problem.data, 3))
    const feed = withLabels(createPixelFeed(engine, problem.data, problem.pixels), problem.labels)
    const samples = range(0, 7)
    const clean = (await predict(context, network, feed, samples)).logits
    const attacked = await finished(attackedLogits(context, network, feed, samples, { epsilon: 0, steps: 5 }))
    network.dispose()
    const af = adversarialSensitivity(clean, attacked, 'softmax', 3)
    const p = softmax(clean, 3)
    af.forEach((value, i) => {
      const entropy = -[0, 1, 2].reduce((sum, k) => sum + p[3 * i + k] * Math.log(p[3 * i + k]), 0)
      expect(value).toBeCloseTo(entropy, 6)
    })
  })

  it('raises the loss within the ball, whatever the batches, and counts every pass', async () => {
    const { context, counted } = contextOn(engine)
    const network = createNetwork(engine, 'tiny-cnn', problem.data, initialWeights('tiny-cnn', problem.data, 3))
    const feed = withLabels(createPixelFeed(engine, problem.data, problem.pixels), problem.labels)
    // Two batches; the last sample must come out as it does alone.
    const samples = range(0, 65)
    const clean = (await predict(context, network, feed, samples)).logits
    Object.assign(counted, { forward: 0, backward: 0 })
    const attack = { epsilon: 8 / 255, steps: 3 }
    const attacked = await finished(attackedLogits(context, network, feed, samples, attack))
    expect(counted).toEqual({ forward: 65 * 4, backward: 65 * 3 })
    const alone = await finished(attackedLogits(context, network, feed, samples.slice(64), attack))
    network.dispose()
    alone.forEach((logit, k) => expect(attacked[64 * 3 + k]).toBeCloseTo(logit, 4))
    const [before, after] = [clean, attacked].map((logits) => softmax(logits, 3))
    for (let i = 0; i < samples.length; i++) {
      const label = 3 * i + problem.labels[i]
      expect(after[label]).toBeLessThan(before[label])
    }
  })
})
