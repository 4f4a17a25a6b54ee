import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { loadEngine, selfTest } from '#main/compute/worker/engines/engine.ts'
import { conv2d, dense, maxPool, softmaxCrossEntropy } from '#main/compute/worker/engines/ops.ts'
import { createOptimizer } from '#main/compute/worker/engines/optimizers.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import { Random } from '#shared/random.ts'
import { nativeMissing, nativeTitle } from '#test/support/native-engine.ts'
import { axisOf } from './plain-network.ts'
import { normals, onEngine, read, relativeError, type Values } from './tensors.ts'

interface ConvCase {
  readonly input: [number, number, number, number]
  readonly filter: [number, number, number, number]
  readonly strides: [number, number]
  readonly pad: 'same' | 'valid'
  readonly relu: boolean
}

const allStrides: readonly [number, number][] = [
  [1, 1],
  [2, 2],
  [2, 1],
  [1, 2],
  [3, 3],
]

/** Odd sizes, filters smaller than their stride, and channels that are and aren't multiples of eight. */
function convGrid(): ConvCase[] {
  const cases: ConvCase[] = []
  const channels: readonly [number, number][] = [
    [3, 4],
    [1, 5],
    [5, 7],
    [8, 8],
    [16, 32],
    [1, 16],
  ]
  for (const strides of allStrides) {
    for (const pad of ['same', 'valid'] as const) {
      for (const height of [7, 8, 11]) {
        for (const kernel of [1, 2, 3, 5]) {
          const [inputs, outputs] = channels[cases.length % channels.length]
          cases.push({
            input: [2, height, height + 1, inputs],
            filter: [kernel, kernel, inputs, outputs],
            strides,
            pad,
            relu: cases.length % 2 === 0,
          })
        }
      }
    }
  }
  return cases
}

function runConv(id: EngineId, item: ConvCase): Promise<Values[]> {
  return onEngine(id, () => {
    const shape: [number, number, number, number] = [
      item.input[0],
      axisOf(item.input[1], item.filter[0], item.strides[0], item.pad).out,
      axisOf(item.input[2], item.filter[1], item.strides[1], item.pad).out,
      item.filter[3],
    ]
    const f = (...[x, filter, bias]: tf.Tensor[]): tf.Tensor =>
      conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, bias as tf.Tensor1D, item)
    const { value, grads } = tf.valueAndGrads(f)(
      [
        tf.tensor(normals(1, ...item.input), item.input),
        tf.tensor(normals(2, ...item.filter), item.filter),
        tf.tensor(normals(3, item.filter[3]), [item.filter[3]]),
      ],
      tf.tensor(normals(4, ...shape), shape),
    )
    return [value, ...grads].map(read)
  })
}

