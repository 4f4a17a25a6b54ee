/**
 * Kernels for a GPU: TensorFlow's own operations, none of oneDNN's. Those without a repeatable implementation there
 * (SoftmaxCrossEntropyWithLogits) are left to the composed kernels.
 */
import { add, addN, mul, relu as rectify, rsqrt, type Tensor, tensor1d } from '@tensorflow/tfjs-core'
import { composedKernels } from '../composed.ts'
import {
  type BatchNormAttributes,
  type BatchNormGradientAttributes,
  type ConvAttributes,
  type ConvFilterAttributes,
  type ConvInputAttributes,
  type DenseAttributes,
  kernelNames,
} from '../names.ts'
import { runKernel } from '../run-kernel.ts'
import { Attributes, type NativeBackend, type OpAttribute } from './backend.ts'
import type { TriedKernel } from './tried.ts'
import type { NativeKernel } from './twofold.ts'

/** They leave intermediate tensors to the caller's scope. */
export function gpuKernels(backend: NativeBackend): readonly TriedKernel[] {
  const attribute = new Attributes(backend.binding)
  const run = (operation: string, attributes: readonly OpAttribute[], inputs: readonly Tensor[]): Tensor =>
    backend.executeSingleOutput(operation, attributes, inputs)
  const shapeTensor = (shape: readonly number[]): Tensor => tensor1d([...shape], 'int32')
  const finish = (z: Tensor, bias: Tensor, relu: boolean): Tensor => {
    const biased = run('BiasAdd', [attribute.type('T'), attribute.text('data_format', 'NHWC')], [z, bias])
    return relu ? rectify(biased) : biased
  }
  const batchNorm = (epsilon: number, training: boolean): OpAttribute[] => [
    attribute.type('T'),
    attribute.type('U'),
    attribute.real('epsilon', epsilon),
    attribute.text('data_format', 'NHWC'),
    attribute.flag('is_training', training),
  ]
  const normalise = (
    inputs: readonly Tensor[],
    { epsilon, relu }: BatchNormAttributes,
    training: boolean,
  ): Tensor[] => {
    const [y, ...rest] = backend.executeMultipleOutputs(
      'FusedBatchNormV3',
      [...batchNorm(epsilon, training), attribute.real('exponential_avg_factor', 1)],
      inputs,
      6,
    )
    return [relu ? rectify(y) : y, ...rest]
  }

  const kernels: Readonly<Partial<Record<(typeof kernelNames)[keyof typeof kernelNames], NativeKernel>>> = {
    [kernelNames.conv]({ x, filter, bias }, attributes) {
      const { strides, pad, relu } = attributes as ConvAttributes
      return finish(run('Conv2D', attribute.convolution({ strides, pad }), [x, filter]), bias, relu)
    },
    [kernelNames.convInputGradient]({ dy, filter }, attributes) {
      const { strides, pad, inputShape } = attributes as ConvInputAttributes
      const inputs = [shapeTensor(inputShape), filter, dy]
      return run('Conv2DBackpropInput', attribute.convolution({ strides, pad }), inputs)
    },
    [kernelNames.convFilterGradient]({ x, dy }, attributes) {
      const { strides, pad, filterShape } = attributes as ConvFilterAttributes
      const inputs = [x, shapeTensor(filterShape), dy]
      return run('Conv2DBackpropFilter', attribute.convolution({ strides, pad }), inputs)
    },
    [kernelNames.dense]({ x, kernel, bias }, attributes) {
      const { relu } = attributes as DenseAttributes
      const options = [attribute.flag('transpose_a', false), attribute.flag('transpose_b', false), attribute.type('T')]
      return finish(run('MatMul', options, [x, kernel]), bias, relu)
    },
    [kernelNames.biasGradient]: ({ dy }) =>
      run('BiasAddGrad', [attribute.type('T'), attribute.text('data_format', 'NHWC')], [dy]),
    [kernelNames.reluGradient]: ({ dy, y }) => run('ReluGrad', [attribute.type('T')], [dy, y]),
    /** L2Loss is half the sum of the squares. */
    [kernelNames.squaredNorm]: (inputs) =>
      mul(addN(Object.values(inputs).map((input) => run('L2Loss', [attribute.type('T')], [input]))), 2),
    /** The third output is the Bessel-corrected variance; the fifth, cuDNN's own, isn't a variance. */
    [kernelNames.batchNorm]({ x, gamma, beta }, attributes) {
      const none = tensor1d([])
      const [y, mean, corrected] = normalise([x, gamma, beta, none, none], attributes as BatchNormAttributes, true)
      const rows = x.size / gamma.size
      return [y, mean, mul(corrected, (rows - 1) / rows)]
    },
    [kernelNames.batchNormFixed]: ({ x, gamma, beta, mean, variance }, attributes) =>
      normalise([x, gamma, beta, mean, variance], attributes as BatchNormAttributes, false)[0],
    [kernelNames.batchNormGradient]({ dy, x, y, gamma, mean, variance }, attributes) {
      const { epsilon, relu, training } = attributes as BatchNormGradientAttributes
      const dz = relu ? runKernel(kernelNames.reluGradient, { dy, y }) : dy
      // cuDNN takes the inverse deviation where the processor takes the variance.
      const spread = training ? rsqrt(add(variance, epsilon)) : variance
      return backend
        .executeMultipleOutputs(
          'FusedBatchNormGradV3',
          batchNorm(epsilon, training),
          [dz, x, gamma, mean, spread, tensor1d([])],
          5,
        )
        .slice(0, 3)
    },
  }
  return Object.entries(kernels).map(([name, kernel]) => ({
    name,
    kernel,
    reference: composedKernels[name as keyof typeof composedKernels],
  }))
}
