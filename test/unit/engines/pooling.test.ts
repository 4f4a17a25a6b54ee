import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { conv2d, convMaxPool, maxPool } from '#main/compute/worker/engines/ops.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import { Random } from '#shared/random.ts'
import { nativeMissing } from '#test/support/native-engine.ts'
import { axisOf, dot, plainMaxPool, slope } from './plain-network.ts'
import { normals, onEngine, read, relativeError, type Values } from './tensors.ts'

interface Case {
  readonly input: [number, number, number, number]
  readonly size: number
  readonly strides: [number, number]
  readonly pad: 'same' | 'valid'
}

const cases: Case[] = []
for (const strides of [
  [1, 1],
  [2, 2],
  [2, 1],
] as [number, number][]) {
  for (const pad of ['same', 'valid'] as const) {
    for (const height of [7, 8, 11]) {
      for (const size of [2, 3]) {
        cases.push({ input: [2, height, height + 1, 3 + (cases.length % 6)], size, strides, pad })
      }
    }
  }
}

function outputShape({ input, size, strides, pad }: Case): [number, number, number, number] {
  return [input[0], axisOf(input[1], size, strides[0], pad).out, axisOf(input[2], size, strides[1], pad).out, input[3]]
}

function run(id: 'wasm' | 'cpu', item: Case, values: Values): Promise<{ y: Values; dx: Values }> {
  return onEngine(id, () => {
    const shape = outputShape(item)
    const f = (x: tf.Tensor): tf.Tensor => maxPool(x as tf.Tensor4D, item)
    const dy = tf.tensor4d(normals(2, ...shape), shape)
    const { value, grad } = tf.valueAndGrad(f)(tf.tensor4d(values, item.input), dy)
    expect(value.shape).toEqual(shape)
    return { y: read(value), dx: read(grad) }
  })
}

describe('maxPool', () => {
  test.each(cases)('is the same on wasm and cpu: $input size $size strides $strides $pad', async (item) => {
    const values = normals(1, ...item.input)
    const [wasm, cpu] = [await run('wasm', item, values), await run('cpu', item, values)]
    expect(wasm.y).toEqual(cpu.y)
    expect(relativeError(wasm.dx, cpu.dx)).toBeLessThan(1e-6)
  })

  test.each(cases.filter((_, i) => i % 3 === 0))(
    'has the values and slopes of a float64 pool: $input size $size strides $strides $pad',
    async (item) => {
      const values = normals(1, ...item.input)
      const { y, dx } = await run('cpu', item, values)
      const dy = normals(2, ...outputShape(item))
      const plain = (point: Float64Array): Float64Array =>
        plainMaxPool({ shape: item.input, values: point }, item).values
      expect([...y]).toEqual([...plain(Float64Array.from(values))])
      const direction = normals(3, values.length)
      expect(dot(dx, direction)).toBeCloseTo(
        slope((point) => dot(plain(point), dy), values, direction, 1e-7),
        4,
      )
    },
  )

  test.each(cases.filter((_, i) => i % 5 === 0))(
    'gives the gradient of equal largest values to the first: $input size $size strides $strides $pad',
    async (item) => {
      const random = Random.of(1, 'ties')
      const values = normals(1, ...item.input).map(() => random.below(3))
      const [wasm, cpu] = [await run('wasm', item, values), await run('cpu', item, values)]
      expect(relativeError(wasm.dx, cpu.dx)).toBeLessThan(1e-6)
    },
  )

  test('splits nothing between two equal values', async () => {
    const dx = await onEngine('wasm', () => {
      const f = (x: tf.Tensor): tf.Tensor => maxPool(x as tf.Tensor4D, { size: 2, strides: 2, pad: 'valid' })
      return read(tf.grad(f)(tf.tensor4d([1, 5, 5, 5], [1, 2, 2, 1]), tf.tensor4d([3], [1, 1, 1, 1])))
    })
    expect([...dx]).toEqual([0, 3, 0, 0])
  })
})

const engines: readonly EngineId[] = ['wasm', 'cpu', ...(nativeMissing === null ? (['native'] as const) : [])]

describe.each(engines)('convMaxPool on %s', (id) => {
  test.each([
    { input: [2, 7, 8, 3], filters: 5, size: 2, strides: 2, pad: 'valid' },
    // Those for which an engine may have one kernel: one pass of filters, three, and an odd last row and column.
    { input: [3, 6, 8, 1], filters: 8, size: 2, strides: 2, pad: 'valid' },
    { input: [2, 9, 7, 3], filters: 24, size: 2, strides: 2, pad: 'valid' },
    { input: [2, 8, 9, 4], filters: 16, size: 2, strides: 2, pad: 'valid' },
    // And those for which it may have one for all but the convolution.
    { input: [2, 8, 7, 5], filters: 16, size: 2, strides: 2, pad: 'valid' },
    { input: [3, 4, 6, 8], filters: 8, size: 2, strides: 2, pad: 'valid' },
    { input: [2, 11, 9, 8], filters: 16, size: 3, strides: 2, pad: 'same' },
    { input: [1, 8, 8, 1], filters: 1, size: 2, strides: 1, pad: 'valid' },
  ] as const)('is the pool of the rectified convolution, with its gradients: %j', async (item) => {
    const shapes = [[...item.input], [3, 3, item.input[3], item.filters], [item.filters]]
    const run = (f: (x: tf.Tensor4D, filter: tf.Tensor4D, bias: tf.Tensor1D) => tf.Tensor): Promise<Values[]> =>
      onEngine(id, () => {
        const inputs = shapes.map((shape, i) => tf.tensor(normals(i + 1, ...shape), shape))
        const g = (...[x, filter, bias]: tf.Tensor[]): tf.Tensor =>
          f(x as tf.Tensor4D, filter as tf.Tensor4D, bias as tf.Tensor1D)
        const out = g(...inputs).shape
        const { value, grads } = tf.valueAndGrads(g)(inputs, tf.tensor(normals(9, ...out), out))
        return [value, ...grads].map(read)
      })
    const conv = { strides: 1, pad: 'same' } as const
    const found = await run((x, filter, bias) => convMaxPool(x, filter, bias, conv, item))
    const expected = await run((x, filter, bias) => maxPool(conv2d(x, filter, bias, { ...conv, relu: true }), item))
    for (const [i, values] of found.entries()) expect(relativeError(values, expected[i])).toBeLessThan(1e-5)
  })
})
