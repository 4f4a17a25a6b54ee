import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-core'
import { AppError } from '#shared/errors.ts'
import type { Engine } from './engine-type.ts'
import { conv2d, dense, maxPool, softmaxCrossEntropy } from './ops.ts'

/** Inputs of the tiny network: strided convolution, max pool, two dense layers, soft targets. */
export const selfTestShapes = {
  images: [2, 6, 5, 2],
  filter: [3, 3, 2, 3],
  filterBias: [3],
  hidden: [12, 4],
  hiddenBias: [4],
  output: [4, 3],
  outputBias: [3],
} as const
export type SelfTestInput = keyof typeof selfTestShapes
export const selfTestInputs = Object.keys(selfTestShapes) as SelfTestInput[]

/** Numbers of no special kind, exact in float32, other ones for each input. */
export function selfTestValues(input: SelfTestInput): Float32Array {
  const length = selfTestShapes[input].reduce((product, size) => product * size, 1)
  const seed = selfTestInputs.indexOf(input)
  return Float32Array.from({ length }, (_, i) => (((i * 37 + i * i * 5 + seed * 11) % 61) - 28) / 32)
}

/** The direction in which each gradient is measured. */
export function selfTestDirection(input: SelfTestInput): Float32Array {
  return selfTestValues(input).map((_, i) => (i % 7) - 3)
}

export const selfTestTargets = { shape: [2, 3], values: [0.75, 0.25, 0, 0.125, 0.25, 0.625] } as const

/** Mean loss, and its derivative along each direction; from a float64 calculation without tensors. */
export const selfTestAnswer: Readonly<Record<SelfTestInput | 'loss', number>> = {
  loss: 2.48754573,
  images: -1.31427344,
  filter: 3.90389981,
  filterBias: -1.0296706,
  hidden: 0.12945307,
  hiddenBias: -0.84404862,
  output: 5.49232919,
  outputBias: -0.82297473,
}

const tolerance = 1e-4

/** What the engine gets for the loss and the derivatives. */
export async function selfTestResult({ tf }: Engine): Promise<Record<SelfTestInput | 'loss', number>> {
  const { value, grads } = tf.tidy(() => {
    const targets = tf.tensor2d([...selfTestTargets.values], [...selfTestTargets.shape])
    const loss = (...inputs: Tensor[]): Tensor => {
      const [images, filter, filterBias, hidden, hiddenBias, output, outputBias] = inputs
      const convolved = conv2d(images as Tensor4D, filter as Tensor4D, filterBias as Tensor1D, {
        strides: 2,
        pad: 'same',
        relu: true,
      })
      const pooled = maxPool(convolved, { size: 2, strides: 1, pad: 'valid' })
      const flat = tf.reshape(pooled, [2, 12]) as Tensor2D
      const units = dense(flat, hidden as Tensor2D, hiddenBias as Tensor1D, { relu: true })
      const logits = dense(units, output as Tensor2D, outputBias as Tensor1D, { relu: false })
      return tf.mean(softmaxCrossEntropy(logits, targets))
    }
    return tf.valueAndGrads(loss)(
      selfTestInputs.map((input) => tf.tensor(selfTestValues(input), [...selfTestShapes[input]])),
    )
  })
  try {
    const [[loss], ...gradients] = await Promise.all([value, ...grads].map((tensor) => tensor.data<'float32'>()))
    const derivatives = selfTestInputs.map((input, i) => [
      input,
      selfTestDirection(input).reduce((sum, weight, j) => sum + weight * gradients[i][j], 0),
    ])
    return { loss, ...Object.fromEntries(derivatives) }
  } finally {
    tf.dispose([value, ...grads])
  }
}

/**
 * Checks forward and backward kernels on the active engine against a known answer. Returns the seconds it took.
 * @throws AppError `engine-unavailable` naming the gradient that is off.
 */
export async function selfTest(engine: Engine): Promise<number> {
  const start = performance.now()
  engine.activate()
  const result = await selfTestResult(engine)
  for (const [name, expected] of Object.entries(selfTestAnswer)) {
    const found = result[name as SelfTestInput | 'loss']
    if (Math.abs(found - expected) <= tolerance * Math.max(1, Math.abs(expected))) continue
    const what = name === 'loss' ? 'loss' : `gradient of "${name}"`
    throw new AppError(
      'engine-unavailable',
      `The ${engine.id} engine failed its self-test: the ${what} is ${found} instead of ${expected}.`,
      { hint: 'Choose another engine: results of this one would be wrong.' },
    )
  }
  return (performance.now() - start) / 1000
}
