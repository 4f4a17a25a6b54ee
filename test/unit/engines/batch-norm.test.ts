import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { addRelu, batchNorm, batchNormFixed, dropout, globalAveragePool } from '#main/compute/worker/engines/ops.ts'
import { nativeMissing, nativeTitle } from '#test/support/native-engine.ts'
import { dot, slope } from './plain-network.ts'
import { normals, onEngine, read, relativeError, type Values } from './tensors.ts'

type Id = 'wasm' | 'cpu' | 'native'

interface Case {
  readonly shape: [number, number, number, number]
  readonly relu: boolean
  readonly training: boolean
}

const epsilon = 1e-3
const cases: Case[] = []
for (const channels of [1, 3, 4, 5, 8, 13, 16, 33]) {
  for (const [batch, height, width] of [
    [2, 7, 8],
    [3, 1, 1],
    [1, 11, 5],
  ]) {
    for (const training of [true, false]) {
      cases.push({ shape: [batch, height, width, channels], training, relu: cases.length % 3 !== 0 })
    }
  }
}
const named = cases.map(
  (item) => [`[${item.shape}]${item.training ? ' training' : ''}${item.relu ? ' relu' : ''}`, item] as const,
)

interface Inputs {
  readonly x: Values
  readonly gamma: Values
  readonly beta: Values
  readonly mean: Values
  readonly variance: Values
  readonly dy: Values
}

/** A mean far from zero: a variance from a difference of sums of squares would lose digits. */
function inputsOf({ shape }: Case, offset = 3): Inputs {
  const channels = shape[3]
  return {
    x: normals(1, ...shape).map((value) => 2 * value + offset),
    gamma: normals(2, channels),
    beta: normals(3, channels),
    mean: normals(4, channels).map((value) => value + offset),
    variance: normals(5, channels).map((value) => value * value + 0.1),
    dy: normals(6, ...shape),
  }
}

interface Result {
  readonly y: Values
  readonly x: Values
  readonly gamma: Values
  readonly beta: Values
  readonly statistics: readonly Values[]
}

function run(id: Id, item: Case, inputs = inputsOf(item)): Promise<Result> {
  return onEngine(id, () => {
    const channels = [item.shape[3]]
    const mean = tf.tensor1d(inputs.mean)
    const variance = tf.tensor1d(inputs.variance)
    const statistics: Values[] = []
    const f = (...[x, gamma, beta]: tf.Tensor[]): tf.Tensor => {
      const values = [x as tf.Tensor4D, gamma as tf.Tensor1D, beta as tf.Tensor1D] as const
      if (!item.training) return batchNormFixed(...values, mean, variance, { epsilon, relu: item.relu })
      const result = batchNorm(...values, { epsilon, relu: item.relu })
      statistics.push(read(result.mean), read(result.variance))
      return result.y
    }
    const { value, grads } = tf.valueAndGrads(f)(
      [tf.tensor(inputs.x, item.shape), tf.tensor(inputs.gamma, channels), tf.tensor(inputs.beta, channels)],
      tf.tensor(inputs.dy, item.shape),
    )
    const [y, x, gamma, beta] = [value, ...grads].map(read)
    return { y, x, gamma, beta, statistics }
  })
}

/** In float64, straight from the definition. */
function plain(
  { shape: [batch, height, width, channels], relu, training }: Case,
  inputs: Inputs,
  at: { readonly x?: Float64Array; readonly gamma?: Float64Array; readonly beta?: Float64Array } = {},
): { y: Float64Array; mean: number[]; variance: number[] } {
  const { x = inputs.x, gamma = inputs.gamma, beta = inputs.beta } = at
  const rows = batch * height * width
  const columns = Array.from({ length: channels }, (_, c) =>
    Array.from({ length: rows }, (_, row) => x[row * channels + c]),
  )
  const average = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
  const mean = training ? columns.map(average) : [...inputs.mean]
  const variance = training
    ? columns.map((column, c) => average(column.map((value) => (value - mean[c]) ** 2)))
    : [...inputs.variance]
  const y = Float64Array.from({ length: rows * channels }, (_, i) => {
    const c = i % channels
    const value = (gamma[c] * (x[i] - mean[c])) / Math.sqrt(variance[c] + epsilon) + beta[c]
    return relu ? Math.max(0, value) : value
  })
  return { y, mean, variance }
}

const otherEngines = ['wasm', ...(nativeMissing === null ? (['native'] as const) : [])] as const

describe(nativeTitle('batch norm'), () => {
  test.each(named)('has the values, statistics and slopes of a float64 calculation on cpu: %s', async (_, item) => {
    const inputs = inputsOf(item)
    const result = await run('cpu', item)
    const expected = plain(item, inputs)
    expect(relativeError(result.y, expected.y)).toBeLessThan(1e-5)
    for (const [i, values] of result.statistics.entries()) {
      expect(relativeError(values, [expected.mean, expected.variance][i])).toBeLessThan(1e-5)
    }
    for (const name of ['x', 'gamma', 'beta'] as const) {
      const direction = normals(7, inputs[name].length)
      const expectedSlope = slope(
        (point) => dot(plain(item, inputs, { [name]: point }).y, inputs.dy),
        inputs[name],
        direction,
      )
      expect(
        Math.abs(dot(result[name], direction) - expectedSlope) / Math.max(1, Math.abs(expectedSlope)),
      ).toBeLessThan(2e-4)
    }
  })

  describe.each(otherEngines)('on %s', (id) => {
    test.each(named)('is that of cpu, forward and backward: %s', async (_, item) => {
      const [found, expected] = [await run(id, item), await run('cpu', item)]
      for (const name of ['y', 'x', 'gamma', 'beta'] as const) {
        expect(relativeError(found[name], expected[name])).toBeLessThan(1e-4)
      }
      for (const [i, values] of found.statistics.entries()) {
        expect(relativeError(values, expected.statistics[i])).toBeLessThan(1e-5)
      }
    })

    test('keeps its digits where the mean is far larger than the deviation', async () => {
      const item: Case = { shape: [8, 9, 9, 5], relu: false, training: true }
      const inputs = inputsOf(item, 1000)
      const { y, statistics } = await run(id, item, inputs)
      const expected = plain(item, inputs)
      expect(relativeError(statistics[1], expected.variance)).toBeLessThan(1e-4)
      expect(relativeError(y, expected.y)).toBeLessThan(1e-3)
    })

    test('lets a NaN through', async () => {
      const item: Case = { shape: [1, 1, 2, 5], relu: true, training: true }
      const inputs = inputsOf(item)
      inputs.x[0] = Number.NaN
      const { y } = await run(id, item, inputs)
      expect([...y].map(Number.isNaN)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => i % 5 === 0))
    })
  })
})

