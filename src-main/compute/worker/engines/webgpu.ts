import * as tf from '@tensorflow/tfjs-core'
import { AppError } from '#shared/errors.ts'
import { activateBackend, startBackend } from './backend.ts'
import type { Engine } from './engine-type.ts'
import { registerComposedKernels } from './kernels/composed.ts'
import { registerGradients } from './kernels/gradients.ts'

/** The part of the browser's WebGPU that is used here. */
interface Gpu {
  requestAdapter(options: { readonly powerPreference: 'high-performance' }): Promise<{
    readonly info: Readonly<Record<'vendor' | 'architecture' | 'device' | 'description', string>>
  } | null>
}

/** A browser's GPU, by tfjs's WebGPU kernels and compositions of them. Runs in a page. */
export async function loadWebgpu(): Promise<Engine> {
  tf.env().set('PROD', true)
  const { gpu } = navigator as unknown as { readonly gpu?: Gpu }
  if (gpu === undefined) {
    throw new AppError('engine-unavailable', 'This browser has no WebGPU.', {
      hint: 'Use Chrome or Chromium 113 or newer.',
    })
  }
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (adapter === null) {
    throw new AppError('engine-unavailable', 'The browser\u2019s WebGPU finds no graphics adapter.', {
      hint: 'Where there is a GPU, update its driver. To try WebGPU on the processor, slowly: TMU_WEBGPU_ADAPTER=swiftshader',
    })
  }
  await import('@tensorflow/tfjs-backend-webgpu')
  await startBackend('webgpu')
  registerComposedKernels('webgpu')
  registerGradients()
  const { vendor, architecture, device, description } = adapter.info
  return {
    id: 'webgpu',
    tf,
    version: tf.version_core,
    device: [vendor, architecture, device, description].filter((part) => part !== '').join(' ') || 'a GPU',
    threads: 1,
    kernelSet: 'composed',
    activate: () => activateBackend('webgpu'),
    memory() {
      const { numTensors, numBytes } = tf.memory()
      return { tensors: numTensors, bytes: numBytes }
    },
  }
}
