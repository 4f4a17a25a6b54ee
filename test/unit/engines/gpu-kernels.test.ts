import { describe, expect, test } from 'vitest'
import { loadEngine } from '#main/compute/worker/engines/engine.ts'
import { kernelNames } from '#main/compute/worker/engines/kernels/names.ts'
import type { NativeBackend } from '#main/compute/worker/engines/kernels/native/backend.ts'
import { gpuKernels } from '#main/compute/worker/engines/kernels/native/gpu.ts'
import { nativeBackendName } from '#main/compute/worker/engines/kernels/native/register.ts'
import { passesTrial } from '#main/compute/worker/engines/kernels/native/trial.ts'
import { nativeMissing, nativeTitle } from '#test/support/native-engine.ts'

// The processor has the same operations, so that all but what cuDNN alone computes can be tried without a GPU.
describe.skipIf(nativeMissing !== null)(nativeTitle('the kernels for a GPU'), () => {
  test('agree with their compositions, forward and backward', async () => {
    const engine = await loadEngine('native')
    const before = engine.memory().tensors
    const backend = engine.tf.findBackend(nativeBackendName) as unknown as NativeBackend
    const failed = gpuKernels(backend)
      .filter(({ name, kernel, reference }) => !passesTrial(name, kernel, reference))
      .map(({ name }) => name)
    // Its fifth input is an inverse deviation on a GPU and a variance on the processor.
    expect(failed).toEqual([kernelNames.batchNormGradient])
    expect(engine.memory().tensors).toBe(before)
  })
})
