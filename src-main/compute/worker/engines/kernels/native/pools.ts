/**
 * A pool with bias and relu as one kernel of ours in the binding (resources/engine-headers/tmu_pool.h), and the same with
 * the convolution before it, for images of few channels: there TensorFlow's convolution is slow, and writes many times
 * the image for the pool to read.
 */
import { backend_util, type NamedAttrMap, type NamedTensorMap, type Tensor, zeros } from '@tensorflow/tfjs-core'
import {
  type ConvPoolAttributes,
  kernelNames,
  optionalKernelNames,
  type PoolBiasReluGradientAttributes,
} from '../names.ts'
import { runKernel } from '../run-kernel.ts'
import { type NativeBackend, runOwnKernel } from './backend.ts'
import type { TriedKernel } from './tried.ts'

const strides: [number, number] = [1, 1]
const pool = { filterSize: [2, 2] as [number, number], strides: [2, 2] as [number, number], pad: 'valid' } as const

/** Kernels that go together: all of them are used or none. */
export function poolKernels(backend: NativeBackend): readonly (readonly TriedKernel[])[] {
  const run = (name: string, tensors: readonly Tensor[], numbers: readonly number[]): Tensor[] =>
    runOwnKernel(backend, name, tensors, numbers)
  // Winners have no other form to be compared with; the gradients' trials are about them.
  const withoutWinners = ({ y }: Pooled): Tensor[] => [y, zeros([0])]
  return [
    [
      {
        name: optionalKernelNames.poolBiasRelu,
        kernel: ({ x, bias }) => run('poolBiasRelu', [x, bias], x.shape),
        reference: ({ x, bias }) => withoutWinners(composePool(x, bias)),
      },
      {
        name: optionalKernelNames.poolBiasReluGradient,
        kernel: ({ dy, winners }, attributes) =>
          run('poolBiasReluGradient', [dy, winners], (attributes as PoolBiasReluGradientAttributes).inputShape),
        reference: ({ x, bias, dy }) => composePoolGradient(x, bias, dy),
      },
    ],
    [
      {
        name: optionalKernelNames.convPool,
        kernel: ({ x, filter, bias }, attributes) => run('convPool', [x, filter, bias], numbersOf(attributes)),
        reference: (inputs, attributes) => withoutWinners(composePool(convolve(inputs, attributes), inputs.bias)),
      },
      {
        name: optionalKernelNames.convPoolGradient,
        kernel: ({ x, dy, winners }, attributes) => run('convPoolGradient', [x, dy, winners], numbersOf(attributes)),
        reference(inputs, attributes) {
          const { pad, filterShape } = attributes as ConvPoolAttributes
          const [dSums, dBias] = composePoolGradient(convolve(inputs, attributes), inputs.bias, inputs.dy)
          const convFilter = { strides, pad, filterShape }
          return [runKernel(kernelNames.convFilterGradient, { x: inputs.x, dy: dSums }, convFilter), dBias]
        },
      },
    ],
  ]
}

/** In the order that the binding reads them in. */
function numbersOf(attributes: NamedAttrMap): readonly number[] {
  const { pad, inputShape, filterShape } = attributes as ConvPoolAttributes
  const { outHeight, outWidth, padInfo } = backend_util.computeConv2DInfo(inputShape, filterShape, strides, 1, pad)
  const [filterHeight, filterWidth, , filters] = filterShape
  return [...inputShape, filterHeight, filterWidth, filters, padInfo.top, padInfo.left, outHeight, outWidth]
}

function convolve({ x, filter }: NamedTensorMap, attributes: NamedAttrMap): Tensor {
  const { pad, filterShape } = attributes as ConvPoolAttributes
  return runKernel(kernelNames.conv, { x, filter, bias: zeros([filterShape[3]]) }, { strides, pad, relu: false })
}

interface Pooled {
  readonly largest: Tensor
  readonly index: Tensor
  readonly y: Tensor
}

function composePool(x: Tensor, bias: Tensor): Pooled {
  const [largest, index] = runKernel<Tensor[]>(kernelNames.maxPool, { x }, pool)
  return { largest, index, y: runKernel(kernelNames.biasRelu, { x: largest, bias }) }
}

function composePoolGradient(x: Tensor, bias: Tensor, dy: Tensor): Tensor[] {
  const { largest, index, y } = composePool(x, bias)
  const [dz, dBias] = runKernel<Tensor[]>(kernelNames.reluBiasGradient, { dy, y })
  return [runKernel(kernelNames.maxPoolGradient, { dy: dz, x, y: largest, index }, pool), dBias]
}
