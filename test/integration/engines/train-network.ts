/**
 * Trains the demo's network on seeded noise and prints `{losses, hash, tensors, heapBytes}`; `tensors` and `heapBytes`
 * after a tenth of the steps and at the end. Arguments: engine, optimizer, steps, batch size.
 */
import { createHash } from 'node:crypto'
import * as tf from '@tensorflow/tfjs-core'
import { loadEngine } from '#main/compute/worker/engines/engine.ts'
import { conv2d, dense, softmaxCrossEntropy } from '#main/compute/worker/engines/ops.ts'
import { createOptimizer } from '#main/compute/worker/engines/optimizers.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import { Random } from '#shared/random.ts'

const [engineId, optimizerKind] = process.argv.slice(2) as [EngineId, 'adam' | 'sgd']
const [steps, batchSize] = process.argv.slice(4).map(Number)

const engine = await loadEngine(engineId)
const random = Random.of(11, 'train-network')
const normals = (length: number, scale: number): Float32Array =>
  Float32Array.from({ length }, () => scale * random.normal())

function variable<R extends tf.Rank>(shape: number[], inputs: number): tf.Variable<R> {
  const scale = inputs === 0 ? 0 : Math.sqrt(2 / inputs)
  const value = tf.tensor(normals(tf.util.sizeFromShape(shape), scale), shape)
  const created = tf.variable(value)
  value.dispose()
  return created as unknown as tf.Variable<R>
}
const weights = {
  conv1: variable<tf.Rank.R4>([3, 3, 1, 16], 9),
  bias1: variable<tf.Rank.R1>([16], 0),
  conv2: variable<tf.Rank.R4>([3, 3, 16, 32], 144),
  bias2: variable<tf.Rank.R1>([32], 0),
  dense3: variable<tf.Rank.R2>([1568, 64], 1568),
  bias3: variable<tf.Rank.R1>([64], 0),
  dense4: variable<tf.Rank.R2>([64, 10], 64),
  bias4: variable<tf.Rank.R1>([10], 0),
}
const variables = new Map<string, tf.Variable>(Object.entries(weights))
const optimizer = createOptimizer(optimizerKind, variables, { momentum: 0.9 })

function forward(x: tf.Tensor4D): tf.Tensor2D {
  const first = conv2d(x, weights.conv1, weights.bias1, { strides: 2, pad: 'same', relu: true })
  const second = conv2d(first, weights.conv2, weights.bias2, { strides: 2, pad: 'same', relu: true })
  const flat = tf.reshape(second, [batchSize, 1568]) as tf.Tensor2D
  return dense(dense(flat, weights.dense3, weights.bias3, { relu: true }), weights.dense4, weights.bias4, {
    relu: false,
  })
}

const losses: number[] = []
const memory: { tensors: number; heapBytes: number | undefined }[] = []
for (let step = 0; step < steps; step++) {
  const x = tf.tensor4d(normals(batchSize * 784, 1), [batchSize, 28, 28, 1])
  const labels = Int32Array.from({ length: batchSize }, () => random.below(10))
  const oneHot = new Float32Array(batchSize * 10)
  labels.forEach((label, row) => {
    oneHot[10 * row + label] = 1
  })
  const targets = tf.tensor2d(oneHot, [batchSize, 10])
  const { value, grads } = tf.variableGrads(
    () => tf.mean(softmaxCrossEntropy(forward(x), targets)) as tf.Scalar,
    [...variables.values()],
  )
  optimizer.step(grads, optimizerKind === 'adam' ? 1e-3 : 1e-2)
  losses.push(value.dataSync()[0])
  tf.dispose([x, targets, value, grads])
  if (step + 1 === Math.ceil(steps / 10) || step + 1 === steps) {
    const { tensors, heapBytes } = engine.memory()
    memory.push({ tensors, heapBytes })
  }
}

const hash = createHash('sha256')
for (const each of variables.values()) hash.update(Buffer.from((each.dataSync() as Float32Array).slice().buffer))
process.stdout.write(
  JSON.stringify({
    losses,
    hash: hash.digest('hex'),
    tensors: memory.map(({ tensors }) => tensors),
    heapBytes: memory.map(({ heapBytes }) => heapBytes),
  }),
)
