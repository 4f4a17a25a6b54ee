import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { loadEngine } from '#main/compute/worker/engines/engine.ts'
import { meanSoftmaxCrossEntropy, softmaxCrossEntropy } from '#main/compute/worker/engines/ops.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import { nativeMissing } from '#test/support/native-engine.ts'
import { dot, plainCrossEntropy, slope } from './plain-network.ts'
import { normals, onEngine, read, relativeError, type Values } from './tensors.ts'

const engines: readonly EngineId[] = ['wasm', 'cpu', ...(nativeMissing === null ? (['native'] as const) : [])]

function crossEntropy(
  id: EngineId,
  logits: ArrayLike<number>,
  targets: ArrayLike<number>,
  classes: number,
): Promise<{ losses: Values; gradient: Values }> {
  return onEngine(id, () => {
    const shape: [number, number] = [logits.length / classes, classes]
    const t = tf.tensor2d(Float32Array.from(targets), shape)
    const f = (z: tf.Tensor): tf.Tensor => softmaxCrossEntropy(z as tf.Tensor2D, t)
    const dy = tf.tensor1d(normals(3, shape[0]))
    const { value, grad } = tf.valueAndGrad(f)(tf.tensor2d(Float32Array.from(logits), shape), dy)
    return { losses: read(value), gradient: read(grad) }
  })
}

describe.each(engines)('softmaxCrossEntropy on %s', (id) => {
  test('is log 2 for two equal logits, whatever the target', async () => {
    const { losses } = await crossEntropy(id, [0, 0, 7, 7], [1, 0, 0.25, 0.75], 2)
    expect(losses[0]).toBeCloseTo(Math.LN2, 6)
    expect(losses[1]).toBeCloseTo(Math.LN2, 6)
  })

  test('stays finite for logits of any size', async () => {
    const { losses, gradient } = await crossEntropy(id, [1e4, 0, -1e4, 3e4, 3e4, 0], [0, 1, 0, 0.5, 0.5, 0], 3)
    expect([...losses]).toEqual([1e4, expect.closeTo(Math.LN2, 6)])
    expect([...gradient].every(Number.isFinite)).toBe(true)
  })

  test('says NaN for a NaN', async () => {
    const { losses } = await crossEntropy(id, [Number.NaN, 0, 1, 0, Number.NaN, 1], [0, 1, 0, 1, 0, 0], 3)
    expect([...losses]).toEqual([Number.NaN, Number.NaN])
  })

  test('has the values and slopes of a float64 calculation with soft targets, also of sums other than 1', async () => {
    const logits = normals(1, 6, 5)
    const targets = normals(2, 6, 5).map(Math.abs)
    const { losses, gradient } = await crossEntropy(id, logits, targets, 5)
    const plain = (point: Float64Array): Float64Array => plainCrossEntropy(point, Float64Array.from(targets), 5)
    expect(relativeError(losses, plain(Float64Array.from(logits)))).toBeLessThan(1e-6)
    const direction = normals(4, 30)
    const weights = normals(3, 6)
    expect(dot(gradient, direction)).toBeCloseTo(
      slope((point) => dot(plain(point), weights), logits, direction),
      4,
    )
  })

  test('is differentiable in the targets', async () => {
    const gradient = await onEngine(id, () => {
      const f = (t: tf.Tensor): tf.Tensor => softmaxCrossEntropy(tf.tensor2d([[1, 3]]), t as tf.Tensor2D)
      return read(tf.grad(f)(tf.tensor2d([[0.5, 0.5]])))
    })
    expect(gradient[0]).toBeCloseTo(Math.log(1 + Math.exp(2)), 5)
    expect(gradient[1]).toBeCloseTo(Math.log(1 + Math.exp(-2)), 5)
  })
})

