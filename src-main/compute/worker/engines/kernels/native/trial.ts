/** Small calls on which a kernel must agree with another one before it is used. */
import {
  type NamedAttrMap,
  type NamedTensorMap,
  relu,
  reverse,
  square,
  type Tensor,
  tensor,
  tidy,
} from '@tensorflow/tfjs-core'
import { type ConvPoolAttributes, kernelNames, optionalKernelNames, type PoolAttributes } from '../names.ts'
import { runKernel } from '../run-kernel.ts'
import type { NativeKernel } from './twofold.ts'

/** Largest difference to the other kernel, relative to the largest value. */
const tolerance = 1e-4

/** Numbers of no special kind. */
function sample(seed: number, shape: number[]): Tensor {
  const length = shape.reduce((product, size) => product * size, 1)
  return tensor(
    Float32Array.from({ length }, (_, i) => (((i * 37 + i * i * 5 + seed * 11) % 61) - 28) / 32),
    shape,
  )
}

type TrialCall = readonly [inputs: NamedTensorMap, attributes: NamedAttrMap]

/** A strided call with odd sizes and channels that fill no vector, and one that fills them. */
const trials: Readonly<Record<string, () => readonly TrialCall[]>> = {
  [kernelNames.conv]: () => [
    [
      { x: sample(1, [2, 7, 8, 3]), filter: sample(2, [3, 3, 3, 5]), bias: sample(3, [5]) },
      { strides: [2, 2], pad: 'same', relu: true },
    ],
    [
      { x: sample(4, [2, 8, 8, 16]), filter: sample(5, [3, 3, 16, 16]), bias: sample(6, [16]) },
      { strides: [1, 1], pad: 'valid', relu: false },
    ],
  ],
  [kernelNames.convInputGradient]: () => [
    [
      { dy: sample(1, [2, 4, 4, 5]), filter: sample(2, [3, 3, 3, 5]) },
      { strides: [2, 2], pad: 'same', inputShape: [2, 7, 8, 3] },
    ],
    [
      { dy: sample(3, [2, 6, 6, 16]), filter: sample(4, [3, 3, 16, 16]) },
      { strides: [1, 1], pad: 'valid', inputShape: [2, 8, 8, 16] },
    ],
  ],
  [kernelNames.convFilterGradient]: () => [
    [
      { x: sample(1, [2, 7, 8, 3]), dy: sample(2, [2, 4, 4, 5]) },
      { strides: [2, 2], pad: 'same', filterShape: [3, 3, 3, 5] },
    ],
    [
      { x: sample(3, [2, 8, 8, 16]), dy: sample(4, [2, 6, 6, 16]) },
      { strides: [1, 1], pad: 'valid', filterShape: [3, 3, 16, 16] },
    ],
  ],
  [kernelNames.dense]: () => [true, false].map((relu) => [denseInputs(), { relu }]),
  [kernelNames.biasGradient]: () => [[{ dy: sample(1, [2, 4, 3, 5]) }, {}]],
  [kernelNames.reluGradient]: () => [[{ dy: sample(1, [2, 4, 3, 5]), y: relu(sample(2, [2, 4, 3, 5])) }, {}]],
  [kernelNames.squaredNorm]: () => [[{ 0: sample(1, [3, 17]), 1: sample(2, [5]) }, {}]],
  [kernelNames.maxPool]: () => poolTrials((x, attributes) => [{ x }, attributes]),
  [kernelNames.maxPoolGradient]: () =>
    poolTrials((x, attributes) => {
      const [y, index] = runKernel<Tensor[]>(kernelNames.maxPool, { x }, attributes)
      return [{ dy: sample(2, y.shape), x, y, index }, attributes]
    }),
  [kernelNames.adam]: () => [
    [
      {
        parameter: sample(1, [5, 7]),
        gradient: sample(2, [5, 7]),
        mean: sample(3, [5, 7]),
        square: square(sample(4, [5, 7])),
      },
      { beta1: 0.9, beta2: 0.99, stepSize: 0.1, rootScale: 2, epsilon: 1e-3, weightDecay: 0.01 },
    ],
  ],
  [kernelNames.sgd]: () => [
    [
      { parameter: sample(1, [5, 7]), gradient: sample(2, [5, 7]), velocity: sample(3, [5, 7]) },
      { lr: 0.1, momentum: 0.9, weightDecay: 0.01 },
    ],
  ],
  [kernelNames.biasRelu]: () =>
    [5, 16].map((channels) => [{ x: sample(1, [3, 4, channels]), bias: sample(2, [channels]) }, {}]),
  [kernelNames.reluBiasGradient]: () =>
    [5, 16].map((channels) => [{ dy: sample(1, [67, channels]), y: sample(2, [67, channels]) }, {}]),
  [kernelNames.crossEntropyGradient]: () => [
    [{ dy: sample(1, [6]), logits: sample(2, [6, 5]), targets: sample(3, [6, 5]) }, {}],
  ],
  [optionalKernelNames.convPool]: () => convPoolTrials(),
  [optionalKernelNames.convPoolGradient]: () => convPoolTrials().map(withWinners),
  [optionalKernelNames.meanCrossEntropy]: () => [[{ logits: sample(2, [6, 5]), targets: sample(3, [6, 5]) }, {}]],
  [optionalKernelNames.meanCrossEntropyGradient]: () => [
    [{ dy: sample(1, []), logits: sample(2, [6, 5]), targets: sample(3, [6, 5]) }, {}],
  ],
  [optionalKernelNames.poolBiasRelu]: () => poolBiasReluTrials(),
  [optionalKernelNames.poolBiasReluGradient]: () =>
    poolBiasReluTrials().map(([{ x, bias }]) => {
      const [y, winners] = runKernel<Tensor[]>(optionalKernelNames.poolBiasRelu, { x, bias })
      return [{ x, bias, winners, dy: sample(4, y.shape) }, { inputShape: x.shape }]
    }),
  [kernelNames.batchNorm]: () =>
    batchNormTrials(({ x, gamma, beta }, relu) => [
      { x, gamma, beta },
      { epsilon: 1e-3, relu },
    ]),
  [kernelNames.batchNormFixed]: () =>
    batchNormTrials((inputs, relu) => [
      { ...inputs, mean: inputs.beta, variance: square(inputs.gamma) },
      { epsilon: 1e-3, relu },
    ]),
  [kernelNames.batchNormGradient]: () =>
    batchNormTrials(({ x, gamma, beta }, relu) => [
      { dy: reverse(x), x, y: x, gamma, mean: beta, variance: square(gamma) },
      { epsilon: 1e-3, relu, training: relu },
    ]),
}

