/** Kernels that are one TensorFlow operation each, on any processor. */
import { addN, mul, type NamedAttrMap, type NamedTensorMap, type Tensor } from '@tensorflow/tfjs-core'
import { type DenseAttributes, kernelNames } from '../names.ts'
import { Attributes, type NativeBackend } from './backend.ts'

type PlainKernel = (inputs: NamedTensorMap, attributes: NamedAttrMap) => Tensor

/** They leave intermediate tensors to the caller's scope. */
export function plainKernels(backend: NativeBackend): Readonly<Record<string, PlainKernel>> {
  const attribute = new Attributes(backend.binding)
  return {
    [kernelNames.dense]({ x, kernel, bias }, attributes) {
      const { relu } = attributes as DenseAttributes
      return backend.executeSingleOutput(
        '_FusedMatMul',
        [
          attribute.flag('transpose_a', false),
          attribute.flag('transpose_b', false),
          attribute.type('T'),
          attribute.int('num_args', 1),
          attribute.text('fused_ops', relu ? ['BiasAdd', 'Relu'] : ['BiasAdd']),
          attribute.real('epsilon', 1e-4),
          attribute.real('leakyrelu_alpha', 0),
        ],
        [x, kernel, bias],
      )
    },
    [kernelNames.biasGradient]: ({ dy }) =>
      backend.executeSingleOutput('BiasAddGrad', [attribute.type('T'), attribute.text('data_format', 'NHWC')], [dy]),
    [kernelNames.reluGradient]: ({ dy, y }) => backend.executeSingleOutput('ReluGrad', [attribute.type('T')], [dy, y]),
    [kernelNames.crossEntropy]({ logits, targets }) {
      const [losses] = backend.executeMultipleOutputs(
        'SoftmaxCrossEntropyWithLogits',
        [attribute.type('T')],
        [logits, targets],
        2,
      )
      return losses
    },
    /** L2Loss is half the sum of the squares. */
    [kernelNames.squaredNorm]: (inputs) =>
      mul(
        addN(
          Object.values(inputs).map((input) => backend.executeSingleOutput('L2Loss', [attribute.type('T')], [input])),
        ),
        2,
      ),
  }
}