describe.each(engines)('meanSoftmaxCrossEntropy on %s', (id) => {
  test('has the mean and slopes of a float64 calculation, in logits and in targets', async () => {
    const [logits, targets] = [normals(1, 6, 5), normals(2, 6, 5).map(Math.abs)]
    const [value, dLogits, dTargets] = await onEngine(id, () => {
      const f = (...[z, t]: tf.Tensor[]): tf.Tensor =>
        tf.mul(meanSoftmaxCrossEntropy(z as tf.Tensor2D, t as tf.Tensor2D), 3)
      const found = tf.valueAndGrads(f)([tf.tensor2d(logits, [6, 5]), tf.tensor2d(targets, [6, 5])])
      return [found.value, ...found.grads].map(read)
    })
    const plain = (z: ArrayLike<number>, t: ArrayLike<number>): number =>
      (3 * plainCrossEntropy(Float64Array.from(z), Float64Array.from(t), 5).reduce((sum, loss) => sum + loss, 0)) / 6
    expect(value[0]).toBeCloseTo(plain(logits, targets), 5)
    const direction = normals(4, 30)
    expect(dot(dLogits, direction)).toBeCloseTo(
      slope((point) => plain(point, targets), logits, direction),
      4,
    )
    expect(dot(dTargets, direction)).toBeCloseTo(
      slope((point) => plain(logits, point), targets, direction),
      4,
    )
  })

  test('says NaN for a NaN', async () => {
    const [value] = await onEngine(id, () => [
      read(
        meanSoftmaxCrossEntropy(
          tf.tensor2d([
            [1, Number.NaN],
            [1, 2],
          ]),
          tf.tensor2d([
            [0, 1],
            [1, 0],
          ]),
        ),
      ),
    ])
    expect([...value]).toEqual([Number.NaN])
  })
})