const denseInputs = (): Readonly<Record<'x' | 'kernel' | 'bias', Tensor>> => ({
  x: sample(1, [3, 17]),
  kernel: sample(2, [17, 5]),
  bias: sample(3, [5]),
})

function poolTrials(call: (x: Tensor, attributes: PoolAttributes) => TrialCall): TrialCall[] {
  return ([2, 3] as const).map((size) =>
    call(sample(1, [2, 7, 8, 5]), { filterSize: [size, size], strides: [2, 2], pad: 'same' }),
  )
}

/** An odd size, of which the pool leaves out the last row, with one pass of filters, and one with two. */
function convPoolTrials(): (readonly [inputs: NamedTensorMap, attributes: ConvPoolAttributes])[] {
  return (
    [
      [3, 8, 'same'],
      [1, 24, 'valid'],
    ] as const
  ).map(([channels, filters, pad]) => [
    {
      x: sample(1, [2, 7, 8, channels]),
      filter: sample(2, [3, 3, channels, filters]),
      bias: sample(3, [filters]),
    },
    { pad, inputShape: [2, 7, 8, channels], filterShape: [3, 3, channels, filters] },
  ])
}

function poolBiasReluTrials(): (readonly [inputs: Readonly<Record<'x' | 'bias', Tensor>>, attributes: NamedAttrMap])[] {
  return [8, 24].map((filters) => [{ x: sample(1, [2, 7, 8, filters]), bias: sample(3, [filters]) }, {}])
}

/** The reference needs the forward pass's inputs too. */
function withWinners([inputs, attributes]: TrialCall): TrialCall {
  const [y, winners] = runKernel<Tensor[]>(optionalKernelNames.convPool, inputs, attributes)
  return [{ ...inputs, winners, dy: sample(4, y.shape) }, attributes]
}

function batchNormTrials(
  call: (inputs: Readonly<Record<'x' | 'gamma' | 'beta', Tensor>>, relu: boolean) => TrialCall,
): TrialCall[] {
  return [5, 16].flatMap((channels) =>
    [true, false].map((relu) =>
      call({ x: sample(1, [2, 7, 8, channels]), gamma: sample(2, [channels]), beta: sample(3, [channels]) }, relu),
    ),
  )
}

/** Whether a kernel runs here and gives what the other one gives. */
export function passesTrial(name: string, kernel: NativeKernel, reference: NativeKernel): boolean {
  try {
    return tidy(() => trials[name]().every((call) => difference(kernel(...call), reference(...call)) <= tolerance))
  } catch {
    // An operation that this library or device doesn't have.
    return false
  }
}

function difference(found: Tensor | Tensor[], expected: Tensor | Tensor[]): number {
  if (Array.isArray(found) && Array.isArray(expected)) {
    // A reference may have nothing to put in an output that is for its gradient alone.
    return Math.max(...found.map((tensor, i) => (expected[i].size === 0 ? 0 : difference(tensor, expected[i]))))
  }
  if (Array.isArray(found) || Array.isArray(expected)) return Number.POSITIVE_INFINITY
  const [a, b] = [found.dataSync(), expected.dataSync()]
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  let largest = 0
  let scale = 1e-30
  for (let i = 0; i < a.length; i++) {
    const distance = Math.abs(a[i] - b[i])
    // Not Math.max: a NaN must come through.
    if (!(distance <= largest)) largest = distance
    scale = Math.max(scale, Math.abs(b[i]))
  }
  return largest / scale
}