describe.skipIf(nativeMissing !== null)(nativeTitle('the native engine'), () => {
  const within = (found: readonly Values[], expected: readonly Values[], tolerance: number): void => {
    for (const [i, values] of found.entries()) expect(relativeError(values, expected[i])).toBeLessThan(tolerance)
  }

  test('says what it is and passes its self-test', async () => {
    const engine = await loadEngine('native')
    expect(engine).toMatchObject({ id: 'native', version: '2.21.0', threads: 1 })
    // Where a trial of a kernel fails, or the processor lacks AVX2, plain ones take its place and the name says so.
    expect(engine.kernelSet).toMatch(/^tmu-native-\d+( \(plain: .+\))?$/)
    await selfTest(engine)
  })

  test.each(convGrid().map((item) => [JSON.stringify(item), item] as const))(
    'convolves as the cpu engine does, forward and backward: %s',
    async (_, item) => within(await runConv('native', item), await runConv('cpu', item), 1e-5),
  )

  test('gives the filter gradient of small strided filters right every time', async () => {
    // oneDNN reads stray memory for these, so that one right answer proves little.
    const item: ConvCase = { input: [2, 8, 9, 3], filter: [1, 1, 3, 4], strides: [2, 2], pad: 'same', relu: false }
    const expected = await runConv('cpu', item)
    for (let round = 0; round < 20; round++) {
      await onEngine('native', () => read(tf.mul(tf.tensor(normals(round, 4000)), 1e6)))
      within(await runConv('native', item), expected, 1e-5)
    }
  })

  const pools = allStrides.flatMap((strides) =>
    (['same', 'valid'] as const).flatMap((pad) =>
      [7, 8, 11].flatMap((height) => [2, 3].map((size) => ({ strides, pad, height, size }))),
    ),
  )
  test.each(pools)('pools as the cpu engine does: $size, strides $strides, $pad, $height', async (item) => {
    const shape: [number, number, number, number] = [2, item.height, item.height + 1, 5]
    const out: [number, number, number, number] = [
      2,
      axisOf(shape[1], item.size, item.strides[0], item.pad).out,
      axisOf(shape[2], item.size, item.strides[1], item.pad).out,
      5,
    ]
    const random = Random.of(7, 'ties')
    for (const values of [normals(1, ...shape), normals(1, ...shape).map(() => random.below(3))]) {
      const run = (id: EngineId): Promise<Values[]> =>
        onEngine(id, () => {
          const { value, grad } = tf.valueAndGrad((x: tf.Tensor) => maxPool(x as tf.Tensor4D, item))(
            tf.tensor(values, shape),
            tf.tensor(normals(2, ...out), out),
          )
          return [read(value), read(grad)]
        })
      within(await run('native'), await run('cpu'), 1e-6)
    }
  })

  test.each([
    [1, 1, 1],
    [5, 7, 9],
    [64, 33, 10],
    [7, 130, 64],
  ])('has the dense layer of the cpu engine: %i rows, %i inputs, %i units', async (rows, inputs, units) => {
    for (const relu of [true, false]) {
      const run = (id: EngineId): Promise<Values[]> =>
        onEngine(id, () => {
          const f = (...[x, kernel, bias]: tf.Tensor[]): tf.Tensor =>
            dense(x as tf.Tensor2D, kernel as tf.Tensor2D, bias as tf.Tensor1D, { relu })
          const { value, grads } = tf.valueAndGrads(f)(
            [
              tf.tensor(normals(1, rows, inputs), [rows, inputs]),
              tf.tensor(normals(2, inputs, units), [inputs, units]),
              tf.tensor(normals(3, units), [units]),
            ],
            tf.tensor(normals(4, rows, units), [rows, units]),
          )
          return [value, ...grads].map(read)
        })
      within(await run('native'), await run('cpu'), 1e-5)
    }
  })

  test('has the cross-entropy of the cpu engine, also for targets that are no distribution', async () => {
    const run = (id: EngineId): Promise<Values[]> =>
      onEngine(id, () => {
        const f = (...[z, t]: tf.Tensor[]): tf.Tensor => softmaxCrossEntropy(z as tf.Tensor2D, t as tf.Tensor2D)
        const { value, grads } = tf.valueAndGrads(f)(
          [
            tf.tensor(
              normals(1, 6, 10).map((logit) => 30 * logit),
              [6, 10],
            ),
            tf.tensor(normals(2, 6, 10), [6, 10]),
          ],
          tf.tensor(normals(3, 6), [6]),
        )
        return [value, ...grads].map(read)
      })
    within(await run('native'), await run('cpu'), 1e-5)
  })

  test.each(['adam', 'sgd'] as const)('updates parameters as the cpu engine does with %s', async (kind) => {
    const shapes: Readonly<Record<string, number[]>> = { kernel: [5, 7], bias: [3], filter: [2, 2, 3, 4] }
    const run = async (id: EngineId): Promise<Values[]> => {
      await loadEngine(id)
      const variables = new Map(
        Object.entries(shapes).map(([name, shape]) => [name, tf.variable(tf.tensor(normals(1, ...shape), shape))]),
      )
      const optimizer = createOptimizer(kind, variables, { momentum: 0.9, weightDecay: 0.01 })
      const norms: number[] = []
      for (let step = 0; step < 8; step++) {
        const gradients = new Map(
          Object.entries(shapes).map(([name, shape]) => [name, tf.tensor(normals(step + 2, ...shape), shape)]),
        )
        norms.push(optimizer.step(gradients, 0.01))
        tf.dispose([...gradients.values()])
      }
      const values = [...[...variables.values()].map(read), Float32Array.from(norms)]
      optimizer.dispose()
      tf.dispose([...variables.values()])
      return values
    }
    within(await run('native'), await run('cpu'), 1e-5)
  })
})
