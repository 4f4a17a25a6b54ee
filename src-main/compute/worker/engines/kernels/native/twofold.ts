/**
 * Kernels that TensorFlow has twice: by oneDNN, two to five times as fast, and by Eigen. Which of oneDNN's work depends
 * on the processor, so each is tried against Eigen's before it is used.
 */
import { type NamedAttrMap, type NamedTensorMap, type Tensor, tensor1d } from '@tensorflow/tfjs-core'
import {
  type ConvAttributes,
  type ConvFilterAttributes,
  type ConvInputAttributes,
  kernelNames,
  type PoolAttributes,
} from '../names.ts'
import { Attributes, type NativeBackend, type OpAttribute } from './backend.ts'

export type NativeKernel = (inputs: NamedTensorMap, attributes: NamedAttrMap) => Tensor | Tensor[]

/** A fast kernel, which is tried at start, and the one in its place where the trial fails. */
export interface KernelPair {
  readonly name: string
  readonly fast: NativeKernel
  readonly plain: NativeKernel
  /** Whether the fast one makes no tensor beside its results: it then needs no scope of its own. */
  readonly isClean?: true
  /** Whether the fast one is right for this call, beyond what a trial at start can tell. */
  suits?(inputs: NamedTensorMap, attributes: NamedAttrMap): boolean
}

/** Both kernels of each name. They leave intermediate tensors to the caller's scope. */
export function twofoldKernels(backend: NativeBackend): readonly KernelPair[] {
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
  const poolAttributes = (attributes: NamedAttrMap): OpAttribute[] => {
    const { filterSize, strides, pad } = attributes as PoolAttributes
    return [
      attribute.type('T'),
      attribute.int('ksize', [1, ...filterSize, 1]),
      attribute.int('strides', [1, ...strides, 1]),
      attribute.text('padding', pad.toUpperCase()),
      attribute.text('data_format', 'NHWC'),
    ]
  }
  const indexedPool = (x: Tensor, attributes: NamedAttrMap): Tensor[] =>
    backend.executeMultipleOutputs(
      '_MklNativeMaxPool',
      [...poolAttributes(attributes), attribute.flag('workspace_enabled', true), attribute.onednn],
      [x],
      2,
    )

  return [
    {
      name: kernelNames.conv,
      isClean: true,
      fast: convolve('_MklNativeFusedConv2D', [attribute.onednn]),
      plain: convolve('_FusedConv2D', []),
    },
    {
      name: kernelNames.convInputGradient,
      fast: inputGradient('_MklNativeConv2DBackpropInput', [attribute.onednn]),
      plain: inputGradient('Conv2DBackpropInput', []),
    },
    {
      name: kernelNames.convFilterGradient,
      fast: filterGradient('_MklNativeConv2DBackpropFilter', [attribute.onednn]),
      plain: filterGradient('Conv2DBackpropFilter', []),
      // oneDNN's reads memory beyond the image where a filter is smaller than its stride: wrong, and silently so.
      suits(_, attributes) {
        const { strides, filterShape } = attributes as ConvFilterAttributes
        return filterShape[0] >= strides[0] && filterShape[1] >= strides[1]
      },
    },
    {
      name: kernelNames.maxPool,
      fast: ({ x }, attributes) => indexedPool(x, attributes),
      plain: ({ x }, attributes) => [
        backend.executeSingleOutput('MaxPool', poolAttributes(attributes), [x]),
        tensor1d([]),
      ],
    },
    {
      name: kernelNames.maxPoolGradient,
      fast({ dy, x, y, index }, attributes) {
        // The index is empty where the pool itself wasn't oneDNN's.
        const [output, workspace] = index.size === 0 ? indexedPool(x, attributes) : [y, index]
        return backend.executeSingleOutput(
          '_MklNativeMaxPoolGrad',
          [...poolAttributes(attributes), attribute.flag('workspace_enabled', true), attribute.onednn],
          [x, output, dy, workspace],
        )
      },
      plain: ({ dy, x, y }, attributes) =>
        backend.executeSingleOutput('MaxPoolGrad', poolAttributes(attributes), [x, y, dy]),
    },
  ]
}
