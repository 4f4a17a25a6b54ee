/**
 * The mean cross-entropy of a batch and its gradient, in plain JavaScript: reading waits for nothing on a processor, and
 * a few hundred numbers cost less than one operation of TensorFlow, of which the composition has seven.
 */
import { div, fill, mean, mul, type Tensor, tensor } from '@tensorflow/tfjs-core'
import { crossEntropyGradientRows, crossEntropyRows } from '../cross-entropy-rows.ts'
import { kernelNames, optionalKernelNames } from '../names.ts'
import { runKernel } from '../run-kernel.ts'
import type { TriedKernel } from './tried.ts'

const valuesOf = (input: Tensor): Float32Array => input.dataSync<'float32'>()

export const meanLossKernels: readonly TriedKernel[] = [
  {
    name: optionalKernelNames.meanCrossEntropy,
    kernel({ logits, targets }) {
      const [rows, classes] = logits.shape
      const losses = new Float32Array(rows)
      crossEntropyRows(valuesOf(logits), valuesOf(targets), losses, classes)
      return tensor(Float32Array.of(losses.reduce((sum, loss) => sum + loss, 0) / rows), [])
    },
    reference: ({ logits, targets }) => mean(runKernel(kernelNames.crossEntropy, { logits, targets })),
  },
  {
    name: optionalKernelNames.meanCrossEntropyGradient,
    kernel({ dy, logits, targets }) {
      const [rows, classes] = logits.shape
      const gradients = new Float32Array(logits.size)
      const weights = new Float32Array(rows).fill(valuesOf(dy)[0] / rows)
      crossEntropyGradientRows(weights, valuesOf(logits), valuesOf(targets), gradients, classes)
      return tensor(gradients, logits.shape)
    },
    reference({ dy, logits, targets }) {
      const weights = mul(fill([logits.shape[0]], 1), div(dy, logits.shape[0]))
      return runKernel(kernelNames.crossEntropyGradient, { dy: weights, logits, targets })
    },
  },
]
