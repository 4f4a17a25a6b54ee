import type { Network, PixelFeed, StageContext } from './types.ts'

/** Rows in the order of the samples asked for, row-major. */
export interface Predictions {
  /** [n, K]. */
  readonly logits: Float32Array
  /** [n, width]: the input of the last dense layer. */
  readonly penultimate: Float32Array
  readonly width: number
}

/** Large enough to keep the engine busy, small enough for a few megabytes of activations. */
const batchSize = 256

/** Logits and penultimate features of samples, batch by batch; yields how many are done. Counted as forward visits. */
export async function* predicting(
  context: Pick<StageContext, 'engine' | 'count' | 'breathe'>,
  network: Network,
  feed: PixelFeed,
  samples: Int32Array,
): AsyncGenerator<number, Predictions> {
  const { tf } = context.engine
  const logits = new Float32Array(samples.length * network.classCount)
  let penultimate = new Float32Array()
  let width = 0
  for (let start = 0; start < samples.length; start += batchSize) {
    await context.breathe()
    const rows = samples.subarray(start, start + batchSize)
    const outputs = tf.tidy(() => network.forward(feed.batch(rows)))
    try {
      if (start === 0) {
        width = outputs.penultimate.shape[1]
        penultimate = new Float32Array(samples.length * width)
      }
      logits.set(await outputs.logits.data<'float32'>(), start * network.classCount)
      penultimate.set(await outputs.penultimate.data<'float32'>(), start * width)
    } finally {
      tf.dispose([outputs.logits, outputs.penultimate])
    }
    context.count({ forward: rows.length })
    yield start + rows.length
  }
  return { logits, penultimate, width }
}

/** `predicting`, to its end. */
export async function predict(...request: Parameters<typeof predicting>): Promise<Predictions> {
  const batches = predicting(...request)
  for (;;) {
    const step = await batches.next()
    if (step.done) return step.value
  }
}
