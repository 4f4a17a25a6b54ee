import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core'
import { crossEntropyGradientRows, crossEntropyRows } from '../cross-entropy-rows.ts'
import { kernelNames } from '../names.ts'
import type { WasmHeap } from './heap.ts'

export function crossEntropyKernels(heap: WasmHeap): Readonly<Record<string, KernelFunc>> {
  return {
    [kernelNames.crossEntropy]({ inputs }) {
      const { logits, targets } = inputs as Record<string, TensorInfo>
      const [rows, classes] = logits.shape
      const out = heap.output([rows])
      crossEntropyRows(heap.values(logits), heap.values(targets), heap.values(out), classes)
      return out
    },

    [kernelNames.crossEntropyGradient]({ inputs }) {
      const { dy, logits, targets } = inputs as Record<string, TensorInfo>
      const out = heap.output(logits.shape)
      crossEntropyGradientRows(
        heap.values(dy),
        heap.values(logits),
        heap.values(targets),
        heap.values(out),
        logits.shape[1],
      )
      return out
    },
  }
}
