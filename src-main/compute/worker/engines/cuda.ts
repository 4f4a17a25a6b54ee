import * as tf from '@tensorflow/tfjs-core'
import { describeGpus, requireGpu, whyNoGpu } from '#main/compute/gpus.ts'
import { AppError } from '#shared/errors.ts'
import { activateBackend } from './backend.ts'
import type { Engine } from './engine-type.ts'
import { nativeBackendName } from './kernels/native/register.ts'
import { installedLibraries, loadTensorFlow } from './tensorflow.ts'

const environment: Readonly<Record<string, string>> = {
  TF_CPP_MIN_LOG_LEVEL: '3',
  TF_ENABLE_ONEDNN_OPTS: '0',
  // Other programs, and a person's screen, want some of the GPU's memory too.
  TF_FORCE_GPU_ALLOW_GROWTH: 'true',
  // Results are kept under a key: the same stage must give the same bits.
  TF_DETERMINISTIC_OPS: '1',
  // Products rounded to 10 bits would be no float32 any more.
  NVIDIA_TF32_OVERRIDE: '0',
}

/** TensorFlow's C library on an NVIDIA GPU, the first of those that this process may see. */
export async function loadCuda(): Promise<Engine> {
  const libraries = installedLibraries('cuda')
  if (libraries === null) {
    await requireGpu()
    throw new AppError('engine-unavailable', 'The cuda engine is not installed.', {
      hint: 'Install it with: tmu engine install cuda',
    })
  }
  const { version, kernelSet, advice } = await loadTensorFlow(
    'cuda',
    libraries,
    environment,
    async ({ isUsingGpuDevice }) => {
      // Without one it would compute on the processor, and not as well as the native engine.
      if (!isUsingGpuDevice) throw await whyNoGpu()
    },
  )
  return {
    id: 'cuda',
    tf,
    version,
    device: describeGpus(),
    threads: 1,
    kernelSet,
    advice,
    activate: () => activateBackend(nativeBackendName),
    memory() {
      const { numTensors, numBytes } = tf.memory()
      return { tensors: numTensors, bytes: numBytes }
    },
  }
}
