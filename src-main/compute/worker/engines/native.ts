import * as tf from '@tensorflow/tfjs-core'
import { AppError } from '#shared/errors.ts'
import { activateBackend } from './backend.ts'
import type { Engine } from './engine-type.ts'
import { nativeBackendName } from './kernels/native/register.ts'
import { processorName } from './processor.ts'
import { installedLibraries, loadTensorFlow } from './tensorflow.ts'

const environment: Readonly<Record<string, string>> = {
  TF_NUM_INTRAOP_THREADS: '1',
  TF_NUM_INTEROP_THREADS: '1',
  OMP_NUM_THREADS: '1',
  TF_CPP_MIN_LOG_LEVEL: '3',
  // On some processors it is on by default, and some gradients are then wrong; ours are chosen one by one.
  TF_ENABLE_ONEDNN_OPTS: '0',
}

/** TensorFlow's C library on the processor. */
export async function loadNative(): Promise<Engine> {
  const libraries = installedLibraries('native')
  if (libraries === null) {
    throw new AppError('engine-unavailable', 'The native engine is not installed.', {
      hint: 'Install it with: tmu engine install native',
    })
  }
  const { version, kernelSet, advice } = await loadTensorFlow('native', libraries, environment)
  return {
    id: 'native',
    tf,
    version,
    device: processorName(),
    threads: Number(process.env.TF_NUM_INTRAOP_THREADS) || 1,
    kernelSet,
    advice,
    activate: () => activateBackend(nativeBackendName),
    memory() {
      const { numTensors, numBytes } = tf.memory()
      return { tensors: numTensors, bytes: numBytes }
    },
  }
}
