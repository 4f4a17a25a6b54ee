/** One engine's and optimizer's part of soak.ts. Prints a report. Arguments: engine, optimizer, steps. */
import * as tf from '@tensorflow/tfjs-core'
import { loadEngine } from '#main/compute/worker/engines/engine.ts'
import {
  batchNorm,
  conv2d,
  convMaxPool,
  dense,
  dropout,
  globalAveragePool,
  softmaxCrossEntropy,
} from '#main/compute/worker/engines/ops.ts'
import { createOptimizer, type OptimizerState } from '#main/compute/worker/engines/optimizers.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import { Random } from '#shared/random.ts'

export interface SoakReport {
  /** After half of the steps and at the end. */
  readonly tensors: readonly number[]
  readonly heapMebibytes: readonly number[]
  readonly residentMebibytes: readonly number[]
  readonly sameBits: boolean
  readonly holds: boolean
}

/** The process may grow by this much from the middle to the end: the allocator of native takes some thousand steps to settle (0 to 4 MiB were seen). */
const allowedGrowthMebibytes = 16
const batchSize = 16
const [id, kind, count] = process.argv.slice(2) as [EngineId, 'adam' | 'sgd', string]
const steps = Number(count)
const engine = await loadEngine(id)

/** Every kernel of ours in a small network. */
const shapes: Readonly<Record<string, number[]>> = {
  filter0: [3, 3, 3, 8],
  bias0: [8],
  filter1: [3, 3, 8, 12],
  gamma: [12],
  beta: [12],
  filter2: [3, 3, 12, 12],
  bias2: [12],
  kernel: [12, 10],
  bias3: [10],
}

interface Training {
  step(t: number): void
  weights(): Float32Array[]
  state(): Promise<{ readonly weights: Float32Array[]; readonly optimizer: OptimizerState }>
  dispose(): void
}

function start(from?: { readonly weights: readonly Float32Array[]; readonly optimizer: OptimizerState }): Training {
  const variables = new Map(
    Object.entries(shapes).map(([name, shape], i) => {
      const random = Random.of(i, 'soak')
      const initial =
        from?.weights[i] ??
        Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () =>
          name === 'gamma' ? 1 : 0.2 * random.normal(),
        )
      return [name, tf.tidy(() => tf.variable(tf.tensor(initial.slice(), shape)))]
    }),
  )
  const optimizer = createOptimizer(kind, variables, { momentum: 0.9 })
  if (from !== undefined) optimizer.restore(from.optimizer)
  const get = <R extends tf.Rank>(name: string): tf.Tensor<R> => variables.get(name) as unknown as tf.Tensor<R>
  const forward = (images: tf.Tensor4D, step: number): tf.Tensor2D => {
    const first = convMaxPool(
      images,
      get('filter0'),
      get('bias0'),
      { strides: 1, pad: 'same' },
      { size: 2, strides: 2, pad: 'valid' },
    )
    const sums = conv2d(first, get('filter1'), tf.zeros([12]), { strides: 1, pad: 'same', relu: false })
    const { y } = batchNorm(sums, get('gamma'), get('beta'), { epsilon: 1e-3, relu: true })
    const last = conv2d(y, get('filter2'), get('bias2'), { strides: 2, pad: 'same', relu: true })
    const features = dropout(globalAveragePool(last), { rate: 0.1, seed: 1, step, layer: 'last' })
    return dense(features, get('kernel'), get('bias3'), { relu: false })
  }
  const weights = (): Float32Array[] => [...variables.values()].map((each) => each.dataSync<'float32'>().slice())
  return {
    step(t) {
      tf.tidy(() => {
        const random = Random.of(t, 'soak batch')
        const pixels = Float32Array.from({ length: batchSize * 12 * 12 * 3 }, () => random.uniform() - 0.5)
        const images = tf.tensor4d(pixels, [batchSize, 12, 12, 3])
        const labels = Int32Array.from({ length: batchSize }, () => random.below(10))
        const targets = tf.cast(tf.oneHot(tf.tensor1d(labels, 'int32'), 10), 'float32') as tf.Tensor2D
        const { grads } = tf.variableGrads(
          () => tf.mean(softmaxCrossEntropy(forward(images, t), targets)) as tf.Scalar,
          [...variables.values()],
        )
        optimizer.step(grads, 1e-3)
      })
    },
    weights,
    state: async () => ({ weights: weights(), optimizer: await optimizer.state() }),
    dispose() {
      optimizer.dispose()
      tf.dispose([...variables.values()])
    },
  }
}

const mebibytes = (bytes: number): number => Math.round(bytes / 2 ** 20)
const tensors: number[] = []
const heapMebibytes: number[] = []
const residentMebibytes: number[] = []
const marks = [Math.ceil(steps / 2), steps]
const middle = Math.floor(steps / 2)
const training = start()
let saved: Awaited<ReturnType<Training['state']>> | null = null
for (let t = 1; t <= steps; t++) {
  training.step(t)
  if (t === middle) saved = await training.state()
  if (!marks.includes(t)) continue
  // What JavaScript only hasn't collected yet is no leak.
  globalThis.gc?.()
  tensors.push(engine.memory().tensors)
  heapMebibytes.push(mebibytes(engine.memory().heapBytes ?? engine.memory().bytes))
  residentMebibytes.push(mebibytes(process.memoryUsage.rss()))
}
const expected = training.weights()
training.dispose()
let sameBits = false
if (saved !== null) {
  const resumed = start(saved)
  for (let t = middle + 1; t <= steps; t++) resumed.step(t)
  const found = resumed.weights()
  sameBits = found.every((values, i) => values.every((value, j) => Object.is(value, expected[i][j])))
  resumed.dispose()
}
const level = (values: readonly number[], growth: number): boolean => values[1] - values[0] <= growth
const holds =
  level(tensors, 0) && level(heapMebibytes, 0) && level(residentMebibytes, allowedGrowthMebibytes) && sameBits
process.stdout.write(
  JSON.stringify({ tensors, heapMebibytes, residentMebibytes, sameBits, holds } satisfies SoakReport),
)
