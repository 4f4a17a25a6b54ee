/**
 * Gradients of the kernels in names.ts, the same for every engine. Each input's gradient is a thunk: tfjs calls only those
 * that are asked for, so that a first layer's input gradient costs nothing in training.
 */
import {
  BatchMatMul,
  backend_util,
  div,
  type GradConfig,
  getGradient,
  logSoftmax,
  mul,
  neg,
  registerGradient,
  reshape,
  type Tensor,
} from '@tensorflow/tfjs-core'
import {
  type BatchNormAttributes,
  type BatchNormGradientAttributes,
  type ConvAttributes,
  type ConvPoolAttributes,
  type DenseAttributes,
  kernelNames,
  optionalKernelNames,
  type Shape4D,
} from './names.ts'
import { runKernel } from './run-kernel.ts'
import { stockGradients } from './stock-gradients.ts'

function single(dy: Tensor | Tensor[]): Tensor {
  return Array.isArray(dy) ? dy[0] : dy
}

/** Gradients with respect to z and bias of relu?(z + bias) = y. */
function beforeRelu(dy: Tensor, y: Tensor, relu: boolean): { dz: Tensor; bias: () => Tensor } {
  if (!relu) return { dz: dy, bias: () => runKernel(kernelNames.biasGradient, { dy }) }
  // The sum costs next to nothing in the same pass.
  const [dz, bias] = runKernel<Tensor[]>(kernelNames.reluBiasGradient, { dy, y })
  return { dz, bias: () => bias }
}

/** One kernel gives all three, so it runs at once and not when the first is asked for. */
function batchNormGradients(
  dy: Tensor,
  [x, gamma, y, mean, variance]: readonly Tensor[],
  attributes: BatchNormGradientAttributes,
): Record<string, () => Tensor> {
  const [dx, dGamma, dBeta] = runKernel<Tensor[]>(
    kernelNames.batchNormGradient,
    { dy, x, y, gamma, mean, variance },
    attributes,
  )
  return { x: () => dx, gamma: () => dGamma, beta: () => dBeta }
}

/** Of what was pooled, and of the bias. */
function pooledGradients(dy: Tensor, winners: Tensor, inputShape: Shape4D): readonly Tensor[] {
  return runKernel<Tensor[]>(optionalKernelNames.poolBiasReluGradient, { dy, winners }, { inputShape })
}

const gradients: readonly GradConfig[] = [
  {
    kernelName: kernelNames.conv,
    inputsToSave: ['x', 'filter'],
    outputsToSave: [true],
    gradFunc(dy, [x, filter, y], attributes) {
      const { strides, pad, relu } = attributes as ConvAttributes
      const { dz, bias } = beforeRelu(single(dy), y, relu)
      return {
        x: () =>
          runKernel(
            kernelNames.convInputGradient,
            { dy: dz, filter },
            { strides, pad, inputShape: x.shape as Shape4D },
          ),
        filter: () =>
          runKernel(
            kernelNames.convFilterGradient,
            { x, dy: dz },
            { strides, pad, filterShape: filter.shape as Shape4D },
          ),
        bias,
      }
    },
  },
  {
    kernelName: optionalKernelNames.poolBiasRelu,
    inputsToSave: ['x'],
    outputsToSave: [false, true],
    gradFunc(dy, [x, winners]) {
      const [dx, dBias] = pooledGradients(single(dy), winners, x.shape as Shape4D)
      return { x: () => dx, bias: () => dBias }
    },
  },
  {
    kernelName: optionalKernelNames.convPool,
    inputsToSave: ['x', 'filter'],
    outputsToSave: [false, true],
    gradFunc(dy, [x, filter, winners], attributes) {
      const { pad, inputShape, filterShape } = attributes as ConvPoolAttributes
      const [dFilter, dBias] = runKernel<Tensor[]>(
        optionalKernelNames.convPoolGradient,
        { x, dy: single(dy), winners },
        attributes,
      )
      const sums = backend_util.computeConv2DInfo(inputShape, filterShape, 1, 1, pad).outShape
      return {
        x: () =>
          runKernel(
            kernelNames.convInputGradient,
            { dy: pooledGradients(single(dy), winners, sums)[0], filter },
            { strides: [1, 1], pad, inputShape },
          ),
        filter: () => dFilter,
        bias: () => dBias,
      }
    },
  },
  {
    kernelName: kernelNames.dense,
    inputsToSave: ['x', 'kernel'],
    outputsToSave: [true],
    gradFunc(dy, [x, kernel, y], attributes) {
      const { relu } = attributes as DenseAttributes
      const { dz, bias } = beforeRelu(single(dy), y, relu)
      return {
        x: () => runKernel(BatchMatMul, { a: dz, b: kernel }, { transposeA: false, transposeB: true }),
        kernel: () => runKernel(BatchMatMul, { a: x, b: dz }, { transposeA: true, transposeB: false }),
        bias,
      }
    },
  },
  {
    kernelName: kernelNames.biasRelu,
    outputsToSave: [true],
    gradFunc(dy, [y]) {
      const { dz, bias } = beforeRelu(single(dy), y, true)
      return { x: () => dz, bias }
    },
  },
  {
    kernelName: kernelNames.addRelu,
    outputsToSave: [true],
    gradFunc(dy, [y]) {
      const dz = runKernel(kernelNames.reluGradient, { dy: single(dy), y })
      // Not one tensor for both: tfjs disposes of a gradient when it adds another to it.
      return { a: () => dz, b: () => dz.clone() }
    },
  },
  {
    kernelName: kernelNames.batchNorm,
    inputsToSave: ['x', 'gamma'],
    outputsToSave: [true, true, true],
    gradFunc: (dy, saved, attributes) =>
      batchNormGradients(single(dy), saved, { ...(attributes as BatchNormAttributes), training: true }),
  },
  {
    kernelName: kernelNames.batchNormFixed,
    inputsToSave: ['x', 'gamma', 'mean', 'variance'],
    outputsToSave: [true],
    gradFunc: (dy, [x, gamma, mean, variance, y], attributes) =>
      batchNormGradients(single(dy), [x, gamma, y, mean, variance], {
        ...(attributes as BatchNormAttributes),
        training: false,
      }),
  },
  {
    kernelName: kernelNames.globalAveragePool,
    inputsToSave: ['x'],
    gradFunc: (dy, [x]) => ({
      x: () => runKernel(kernelNames.globalAveragePoolGradient, { dy: single(dy) }, { inputShape: x.shape as Shape4D }),
    }),
  },
  {
    kernelName: optionalKernelNames.meanCrossEntropy,
    inputsToSave: ['logits', 'targets'],
    gradFunc(dy, [logits, targets]) {
      const inputs = { dy: single(dy), logits, targets }
      return {
        logits: () => runKernel(optionalKernelNames.meanCrossEntropyGradient, inputs),
        targets: () => mul(neg(logSoftmax(logits)), div(single(dy), logits.shape[0])),
      }
    },
  },
  {
    kernelName: kernelNames.crossEntropy,
    inputsToSave: ['logits', 'targets'],
    gradFunc(dy, [logits, targets]) {
      return {
        logits: () => runKernel(kernelNames.crossEntropyGradient, { dy: single(dy), logits, targets }),
        targets: () => mul(neg(logSoftmax(logits)), reshape(single(dy), [-1, 1])),
      }
    },
  },
]

/** Registers these and the stock operations' gradients, for all engines of the process. Idempotent. */
export function registerGradients(): void {
  for (const gradient of [...gradients, ...stockGradients]) {
    if (!getGradient(gradient.kernelName)) registerGradient(gradient)
  }
}
