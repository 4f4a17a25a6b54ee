/** Batch normalisation, which TensorFlow has by oneDNN and by Eigen too. On the processor: on a GPU the outputs mean other things. */
import { type NamedAttrMap, relu as rectify, type Tensor, tensor1d } from '@tensorflow/tfjs-core'
import { type BatchNormAttributes, type BatchNormGradientAttributes, kernelNames } from '../names.ts'
import { runKernel } from '../run-kernel.ts'
import { Attributes, type NativeBackend, type OpAttribute } from './backend.ts'
import type { KernelPair, NativeKernel } from './twofold.ts'

/** Both kernels of each name. They leave intermediate tensors to the caller's scope. */
export function batchNormKernels(backend: NativeBackend): readonly KernelPair[] {
  const attribute = new Attributes(backend.binding)

  const common = (epsilon: number, training: boolean): OpAttribute[] => [
    attribute.type('T'),
    attribute.type('U'),
    attribute.real('epsilon', epsilon),
    attribute.text('data_format', 'NHWC'),
    attribute.flag('is_training', training),
  ]
  /** The fourth and fifth output are what the gradient takes; the second and third, for averaging, are Bessel-corrected. */
  const trained = ([y, , , mean, variance]: readonly Tensor[]): Tensor[] => [y, mean, variance]

  const forward =
    (operation: string, extra: readonly OpAttribute[]) =>
    (inputs: readonly Tensor[], attributes: NamedAttrMap, training: boolean): Tensor[] => {
      const { epsilon, relu } = attributes as BatchNormAttributes
      const [y, ...rest] = backend.executeMultipleOutputs(
        operation,
        [...common(epsilon, training), attribute.real('exponential_avg_factor', 1), ...extra],
        inputs,
        6,
      )
      return [relu ? rectify(y) : y, ...rest]
    }
  const onednn = forward('_MklNativeFusedBatchNormV3', [attribute.onednn])
  const eigen = forward('FusedBatchNormV3', [])

  /** With the relu in the same pass. */
  const onednnTraining: NativeKernel = ({ x, gamma, beta }, attributes) => {
    const { epsilon, relu } = attributes as BatchNormAttributes
    const none = tensor1d([])
    const inputs = [x, gamma, beta, none, none]
    if (!relu) return trained(onednn(inputs, attributes, true))
    return trained(
      backend.executeMultipleOutputs(
        '_MklNativeFusedBatchNormEx',
        [
          ...common(epsilon, true),
          attribute.real('exponential_avg_factor', 1),
          attribute.int('num_side_inputs', 0),
          attribute.text('activation_mode', 'Relu'),
          attribute.onednn,
        ],
        inputs,
        6,
      ),
    )
  }

  const gradient =
    (operation: string, extra: readonly OpAttribute[]): NativeKernel =>
    ({ dy, x, y, gamma, mean, variance }, attributes) => {
      const { epsilon, relu, training } = attributes as BatchNormGradientAttributes
      const dz = relu ? runKernel(kernelNames.reluGradient, { dy, y }) : dy
      return backend
        .executeMultipleOutputs(
          operation,
          [...common(epsilon, training), ...extra],
          [dz, x, gamma, mean, variance, tensor1d([])],
          5,
        )
        .slice(0, 3)
    }

  return [
    {
      name: kernelNames.batchNorm,
      fast: onednnTraining,
      plain({ x, gamma, beta }, attributes) {
        const none = tensor1d([])
        return trained(eigen([x, gamma, beta, none, none], attributes, true))
      },
    },
    {
      name: kernelNames.batchNormFixed,
      fast: ({ x, gamma, beta, mean, variance }, attributes) =>
        onednn([x, gamma, beta, mean, variance], attributes, false)[0],
      plain: ({ x, gamma, beta, mean, variance }, attributes) =>
        eigen([x, gamma, beta, mean, variance], attributes, false)[0],
    },
    {
      name: kernelNames.batchNormGradient,
      fast: gradient('_MklNativeFusedBatchNormGradV3', [attribute.onednn]),
      plain: gradient('FusedBatchNormGradV3', []),
    },
  ]
}
