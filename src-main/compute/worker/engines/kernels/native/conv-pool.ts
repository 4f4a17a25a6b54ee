/**
 * A convolution with its pool, bias and relu as one kernel of ours in the binding (resources/engine-headers/
 * tmu_conv_pool.h), for images of few channels: there TensorFlow's convolution is slow, and writes many times the image
 * for the pool to read.
 */
import { backend_util, type NamedAttrMap, type NamedTensorMap, type Tensor, zeros } from '@tensorflow/tfjs-core'
import { type ConvPoolAttributes, kernelNames, optionalKernelNames } from '../names.ts'
import { runKernel } from '../run-kernel.ts'
import type { NativeBackend } from './backend.ts'
import type { NativeKernel } from './twofold.ts'

/** Kernels that have no place where their trial against the same by other kernels fails. */
export interface OptionalKernel {
  readonly name: string
  readonly kernel: NativeKernel
  readonly reference: NativeKernel
}

const strides: [number, number] = [1, 1]
const pool = { filterSize: [2, 2] as [number, number], strides: [2, 2] as [number, number], pad: 'valid' } as const

export function convPoolKernels(backend: NativeBackend): readonly OptionalKernel[] {
  const run = (name: string, tensors: readonly Tensor[], attributes: NamedAttrMap): Tensor[] =>
    backend.binding
      .runOwnKernel(name, backend.getInputTensorIds(tensors), shapeNumbers(attributes as ConvPoolAttributes))
      .map((output) => backend.createOutputTensor(output))
  return [
    {
      name: optionalKernelNames.convPool,
      kernel: ({ x, filter, bias }, attributes) => run('convPool', [x, filter, bias], attributes),
      // The winners have no other form to be compared with; the gradients' trials are about them.
      reference: ({ x, filter, bias }, attributes) => {
        const { y } = compose(x, filter, bias, attributes as ConvPoolAttributes)
        return [y, zeros([0])]
      },
    },
    {
      name: optionalKernelNames.convPoolGradient,
      kernel: ({ x, dy, winners }, attributes) => run('convPoolGradient', [x, dy, winners], attributes),
      reference(inputs, attributes) {
        const { pad, filterShape } = attributes as ConvPoolAttributes
        const [dSums, dBias] = composeGradient(inputs, attributes as ConvPoolAttributes)
        const convFilter = { strides, pad, filterShape }
        return [runKernel(kernelNames.convFilterGradient, { x: inputs.x, dy: dSums }, convFilter), dBias]
      },
    },
    {
      name: optionalKernelNames.convPoolSpread,
      kernel: ({ dy, winners }, attributes) => run('convPoolSpread', [dy, winners], attributes)[0],
      reference: (inputs, attributes) => composeGradient(inputs, attributes as ConvPoolAttributes)[0],
    },
  ]
}

/** In the order that the binding reads them in. */
function shapeNumbers({ pad, inputShape, filterShape }: ConvPoolAttributes): Float32Array {
  const { outHeight, outWidth, padInfo } = backend_util.computeConv2DInfo(inputShape, filterShape, strides, 1, pad)
  const [filterHeight, filterWidth, , filters] = filterShape
  return Float32Array.of(
    ...inputShape,
    filterHeight,
    filterWidth,
    filters,
    padInfo.top,
    padInfo.left,
    outHeight,
    outWidth,
  )
}

interface Composed {
  readonly sums: Tensor
  readonly pooled: Tensor
  readonly index: Tensor
  readonly y: Tensor
}

function compose(x: Tensor, filter: Tensor, bias: Tensor, { pad, filterShape }: ConvPoolAttributes): Composed {
  const sums = runKernel(kernelNames.conv, { x, filter, bias: zeros([filterShape[3]]) }, { strides, pad, relu: false })
  const [pooled, index] = runKernel<Tensor[]>(kernelNames.maxPool, { x: sums }, pool)
  return { sums, pooled, index, y: runKernel(kernelNames.biasRelu, { x: pooled, bias }) }
}

/** With the inputs of the forward pass in addition: gradients of the sums and of the bias. */
function composeGradient({ x, filter, bias, dy }: NamedTensorMap, attributes: ConvPoolAttributes): readonly Tensor[] {
  const { sums, pooled, index, y } = compose(x, filter, bias, attributes)
  const [dz, dBias] = runKernel<Tensor[]>(kernelNames.reluBiasGradient, { dy, y })
  return [runKernel(kernelNames.maxPoolGradient, { dy: dz, x: sums, y: pooled, index }, pool), dBias]
}
