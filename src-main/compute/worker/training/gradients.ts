import type { NamedTensorMap, Scalar } from '@tensorflow/tfjs-core'
import { meanSoftmaxCrossEntropy } from '../engines/ops.ts'
import { takeBatch } from './train-step.ts'
import type { BatchGradient, ImageFeed, LabelledSamples, Network, StageContext } from './types.ts'

/** Gradients of the mean cross-entropy of batch after batch, in the items' order; the last one may be smaller. */
export async function* batchGradients(
  context: Pick<StageContext, 'engine' | 'count' | 'breathe'>,
  network: Network,
  feed: ImageFeed,
  { samples, labels }: LabelledSamples,
  batchSize: number,
): AsyncGenerator<BatchGradient, void> {
  const { tf } = context.engine
  const positions = Int32Array.from(samples, (_, i) => i)
  for (let start = 0; start < samples.length; start += batchSize) {
    await context.breathe()
    const rows = positions.subarray(start, start + batchSize)
    const batch = takeBatch({ feed, network }, { samples, targets: { labels } }, rows, () => 0)
    const grads = tf.tidy((): NamedTensorMap => {
      const x = batch.x()
      const targets = tf.tensor2d(batch.targets, [rows.length, network.classCount])
      const loss = (): Scalar => meanSoftmaxCrossEntropy(network.forward(x).logits, targets)
      return tf.variableGrads(loss, [...network.variables.values()]).grads
    })
    try {
      const gradients = new Map<string, Float32Array>()
      for (const [name, variable] of network.variables) {
        // A copy: the cpu engine hands out the live array.
        gradients.set(name, (await grads[variable.name].data<'float32'>()).slice())
      }
      context.count({ forward: rows.length, backward: rows.length })
      yield { rows: rows.length, done: start + rows.length, gradients }
    } finally {
      tf.dispose(grads)
    }
  }
}
