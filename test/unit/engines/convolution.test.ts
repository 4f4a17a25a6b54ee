import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { conv2d } from '#main/compute/worker/engines/ops.ts'
import { axisOf, dot, plainConv2d, slope } from './plain-network.ts'
import { normals, onEngine, read, relativeError, type Values } from './tensors.ts'

interface Case {
  readonly input: [number, number, number, number]
  readonly filter: [number, number, number, number]
  readonly strides: [number, number]
  readonly pad: 'same' | 'valid'
  readonly relu: boolean
}

/** Strides, paddings, odd sizes, kernels smaller than the stride, channels that fill no vector. */
function grid(): Case[] {
  const cases: Case[] = []
  const channels = [3, 5, 8, 4, 1, 7, 6]
  for (const strides of [
    [1, 1],
    [2, 2],
    [2, 1],
  ] as [number, number][]) {
    for (const pad of ['same', 'valid'] as const) {
      for (const height of [7, 8, 11]) {
        for (const kernel of [1, 2, 3, 5]) {
          const n = cases.length
          cases.push({
            input: [2, height, height + 1, channels[n % 7]],
            filter: [kernel, kernel, channels[n % 7], channels[(n + 1 + (n % 3)) % 7]],
            strides,
            pad,
            relu: n % 2 === 0,
          })
        }
      }
    }
  }
  return cases
}

const others: Case[] = [
  { input: [1, 6, 9, 4], filter: [2, 3, 4, 9], strides: [1, 2], pad: 'same', relu: true },
  { input: [3, 4, 4, 2], filter: [4, 4, 2, 17], strides: [1, 1], pad: 'valid', relu: false },
  { input: [2, 3, 2, 16], filter: [5, 5, 16, 16], strides: [2, 2], pad: 'same', relu: true },
  { input: [2, 5, 5, 12], filter: [1, 1, 12, 24], strides: [1, 1], pad: 'same', relu: true },
  { input: [2, 9, 9, 5], filter: [1, 1, 5, 7], strides: [3, 3], pad: 'same', relu: true },
  // More output pixels than one block of patches.
  { input: [20, 28, 28, 1], filter: [3, 3, 1, 16], strides: [2, 2], pad: 'same', relu: true },
  { input: [2, 16, 16, 16], filter: [3, 3, 16, 20], strides: [1, 1], pad: 'same', relu: true },
]

const cases = [...grid(), ...others]
const nameOf = ({ input, filter, strides, pad, relu }: Case): string =>
  `[${input}] * [${filter}] strides ${strides} ${pad}${relu ? ' relu' : ''}`
const named = cases.map((item) => [nameOf(item), item] as const)

function outputShape({ input, filter, strides, pad }: Case): [number, number, number, number] {
  const height = axisOf(input[1], filter[0], strides[0], pad).out
  const width = axisOf(input[2], filter[1], strides[1], pad).out
  return [input[0], height, width, filter[3]]
}

interface Result {
  readonly y: Values
  readonly x: Values
  readonly filter: Values
  readonly bias: Values
}

function run(id: 'wasm' | 'cpu', item: Case): Promise<Result> {
  return onEngine(id, () => {
    const x = tf.tensor4d(normals(1, ...item.input), item.input)
    const filter = tf.tensor4d(normals(2, ...item.filter), item.filter)
    const bias = tf.tensor1d(normals(3, item.filter[3]))
    const shape = outputShape(item)
    const dy = tf.tensor4d(normals(4, ...shape), shape)
    const f = (...[a, b, c]: tf.Tensor[]): tf.Tensor =>
      conv2d(a as tf.Tensor4D, b as tf.Tensor4D, c as tf.Tensor1D, item)
    const { value, grads } = tf.valueAndGrads(f)([x, filter, bias], dy)
    expect(value.shape).toEqual(shape)
    expect(grads.map((gradient) => gradient.shape)).toEqual([x.shape, filter.shape, bias.shape])
    return { y: read(value), x: read(grads[0]), filter: read(grads[1]), bias: read(grads[2]) }
  })
}

