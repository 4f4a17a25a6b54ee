/**
 * AF: how easily a sample is pushed away from its label (SCIENCE section 1, step 4): PGD in the L-infinity ball
 * (Madry et al. 2018), then the cross-entropy of the attacked prediction against the clean one.
 */
import type { Scalar, Tensor4D } from '@tensorflow/tfjs-core'
import type { Normalisation } from '#shared/domain/dataset.ts'
import type { Engine } from '../engines/engine.ts'
import { softmaxCrossEntropy } from '../engines/ops.ts'
import type { Attack, ImageFeed, Network, StageContext } from '../training/types.ts'
import { softCrossEntropy, softmax } from './logits.ts'

const stepsToBorder = 3
const batchSize = 64

/** Logits [n, K] under the attack; yields how many samples are done. */
export async function* attackedLogits(
  context: Pick<StageContext, 'engine' | 'count' | 'breathe'>,
  network: Network,
  feed: ImageFeed,
  samples: Int32Array,
  attack: Attack,
): AsyncGenerator<number, Float32Array> {
  const { tf } = context.engine
  const out = new Float32Array(samples.length * network.classCount)
  for (let start = 0; start < samples.length; start += batchSize) {
    const rows = samples.subarray(start, start + batchSize)
    const labels = rows.map((sample) => feed.labels[sample])
    const clean = feed.batch(rows)
    let attacked = tf.clone(clean)
    try {
      for (let step = 0; step < attack.steps; step++) {
        await context.breathe()
        const next = pgdStep(context.engine, network, attacked, clean, labels, attack, feed.data.normalisation)
        attacked.dispose()
        attacked = next
        context.count({ forward: rows.length, backward: rows.length })
      }
      const { normalisation } = feed.data
      const logits = tf.tidy(
        () =>
          network.forward(attack.discrete === true ? toStoredPixels(context.engine, attacked, normalisation) : attacked)
            .logits,
      )
      try {
        out.set(await logits.data<'float32'>(), start * network.classCount)
      } finally {
        logits.dispose()
      }
      context.count({ forward: rows.length })
    } finally {
      tf.dispose([clean, attacked])
    }
    yield start + rows.length
  }
  return out
}

/** One ascent on the cross-entropy of `x` against the labels, projected to the ball around `clean` and to valid pixels. */
export function pgdStep(
  { tf }: Pick<Engine, 'tf'>,
  network: Network,
  x: Tensor4D,
  clean: Tensor4D,
  labels: Int32Array,
  { epsilon, stepSize: distance = epsilon / stepsToBorder }: Attack,
  { mean, std }: Normalisation,
): Tensor4D {
  return tf.tidy(() => {
    const scale = scaleOf(std)
    const perChannel = (value: (channel: number) => number) => tf.tensor1d(scale.map((_, channel) => value(channel)))
    const targets = tf.tensor2d(oneHot(labels, network.classCount), [labels.length, network.classCount])
    // Summed, not averaged: a sample's step doesn't depend on how many share its batch.
    const gradient = tf.grad(
      (input) => tf.sum(softmaxCrossEntropy(network.forward(input as Tensor4D).logits, targets)) as Scalar,
    )(x)
    const radius = perChannel((channel) => epsilon / scale[channel])
    const stepSize = perChannel((channel) => distance / scale[channel])
    const black = perChannel((channel) => (0 - mean[channel]) / scale[channel])
    const white = perChannel((channel) => (1 - mean[channel]) / scale[channel])
    const lowest = tf.maximum(tf.sub(clean, radius), black)
    const highest = tf.minimum(tf.add(clean, radius), white)
    const moved = tf.add(x, tf.mul(tf.sign(gradient), stepSize))
    return tf.minimum(tf.maximum(moved, lowest), highest) as Tensor4D
  })
}

/** Normalised images as they come back after being stored with 256 values a pixel. */
function toStoredPixels({ tf }: Pick<Engine, 'tf'>, x: Tensor4D, { mean, std }: Normalisation): Tensor4D {
  return tf.tidy(() => {
    const scale = tf.tensor1d(scaleOf(std))
    const centre = tf.tensor1d([...mean])
    const pixels = tf.round(tf.mul(tf.add(tf.mul(x, scale), centre), 255))
    return tf.div(tf.sub(tf.div(pixels, 255), centre), scale) as Tensor4D
  })
}

/** As the feed normalises: a channel of one colour is only shifted. */
function scaleOf(std: readonly number[]): number[] {
  return std.map((value) => (value > 0 ? value : 1))
}

/**
 * AF [n] from clean and attacked logits [n, K]. The public code gives raw logits where probabilities belong (target
 * `logits`): a constant added to a model's logits, which changes no prediction, then changes the feature.
 */
export function adversarialSensitivity(
  clean: Float32Array,
  attacked: Float32Array,
  target: 'softmax' | 'logits',
  classCount: number,
): Float64Array {
  return softCrossEntropy(attacked, target === 'softmax' ? softmax(clean, classCount) : clean, classCount)
}

function oneHot(labels: Int32Array, classCount: number): Float32Array {
  const out = new Float32Array(labels.length * classCount)
  labels.forEach((label, i) => {
    out[i * classCount + label] = 1
  })
  return out
}
