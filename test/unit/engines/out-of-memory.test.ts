import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { stageError } from '#main/compute/out-of-memory.ts'
import { type StageSpec, stageVersions } from '#main/compute/stages.ts'
import { loadEngine } from '#main/compute/worker/engines/engine.ts'
import { runStageOn } from '#main/compute/worker/run-stage-on.ts'
import { AppError } from '#shared/errors.ts'
import type { ObjectHash, StageKey } from '#shared/ids.ts'
import { nativeMissing, nativeTitle } from '#test/support/native-engine.ts'

const outOfMemory = {
  code: 'out-of-memory',
  message: expect.stringMatching(/^Memory ran out in the stage /),
  hint: expect.stringContaining('smaller batch size'),
}

describe('memory that runs out within an engine', () => {
  test.each([
    'Invalid TF_Status: 8\nMessage: failed to allocate memory',
    'OOM when allocating tensor with shape[256,64,32,32] and type float on /device:GPU:0 by allocator GPU_0_bfc',
    'RESOURCE_EXHAUSTED: Out of memory while trying to allocate 1073741824 bytes.',
    'CUDA_ERROR_OUT_OF_MEMORY: out of memory',
    'Array buffer allocation failed',
  ])('is known by %j', (message) => {
    expect(stageError(new Error(message), 'the stage x')).toMatchObject({ ...outOfMemory, details: { said: message } })
  })

  test('is no other error', () => {
    const known = new AppError('diverged', 'The loss became NaN.')
    expect(stageError(known, 'the stage x')).toBe(known)
    for (const message of [
      'Invalid TF_Status: 3\nMessage: bad shape',
      'Invalid TF_Status: 80',
      'ROOM when allocating',
    ]) {
      expect(stageError(new Error(message), 'the stage x')).toMatchObject({ code: 'internal', message })
    }
  })

  test('fails a stage with what to do about it', async () => {
    const spec: StageSpec<'label'> = {
      key: 'abc'.padEnd(64, '0') as StageKey,
      kind: 'label',
      version: stageVersions.label,
      params: { rule: 'all-easy', threshold: 0.5 },
      seed: 1,
      engine: 'cuda',
      inputs: { forget: '0'.repeat(64) as ObjectHash },
      checkpoint: null,
    }
    const fail = (): never => {
      throw new Error('Invalid TF_Status: 8\nMessage: OOM when allocating tensor with shape[9]')
    }
    const host = { objects: { root: '', read: fail, put: fail }, resetPeakMemory() {}, peakMemory: () => 0 }
    const running = runStageOn(host, spec, { signal: new AbortController().signal, onProgress() {} })
    await expect(running).rejects.toMatchObject({
      ...outOfMemory,
      message: 'Memory ran out in the stage label abc000000000, on the engine cuda.',
    })
  })

  test.skipIf(nativeMissing !== null)(nativeTitle('is known by what TensorFlow really says'), async () => {
    await loadEngine('native')
    const before = tf.memory().numTensors
    let thrown: unknown
    try {
      // A pebibyte: more than a process can address, so that no system promises it.
      tf.tidy(() => tf.fill([2 ** 24, 2 ** 24], 1))
    } catch (error) {
      thrown = error
    }
    expect(stageError(thrown, 'the stage x')).toMatchObject(outOfMemory)
    expect(tf.memory().numTensors).toBe(before)
  })
})
