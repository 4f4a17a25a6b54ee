/**
 * Kernels that TensorFlow has twice: by oneDNN, two to five times as fast, and by Eigen. Which of oneDNN's work depends
 * on the processor, so each is tried against Eigen's before it is used.
 */
import {
  backend_util,
  MaxPoolGrad,
  type NamedAttrMap,
  type NamedTensorMap,
  type Tensor,
  tensor1d,
} from '@tensorflow/tfjs-core'
import {
  type ConvAttributes,
  type ConvFilterAttributes,
  type ConvInputAttributes,
  kernelNames,
  type Shape4D,
} from '../names.ts'
import { Attributes, type NativeBackend, type OpAttribute } from './backend.ts'

export type NativeKernel = (inputs: NamedTensorMap, attributes: NamedAttrMap) => Tensor | Tensor[]

export interface TwofoldKernel {
  readonly name: string
  readonly onednn: NativeKernel
  readonly eigen: NativeKernel
  /** Whether oneDNN's is right for this call, beyond what a trial at start can tell. */
  suits?(inputs: NamedTensorMap, attributes: NamedAttrMap): boolean
}

/** Both kernels of each name. They leave intermediate tensors to the caller's scope. */
export function twofoldKernels(backend: NativeBackend): readonly TwofoldKernel[] {
  const attribute = new Attributes(backend.binding)
  const shapeTensor = (shape: readonly number[]): Tensor => tensor1d([...shape], 'int32')

  const convolve =
    (operation: string, extra: readonly OpAttribute[]): NativeKernel =>
    ({ x, filter, bias }, attributes) => {
      const { strides, pad, relu } = attributes as ConvAttributes
      return backend.executeSingleOutput(
        operation,
        [
          ...attribute.convolution({ strides, pad }),
          attribute.type('TArgs', [attribute.float]),
          attribute.int('num_args', 1),
          attribute.text('fused_ops', relu ? ['BiasAdd', 'Relu'] : ['BiasAdd']),
          attribute.real('epsilon', 1e-4),
          ...extra,
        ],
        [x, filter, bias],
      )
    }
  const inputGradient =
    (operation: string, extra: readonly OpAttribute[]): NativeKernel =>
    ({ dy, filter }, attributes) => {
      const { strides, pad, inputShape } = attributes as ConvInputAttributes
      return backend.executeSingleOutput(
        operation,
        [...attribute.convolution({ strides, pad }), ...extra],
        [shapeTensor(inputShape), filter, dy],
      )
    }
  const filterGradient =
    (operation: string, extra: readonly OpAttribute[]): NativeKernel =>
    ({ x, dy }, attributes) => {
      const { strides, pad, filterShape } = attributes as ConvFilterAttributes
      return backend.executeSingleOutput(
        operation,
        [...attribute.convolution({ strides, pad }), ...extra],
        [x, shapeTensor(filterShape), dy],
      )
    }
  const poolAttributes = (input: Tensor, attributes: NamedAttrMap): OpAttribute[] => {
    const { filterSize, strides, pad, dimRoundingMode } = attributes as PoolAttributes
    const info = backend_util.computePool2DInfo(input.shape as Shape4D, filterSize, strides, 1, pad, dimRoundingMode)
    return [
      attribute.type('T'),
      attribute.int('ksize', [1, info.filterHeight, info.filterWidth, 1]),
      attribute.int('strides', [1, info.strideHeight, info.strideWidth, 1]),
      attribute.text('padding', info.padInfo.type),
      attribute.text('data_format', 'NHWC'),
    ]
  }

  return [
    {
      name: kernelNames.conv,
      onednn: convolve('_MklNativeFusedConv2D', [attribute.onednn]),
      eigen: convolve('_FusedConv2D', []),
    },
    {
      name: kernelNames.convInputGradient,
      onednn: inputGradient('_MklNativeConv2DBackpropInput', [attribute.onednn]),
      eigen: inputGradient('Conv2DBackpropInput', []),
    },
    {
      name: kernelNames.convFilterGradient,
      onednn: filterGradient('_MklNativeConv2DBackpropFilter', [attribute.onednn]),
      eigen: filterGradient('Conv2DBackpropFilter', []),
      // oneDNN's reads memory beyond the image where a filter is smaller than its stride: wrong, and silently so.
      suits(_, attributes) {
        const { strides, filterShape } = attributes as ConvFilterAttributes
        return filterShape[0] >= strides[0] && filterShape[1] >= strides[1]
      },
    },
    {
      name: MaxPoolGrad,
      /** The forward pass again, since stock MaxPool keeps no workspace; still four times as fast as the other. */
      onednn({ dy, input }, attributes) {
        const pool = [...poolAttributes(input, attributes), attribute.flag('workspace_enabled', true), attribute.onednn]
        const [output, workspace] = backend.executeMultipleOutputs('_MklNativeMaxPool', pool, [input], 2)
        return backend.executeSingleOutput('_MklNativeMaxPoolGrad', pool, [input, output, dy, workspace])
      },
      eigen: ({ dy, input, output }, attributes) =>
        backend.executeSingleOutput('MaxPoolGrad', poolAttributes(input, attributes), [input, output, dy]),
    },
  ]
}

type PoolAttributes = {
  filterSize: [number, number]
  strides: [number, number]
  pad: 'same' | 'valid' | number
  dimRoundingMode?: 'floor' | 'round' | 'ceil'
}
