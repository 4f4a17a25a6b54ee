import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm'
import { BatchMatMul, getKernel, type KernelFunc, registerKernel, unregisterKernel } from '@tensorflow/tfjs-core'
import { batchNormKernels } from './batch-norm.ts'
import { convolutionKernels } from './convolution.ts'
import { crossEntropyKernels } from './cross-entropy.ts'
import { WasmHeap } from './heap.ts'
import { denseKernels, matrixProduct, type WasmTools } from './matrix.ts'
import { instantiateTrainingFunctions } from './training-functions.ts'
import { vectorKernels } from './vector.ts'

const backendName = 'wasm'

/** Changes with anything that changes results: artifacts record it. */
export const wasmKernelSet = 'tmu-simd-3'

/** Registers our kernels on a ready wasm backend, in place of stock ones where both exist. */
export async function registerWasmKernels(backend: BackendWasm): Promise<WasmHeap> {
  const heap = new WasmHeap(backend)
  const tools: WasmTools = { heap, functions: await instantiateTrainingFunctions(heap.memory) }
  const kernels: Record<string, KernelFunc> = {
    ...convolutionKernels(tools),
    ...denseKernels(tools),
    ...vectorKernels(tools),
    ...batchNormKernels(tools),
    ...crossEntropyKernels(heap),
    [BatchMatMul]: matrixProduct(tools, getKernel(BatchMatMul, backendName).kernelFunc),
  }
  for (const [kernelName, kernelFunc] of Object.entries(kernels)) {
    if (getKernel(kernelName, backendName)) unregisterKernel(kernelName, backendName)
    registerKernel({ kernelName, backendName, kernelFunc })
  }
  return heap
}
