import type { NamedTensorMap, Scalar, Tensor2D, Tensor4D } from '@tensorflow/tfjs-core'
import type { Engine } from '../engines/engine.ts'
import { softmaxCrossEntropy } from '../engines/ops.ts'
import type { Optimizer } from '../engines/optimizers.ts'
import { argmaxOfRow } from '../features/logits.ts'
import type { TrainingItems, TrainPlan } from './types.ts'

export interface Batch {
  readonly count: number
  /** Normalised pixels, not yet a tensor of the step's scope. */
  readonly x: () => Tensor4D
  /** Row-major target probabilities [count, K]. */
  readonly targets: Float32Array
}

/** The items at `rows`; noise is drawn in the order of the rows when `x` is made. */
export function takeBatch(
  { feed, network }: TrainPlan,
  items: TrainingItems,
  rows: Int32Array,
  normals: () => number,
): Batch {
  const { noise } = items
  const x = (): Tensor4D =>
    feed.batch(
      rows.map((row) => items.samples[row]),
      noise === undefined ? undefined : { sigma: Float32Array.from(rows, (row) => noise[row]), normals },
    )
  return { count: rows.length, x, targets: targetRows(items.targets, rows, network.classCount) }
}

/**
 * One update on the batch's mean cross-entropy. Returns the loss before the update and how many rows were classified
 * as their most probable target; null, with the weights as they were, when loss or gradient isn't finite.
 */
export async function trainStep(
  { tf }: Engine,
  { network }: TrainPlan,
  optimizer: Optimizer,
  batch: Batch,
  learningRate: number,
): Promise<{ readonly loss: number; readonly correct: number } | null> {
  const { classCount } = network
  const step = tf.tidy((): { loss: Scalar; logits: Tensor2D; squared: Scalar; grads: NamedTensorMap } => {
    const x = batch.x()
    const targets = tf.tensor2d(batch.targets, [batch.count, classCount])
    const held: { logits: Tensor2D | null } = { logits: null }
    try {
      const { value, grads } = tf.variableGrads(() => {
        const { logits } = network.forward(x)
        // The gradient's own scope would dispose them.
        held.logits = tf.keep(logits)
        return tf.mean(softmaxCrossEntropy(logits, targets)) as Scalar
      }, [...network.variables.values()])
      return {
        loss: value,
        logits: held.logits as unknown as Tensor2D,
        squared: optimizer.squaredNorm(grads),
        grads,
      }
    } catch (error) {
      held.logits?.dispose()
      throw error
    }
  })
  try {
    // One wait for all: each is a round trip to a GPU.
    const [loss, logits, squared] = await Promise.all([
      step.loss.data<'float32'>(),
      step.logits.data<'float32'>(),
      step.squared.data<'float32'>(),
    ])
    if (!Number.isFinite(loss[0])) return null
    const gradientNorm = optimizer.step(step.grads, learningRate, Math.sqrt(squared[0]))
    if (!Number.isFinite(gradientNorm)) return null
    let correct = 0
    for (let row = 0; row < batch.count; row++) {
      if (argmaxOfRow(logits, row, classCount) === argmaxOfRow(batch.targets, row, classCount)) correct++
    }
    return { loss: loss[0], correct }
  } finally {
    tf.dispose([step.loss, step.logits, step.squared, step.grads])
  }
}

function targetRows(targets: TrainingItems['targets'], rows: Int32Array, classCount: number): Float32Array {
  const out = new Float32Array(rows.length * classCount)
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]
    if ('labels' in targets) out[i * classCount + targets.labels[row]] = 1
    else out.set(targets.probabilities.subarray(row * classCount, (row + 1) * classCount), i * classCount)
  }
  return out
}