/** Scalar functions of a [3, 4] matrix, each of one stock operation and a sum with uneven weights. */
const operations: Record<string, (x: tf.Tensor2D) => tf.Tensor> = {
  add: (x) => tf.add(x, tf.mul(x, tf.tensor1d([1, 2, 3, 4]))),
  'add to a broadcast column': (x) => tf.add(tf.sum(x, 1, true), tf.ones([3, 4])),
  sub: (x) => tf.sub(tf.scalar(2), x),
  mul: (x) => tf.mul(x, tf.sum(x, 0)),
  div: (x) => tf.div(tf.tensor1d([1, 2, 3, 4]), tf.add(tf.square(x), 1)),
  'div by a constant': (x) => tf.div(x, 3),
  neg: (x) => tf.neg(x),
  abs: (x) => tf.abs(x),
  square: (x) => tf.square(x),
  sqrt: (x) => tf.sqrt(tf.add(tf.square(x), 0.5)),
  exp: (x) => tf.exp(x),
  log: (x) => tf.log(tf.add(tf.square(x), 0.5)),
  sigmoid: (x) => tf.sigmoid(x),
  tanh: (x) => tf.tanh(x),
  relu: (x) => tf.relu(x),
  clipByValue: (x) => tf.clipByValue(x, -0.3, 0.9),
  maximum: (x) => tf.maximum(x, tf.mul(x, -0.5)),
  minimum: (x) => tf.minimum(tf.tensor1d([0.1, 0.2, 0.3, 0.4]), x),
  squaredDifference: (x) => tf.squaredDifference(x, tf.tensor1d([1, 2, 3, 4])),
  addN: (x) => tf.addN([x, tf.square(x), x]),
  softmax: (x) => tf.softmax(x),
  logSoftmax: (x) => tf.logSoftmax(x),
  'sum of an axis': (x) => tf.sum(x, 0),
  'mean of an axis': (x) => tf.mean(x, 1, true),
  'mean of all': (x) => tf.mean(tf.square(x)),
  reshape: (x) => tf.reshape(x, [2, 6]),
  expandDims: (x) => tf.expandDims(x, 1),
  transpose: (x) => tf.transpose(tf.reshape(x, [3, 2, 2]), [2, 0, 1]),
  cast: (x) => tf.cast(x, 'float32'),
  matMul: (x) => tf.matMul(x, tf.square(x), false, true),
  'matMul of a transpose': (x) => tf.matMul(x, tf.square(x), true, false),
  'matMul of two transposes': (x) => tf.matMul(tf.reshape(x, [4, 3]), x, true, true),
  clone: (x) => tf.clone(x),
  'a power': (x) => tf.pow(tf.add(tf.square(x), 0.5), 1.5),
  'a power of the exponent': (x) => tf.pow(tf.scalar(2.5), x),
  'a whole power of either sign': (x) => tf.pow(x, 3),
  rsqrt: (x) => tf.rsqrt(tf.add(tf.square(x), 0.5)),
  reciprocal: (x) => tf.reciprocal(tf.add(tf.square(x), 0.5)),
  log1p: (x) => tf.log1p(tf.square(x)),
  softplus: (x) => tf.softplus(x),
  leakyRelu: (x) => tf.leakyRelu(x, 0.1),
  'a sign and a step beside a value': (x) => tf.add(tf.mul(tf.sign(x), x), tf.step(x)),
  where: (x) => tf.where(tf.greater(x, 0.2), tf.square(x), tf.mul(x, 3)),
  'max of an axis': (x) => tf.max(x, 1),
  'max of all': (x) => tf.max(x),
  'min of an axis': (x) => tf.min(x, 0, true),
  'gather of rows, repeated': (x) => tf.gather(tf.square(x), tf.tensor1d([2, 0, 2, 1], 'int32')),
  'gather of columns': (x) => tf.gather(x, tf.tensor2d([3, 3, 0, 1], [2, 2], 'int32'), 1),
  slice: (x) => tf.slice(x, [1, 1], [2, 2]),
  'slice to the end': (x) => tf.slice(x, [0, 2]),
  pad: (x) =>
    tf.pad(x, [
      [1, 0],
      [2, 1],
    ]),
  concat: (x) => tf.concat([x, tf.square(x), tf.slice(x, [0, 0], [3, 1])], 1),
  split: (x) => tf.mul(...(tf.split(x, 2, 1) as [tf.Tensor, tf.Tensor])),
  stack: (x) => tf.stack([x, tf.square(x)], 1),
  unstack: (x) => tf.mul(tf.unstack(x, 0)[0], tf.unstack(x, 0)[2]),
  tile: (x) => tf.tile(x, [2, 3]),
}

describe.each(engines)('gradients of stock operations on %s', (id) => {
  test.each(Object.entries(operations))('%s', async (_, operation) => {
    const point = normals(7, 3, 4)
    const direction = normals(8, 3, 4)
    const value = (x: tf.Tensor): tf.Tensor => {
      const y = operation(x as tf.Tensor2D)
      const weights = Float32Array.from({ length: y.size }, (_, i) => 1 + ((i * 5) % 7) / 3)
      return tf.sum(tf.mul(y, tf.tensor(weights, y.shape)))
    }
    const found = await onEngine(id, () => dot(read(tf.grad(value)(tf.tensor2d(point, [3, 4]))), direction))
    // Richardson's extrapolation of central differences: float32 values leave about 1e-4.
    const difference = async (step: number): Promise<number> => {
      const at = (sign: number): Promise<number> =>
        onEngine('cpu', () => {
          const moved = point.map((value, i) => value + sign * step * direction[i])
          return read(value(tf.tensor2d(moved, [3, 4])))[0]
        })
      return ((await at(1)) - (await at(-1))) / (2 * step)
    }
    const expected = (4 * (await difference(0.01)) - (await difference(0.02))) / 3
    expect(Math.abs(found - expected) / Math.max(1, Math.abs(expected))).toBeLessThan(2e-3)
  })

  test('an operation without one says so', async () => {
    await loadEngine(id)
    expect(() => tf.grad((x) => tf.sum(tf.cumsum(x)))(tf.ones([3]))).toThrow(/gradient function not found for Cumsum/)
  })
})