describe('conv2d', () => {
  test.each(named)('is the same on wasm and cpu: %s', async (_, item) => {
    const [wasm, cpu] = [await run('wasm', item), await run('cpu', item)]
    expect(relativeError(wasm.y, cpu.y)).toBeLessThan(1e-5)
    expect(relativeError(wasm.x, cpu.x)).toBeLessThan(1e-5)
    expect(relativeError(wasm.filter, cpu.filter)).toBeLessThan(1e-5)
    expect(relativeError(wasm.bias, cpu.bias)).toBeLessThan(1e-5)
  })

  test.each(named.slice(0, 72).filter((_, i) => i % 4 === 2 || i % 7 === 0))(
    'has the values and slopes of a float64 convolution: %s',
    async (_, item) => {
      const { y, ...gradients } = await run('cpu', item)
      const dy = normals(4, ...outputShape(item))
      const values = {
        x: normals(1, ...item.input),
        filter: normals(2, ...item.filter),
        bias: normals(3, item.filter[3]),
      }
      const plain = (name: keyof typeof values, point: Float64Array): Float64Array => {
        const input = (which: keyof typeof values): Float64Array =>
          which === name ? point : Float64Array.from(values[which])
        const image = { shape: item.input, values: input('x') }
        return plainConv2d(image, { shape: item.filter, values: input('filter') }, input('bias'), item).values
      }
      expect(relativeError(y, plain('x', Float64Array.from(values.x)))).toBeLessThan(1e-5)
      for (const name of ['x', 'filter', 'bias'] as const) {
        const direction = normals(5, values[name].length)
        const expected = slope((point) => dot(plain(name, point), dy), values[name], direction, 1e-7)
        const length = Math.sqrt(dot(direction, direction) * dot(gradients[name], gradients[name]))
        expect(Math.abs(dot(gradients[name], direction) - expected) / length).toBeLessThan(1e-5)
      }
    },
  )

  test('pads the odd pixel below and to the right', async () => {
    const y = await onEngine('wasm', () =>
      read(
        conv2d(tf.ones([1, 2, 2, 1]), tf.ones([2, 2, 1, 1]), tf.zeros([1]), { strides: 1, pad: 'same', relu: false }),
      ),
    )
    expect([...y]).toEqual([4, 2, 2, 1])
  })

  test('computes the input gradient of an attack without the parameters being asked for', async () => {
    const item = others[0]
    const { x } = await run('cpu', item)
    const alone = await onEngine('wasm', () => {
      const shape = outputShape(item)
      const filter = tf.tensor4d(normals(2, ...item.filter), item.filter)
      const bias = tf.tensor1d(normals(3, item.filter[3]))
      const f = (image: tf.Tensor): tf.Tensor => conv2d(image as tf.Tensor4D, filter, bias, item)
      return read(
        tf.grad(f)(tf.tensor4d(normals(1, ...item.input), item.input), tf.tensor4d(normals(4, ...shape), shape)),
      )
    })
    expect(relativeError(alone, x)).toBeLessThan(1e-5)
  })

  test('never computes the input gradient where only parameters are trained', async () => {
    const stored = tf.getKernel('TmuConvDX', 'wasm')
    await onEngine('wasm', () => {
      const filter = tf.variable(tf.ones([3, 3, 1, 2]) as tf.Tensor4D)
      const x = tf.ones([1, 5, 5, 1]) as tf.Tensor4D
      tf.unregisterKernel('TmuConvDX', 'wasm')
      try {
        const f = (): tf.Scalar => tf.sum(conv2d(x, filter, tf.zeros([2]), { strides: 2, pad: 'same', relu: true }))
        expect(Object.keys(tf.variableGrads(f).grads)).toHaveLength(1)
      } finally {
        tf.registerKernel(stored)
        filter.dispose()
      }
    })
  })

  test('refuses channels that do not fit', async () => {
    await onEngine('wasm', () => {
      const convolve = (): tf.Tensor =>
        conv2d(tf.ones([1, 4, 4, 2]), tf.ones([3, 3, 3, 2]), tf.zeros([2]), { strides: 1, pad: 'same', relu: false })
      expect(convolve).toThrow(/channels of the images and the filter differ \(2 and 3\)/)
    })
  })

  test('gives the same bits every time', async () => {
    const item = others[5]
    const [first, second] = [await run('wasm', item), await run('wasm', item)]
    expect(second).toEqual(first)
  })
})
