import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { dense } from '#main/compute/worker/engines/ops.ts'
import { dot, plainDense, slope } from './plain-network.ts'
import { normals, onEngine, read, relativeError, type Values } from './tensors.ts'

const sizes: [rows: number, depth: number, columns: number][] = [
  [1, 1, 1],
  [2, 3, 5],
  [4, 8, 8],
  [5, 7, 9],
  [3, 4, 17],
  [13, 21, 15],
  [64, 33, 10],
  [7, 130, 64],
]
const transposes = [
  [false, false],
  [true, false],
  [false, true],
  [true, true],
] as const

describe('matMul on wasm', () => {
  const cases = sizes.flatMap((size) => transposes.map(([a, b]) => ({ size, a, b })))
  test.each(cases)('is the plain product: $size, transposed a: $a, b: $b', async ({ size, a, b }) => {
    const [rows, depth, columns] = size
    const left = normals(1, rows, depth)
    const right = normals(2, depth, columns)
    const expected = plainDense(Float64Array.from(left), Float64Array.from(right), new Float64Array(columns), {
      relu: false,
    })
    const product = await onEngine('wasm', () => {
      const given = (values: Values, shape: [number, number], transposed: boolean): tf.Tensor2D =>
        transposed ? tf.transpose(tf.tensor2d(values, shape)) : tf.tensor2d(values, shape)
      const result = tf.matMul(given(left, [rows, depth], a), given(right, [depth, columns], b), a, b)
      expect(result.shape).toEqual([rows, columns])
      return read(result)
    })
    expect(relativeError(product, expected)).toBeLessThan(2e-6)
  })

  test.each(transposes)('keeps the batches of a stack apart, transposed a: %s, b: %s', async (a, b) => {
    const multiply = (id: 'wasm' | 'cpu'): Promise<Values> =>
      onEngine(id, () => {
        const left = tf.tensor(normals(1, 2, 3, 5, 6), a ? [2, 3, 6, 5] : [2, 3, 5, 6])
        const right = tf.tensor(normals(2, 2, 3, 6, 7), b ? [2, 3, 7, 6] : [2, 3, 6, 7])
        const result = tf.matMul(left, right, a, b)
        expect(result.shape).toEqual([2, 3, 5, 7])
        return read(result)
      })
    expect(relativeError(await multiply('wasm'), await multiply('cpu'))).toBeLessThan(2e-6)
  })

  test('repeats one matrix over a stack, as the stock product does', async () => {
    const multiply = (id: 'wasm' | 'cpu'): Promise<Values> =>
      onEngine(id, () =>
        read(tf.matMul(tf.tensor3d(normals(1, 3, 4, 5), [3, 4, 5]), tf.tensor3d(normals(2, 5, 6), [1, 5, 6]))),
      )
    expect(relativeError(await multiply('wasm'), await multiply('cpu'))).toBeLessThan(2e-6)
  })

  test('takes a tensor that was made on another engine', async () => {
    const product = await onEngine('cpu', ({ tf: core, activate }) => {
      const made = core.tensor2d([1, 2, 3, 4], [2, 2])
      void core.setBackend('wasm')
      try {
        return read(core.matMul(made, made))
      } finally {
        activate()
      }
    })
    expect([...product]).toEqual([7, 10, 15, 22])
  })
})

describe('dense', () => {
  const named = sizes.flatMap((size) => [
    { size, relu: true },
    { size, relu: false },
  ])
  const run = (id: 'wasm' | 'cpu', [rows, inputs, units]: (typeof sizes)[number], relu: boolean): Promise<Values[]> =>
    onEngine(id, () => {
      const f = (...[x, kernel, bias]: tf.Tensor[]): tf.Tensor =>
        dense(x as tf.Tensor2D, kernel as tf.Tensor2D, bias as tf.Tensor1D, { relu })
      const { value, grads } = tf.valueAndGrads(f)(
        [
          tf.tensor2d(normals(1, rows, inputs), [rows, inputs]),
          tf.tensor2d(normals(2, inputs, units), [inputs, units]),
          tf.tensor1d(normals(3, units)),
        ],
        tf.tensor2d(normals(4, rows, units), [rows, units]),
      )
      return [value, ...grads].map(read)
    })

  test.each(named)('is the same on wasm and cpu: $size relu $relu', async ({ size, relu }) => {
    const [wasm, cpu] = [await run('wasm', size, relu), await run('cpu', size, relu)]
    for (const [i, values] of wasm.entries()) expect(relativeError(values, cpu[i])).toBeLessThan(1e-5)
  })

  test('has the values and slopes of a float64 layer', async () => {
    const [y, ...gradients] = await run('cpu', [5, 7, 9], true)
    const inputs = [normals(1, 5, 7), normals(2, 7, 9), normals(3, 9)]
    const dy = normals(4, 5, 9)
    const plain = (which: number, point: Float64Array): Float64Array => {
      const [x, kernel, bias] = inputs.map((values, i) => (i === which ? point : Float64Array.from(values)))
      return plainDense(x, kernel, bias, { relu: true })
    }
    expect(relativeError(y, plain(0, Float64Array.from(inputs[0])))).toBeLessThan(1e-6)
    for (const [i, values] of inputs.entries()) {
      const direction = normals(5, values.length)
      const expected = slope((point) => dot(plain(i, point), dy), values, direction)
      expect(dot(gradients[i], direction)).toBeCloseTo(expected, 4)
    }
  })
})