/** [result, gradient] of a function at normals of a shape. */
function valueAndGradient(id: Id, shape: number[], f: (x: tf.Tensor) => tf.Tensor): Promise<Values[]> {
  return onEngine(id, () => {
    const x = tf.tensor(normals(1, ...shape), shape)
    const out = f(x).shape
    const { value, grad } = tf.valueAndGrad(f)(x, tf.tensor(normals(2, ...out), out))
    return [read(value), read(grad)]
  })
}

describe.each(['cpu', ...otherEngines] as const)('the ends of residual networks on %s', (id) => {
  test('adds and rectifies', async () => {
    for (const length of [1, 7, 64]) {
      const [a, b] = [normals(1, length), normals(3, length)]
      const [y, dx] = await valueAndGradient(id, [length], (x) => addRelu(x, tf.tensor(b, [length])))
      const sums = a.map((value, i) => value + b[i])
      expect([...y]).toEqual([...sums.map((sum) => Math.max(0, sum))])
      const gradient = normals(2, length).map((dy, i) => (sums[i] > 0 ? dy : 0))
      // Either zero.
      expect([...dx].map((value) => value + 0)).toEqual([...gradient])
    }
  })

  test('sums the gradients of a branch and its shortcut', async () => {
    const gradient = await onEngine(id, () => {
      const f = (x: tf.Tensor): tf.Tensor => {
        const inner = addRelu(x, tf.mul(x, 2))
        return tf.sum(addRelu(inner, tf.mul(inner, inner)))
      }
      return read(tf.grad(f)(tf.tensor1d([1, -1, 0.5])))
    })
    // 3x + 9x^2 where x > 0.
    expect([...gradient]).toEqual([21, 0, 12])
  })

  test('averages whole images', async () => {
    for (const [batch, height, width, channels] of [
      [2, 3, 5, 7],
      [3, 4, 4, 16],
      [1, 1, 1, 1],
    ]) {
      const shape = [batch, height, width, channels]
      const [y, dx] = await valueAndGradient(id, shape, (x) => globalAveragePool(x as tf.Tensor4D))
      const [x, dy] = [normals(1, ...shape), normals(2, batch, channels)]
      const area = height * width
      const expected = Float64Array.from({ length: batch * channels }, (_, i) => {
        let sum = 0
        for (let pixel = 0; pixel < area; pixel++) {
          sum += x[(Math.floor(i / channels) * area + pixel) * channels + (i % channels)]
        }
        return sum / area
      })
      expect(relativeError(y, expected)).toBeLessThan(1e-6)
      const expectedGradient = Float64Array.from(x, (_, i) => {
        return dy[Math.floor(i / (area * channels)) * channels + (i % channels)] / area
      })
      expect(relativeError(dx, expectedGradient)).toBeLessThan(1e-6)
    }
  })

  const drop = (x: tf.Tensor, step: number, layer = 'fc', rate = 0.25): tf.Tensor =>
    dropout(x, { rate, seed: 7, step, layer })

  test('drops the same values in the same step, and others in another step or layer', async () => {
    const at = (step: number, layer?: string): Promise<Values[]> =>
      valueAndGradient(id, [40, 30], (x) => drop(x, step, layer))
    const [first, again, next, other] = [await at(1), await at(1), await at(2), await at(1, 'fc2')]
    expect(again).toEqual(first)
    expect(next[0]).not.toEqual(first[0])
    expect(other[0]).not.toEqual(first[0])
    const [x, dy] = [normals(1, 40, 30), normals(2, 40, 30)]
    const [y, dx] = first
    expect(
      relativeError(
        y.filter((value) => value !== 0),
        x.filter((_, i) => y[i] !== 0).map((value) => value / 0.75),
      ),
    ).toBeLessThan(1e-6)
    expect([...dx].map((value) => value === 0)).toEqual([...y].map((value) => value === 0))
    expect(
      relativeError(
        dx,
        dy.map((value, i) => (y[i] === 0 ? 0 : value / 0.75)),
      ),
    ).toBeLessThan(1e-6)
    // Binomial(1200, 0.25): five standard deviations are 75.
    expect(Math.abs(y.filter((value) => value === 0).length - 300)).toBeLessThan(75)
  })

  test('drops what the cpu engine drops, and nothing at rate 0', async () => {
    const [found, expected] = [
      await valueAndGradient(id, [8, 11], (x) => drop(x, 3)),
      await valueAndGradient('cpu', [8, 11], (x) => drop(x, 3)),
    ]
    expect(found).toEqual(expected)
    expect((await valueAndGradient(id, [8], (x) => drop(x, 3, 'fc', 0)))[0]).toEqual(normals(1, 8))
  })
})
