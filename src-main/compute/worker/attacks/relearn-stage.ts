/** Stage `relearn`: trains a model on F again and notes after each mini-batch what it gets right. */
import { Random } from '#shared/random.ts'
import { argmaxOfRow } from '../features/logits.ts'
import { inputOf, type StageRunner } from '../stage-runner.ts'
import { Pacer } from '../training/pacer.ts'
import { predict } from '../training/predict.ts'
import { train } from '../training/train.ts'

/**
 * The same seed deals every model the same batches, so that two equal models relearn in the same number of steps. A run
 * of seconds: it keeps no checkpoint and begins anew when it was interrupted.
 */
export const relearnStage: StageRunner<'relearn'> = async function* (spec, context) {
  const { data, architecture, optimizer, lr, steps } = spec.params
  const feed = await context.feed(data, inputOf(spec, 'images'), inputOf(spec, 'labels'))
  const forget = await context.readIds(inputOf(spec, 'forget'))
  const n = forget.length
  const batchSize = Math.min(spec.params.batchSize, n)
  const network = await context.createNetwork(architecture, data)
  try {
    network.load(await context.readWeights(inputOf(spec, 'model')))
    const stage = await context.stage()
    const correct = new Uint8Array((steps + 1) * n)
    const look = async (step: number): Promise<void> => {
      const { logits } = await predict(stage, network, feed, forget)
      for (let i = 0; i < n; i++) {
        correct[step * n + i] = argmaxOfRow(logits, i, data.classCount) === feed.labels[forget[i]] ? 1 : 0
      }
    }
    await look(0)
    const batches = dealtBatches(forget, batchSize, steps, spec.seed)
    const pacer = new Pacer()
    // An epoch of one mini-batch: what is known is looked at after each of them.
    const training = train(
      {
        network,
        feed,
        items: (step) => {
          const samples = batches[step]
          return { samples, targets: { labels: samples.map((sample) => feed.labels[sample]) } }
        },
        epochs: steps,
        batchSize,
        optimizer,
        lr,
        schedule: 'constant',
        seed: spec.seed,
        stream: 'relearn',
        afterEpoch: (step) => look(step),
      },
      stage,
    )
    for await (const event of training) {
      if (event.kind === 'progress' && pacer.due()) yield event
    }
    const relearning = await context.writeArrays({
      ids: { shape: [n], data: forget },
      correct: { shape: [steps + 1, n], data: correct },
    })
    return { relearning }
  } finally {
    network.dispose()
  }
}

/** F in seeded orders, one after the other; a batch never spans two of them, so no sample is in it twice. */
function dealtBatches(forget: Int32Array, batchSize: number, steps: number, seed: number): readonly Int32Array[] {
  const batches: Int32Array[] = []
  for (let round = 0; batches.length < steps; round++) {
    const order = Random.of(seed, 'relearn', round).shuffle(forget.slice())
    for (let start = 0; start < order.length && batches.length < steps; start += batchSize) {
      batches.push(order.slice(start, start + batchSize))
    }
  }
  return batches
}
