import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core'
import { kernelNames } from '../names.ts'
import type { WasmHeap } from './heap.ts'

/** Largest value of a row and log(sum(exp(value - largest))). */
function logPartition(logits: Float32Array, start: number, end: number): { largest: number; logSum: number } {
  let largest = Number.NEGATIVE_INFINITY
  for (let i = start; i < end; i++) {
    // Not Math.max: a NaN must come through.
    if (!(logits[i] <= largest)) largest = logits[i]
  }
  let sum = 0
  for (let i = start; i < end; i++) sum += Math.exp(logits[i] - largest)
  return { largest, logSum: Math.log(sum) }
}

/** In JavaScript, in float64: a batch has only a few hundred logits. */
export function crossEntropyKernels(heap: WasmHeap): Readonly<Record<string, KernelFunc>> {
  return {
    [kernelNames.crossEntropy]({ inputs }) {
      const { logits, targets } = inputs as Record<string, TensorInfo>
      const [rows, classes] = logits.shape
      const out = heap.output([rows])
      const [z, t, losses] = [logits, targets, out].map((tensor) => heap.values(tensor))
      for (let row = 0; row < rows; row++) {
        const start = row * classes
        const { largest, logSum } = logPartition(z, start, start + classes)
        let loss = 0
        for (let i = start; i < start + classes; i++) loss += t[i] * (logSum - (z[i] - largest))
        losses[row] = loss
      }
      return out
    },

    [kernelNames.crossEntropyGradient]({ inputs }) {
      const { dy, logits, targets } = inputs as Record<string, TensorInfo>
      const [rows, classes] = logits.shape
      const out = heap.output(logits.shape)
      const [weights, z, t, gradients] = [dy, logits, targets, out].map((tensor) => heap.values(tensor))
      for (let row = 0; row < rows; row++) {
        const start = row * classes
        const { largest, logSum } = logPartition(z, start, start + classes)
        let targetSum = 0
        for (let i = start; i < start + classes; i++) targetSum += t[i]
        for (let i = start; i < start + classes; i++) {
          gradients[i] = (Math.exp(z[i] - largest - logSum) * targetSum - t[i]) * weights[row]
        }
      }
      return out
    },
  }
}
