/**
 * Kernels by functions of our own in the binding (resources/engine-headers/tmu_backend.h), each one pass where TensorFlow
 * needs several operations, beside those operations. On the processor only: they work on the tensors' memory.
 */
import { type NamedTensorMap, type Tensor, tensor } from '@tensorflow/tfjs-core'
import { composedKernels } from '../composed.ts'
import { crossEntropyGradientRows } from '../cross-entropy-rows.ts'
import { type AdamAttributes, kernelNames, type SgdAttributes } from '../names.ts'
import { runKernel } from '../run-kernel.ts'
import { type NativeBackend, runOwnKernel } from './backend.ts'
import { plainKernels } from './plain.ts'
import type { KernelPair } from './twofold.ts'

export function ownKernels(backend: NativeBackend): readonly KernelPair[] {
  const run = (name: string, tensors: readonly Tensor[], ...numbers: readonly number[]): Tensor[] =>
    runOwnKernel(backend, name, tensors, numbers)
  const plain = plainKernels(backend)

  return [
    {
      name: kernelNames.adam,
      isClean: true,
      fast({ parameter, gradient, mean, square }, attributes) {
        const { beta1, beta2, stepSize, rootScale, epsilon, weightDecay } = attributes as AdamAttributes
        const decays = [beta1, 1 - beta1, beta2, 1 - beta2]
        const tensors = [parameter, gradient, mean, square]
        return run('adam', tensors, ...decays, stepSize, rootScale, epsilon, weightDecay)
      },
      plain: composedKernels[kernelNames.adam],
    },
    {
      name: kernelNames.sgd,
      isClean: true,
      fast({ parameter, gradient, velocity }, attributes) {
        const { lr, momentum, weightDecay } = attributes as SgdAttributes
        return run('sgd', [parameter, gradient, velocity], lr, momentum, weightDecay)
      },
      plain: composedKernels[kernelNames.sgd],
    },
    {
      name: kernelNames.squaredNorm,
      isClean: true,
      fast: (inputs: NamedTensorMap) => run('sumOfSquares', Object.values(inputs))[0],
      plain: plain[kernelNames.squaredNorm],
    },
    {
      name: kernelNames.biasRelu,
      isClean: true,
      fast: ({ x, bias }) => run('biasRelu', [x, bias])[0],
      plain: composedKernels[kernelNames.biasRelu],
    },
    {
      name: kernelNames.reluBiasGradient,
      isClean: true,
      fast: ({ dy, y }) => run('reluBiasGradient', [dy, y]),
      plain({ dy, y }) {
        const dz = runKernel(kernelNames.reluGradient, { dy, y })
        return [dz, runKernel(kernelNames.biasGradient, { dy: dz })]
      },
    },
    {
      name: kernelNames.crossEntropyGradient,
      isClean: true,
      /** Reading waits for nothing on a processor. */
      fast({ dy, logits, targets }) {
        const gradients = new Float32Array(logits.size)
        const [weights, z, t] = [dy, logits, targets].map((input) => input.dataSync<'float32'>())
        crossEntropyGradientRows(weights, z, t, gradients, logits.size / dy.size)
        return tensor(gradients, logits.shape)
      },
      plain: composedKernels[kernelNames.crossEntropyGradient],
    },
  ]
}
