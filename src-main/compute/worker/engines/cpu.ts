import * as tf from '@tensorflow/tfjs-core'
import { activateBackend, startBackend } from './backend.ts'
import type { Engine } from './engine-type.ts'
import { registerComposedKernels } from './kernels/composed.ts'
import { registerGradients } from './kernels/gradients.ts'
import { processorName } from './processor.ts'

/** Plain JavaScript with tfjs's own kernels: slow, and what every other engine is checked against. */
export async function loadCpu(): Promise<Engine> {
  tf.env().set('PROD', true)
  const { version_cpu: version } = await import('@tensorflow/tfjs-backend-cpu')
  registerComposedKernels('cpu')
  registerGradients()
  await startBackend('cpu')
  return {
    id: 'cpu',
    tf,
    version,
    device: processorName(),
    threads: 1,
    kernelSet: 'stock',
    activate: () => activateBackend('cpu'),
    memory() {
      const { numTensors, numBytes } = tf.memory()
      return { tensors: numTensors, bytes: numBytes }
    },
  }
}
