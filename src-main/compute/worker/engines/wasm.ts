import { createRequire } from 'node:module'
import { dirname, join, sep } from 'node:path'
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm'
import * as tf from '@tensorflow/tfjs-core'
import { AppError } from '#shared/errors.ts'
import { activateBackend, startBackend } from './backend.ts'
import type { Engine } from './engine-type.ts'
import { registerComposedKernels } from './kernels/composed.ts'
import { registerGradients } from './kernels/gradients.ts'
import { registerWasmKernels, wasmKernelSet } from './kernels/wasm/register.ts'
import { processorName } from './processor.ts'

/**
 * WebAssembly with SIMD, one thread: tfjs's backend with our training kernels on its memory. They use no instruction that
 * rounds differently from processor to processor.
 */
export async function loadWasm(): Promise<Engine> {
  tf.env().set('PROD', true)
  const { setWasmPaths, version_wasm: version } = await import('@tensorflow/tfjs-backend-wasm')
  const packageFile = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json')
  setWasmPaths(join(dirname(packageFile), 'dist') + sep)
  if (!(await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT'))) {
    throw new AppError('engine-unavailable', 'The wasm engine needs WebAssembly SIMD, which this processor lacks.', {
      hint: 'Use the cpu engine, which is much slower.',
    })
  }
  await startBackend('wasm')
  const heap = await registerWasmKernels(tf.findBackend('wasm') as unknown as BackendWasm)
  registerComposedKernels('wasm')
  registerGradients()
  return {
    id: 'wasm',
    tf,
    version,
    device: `WebAssembly SIMD on ${processorName()}`,
    threads: 1,
    kernelSet: wasmKernelSet,
    activate: () => activateBackend('wasm'),
    memory() {
      const { numTensors, numBytes } = tf.memory()
      return { tensors: numTensors, bytes: numBytes, heapBytes: heap.bytes }
    },
  }
}
