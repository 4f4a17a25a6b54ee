import { describe, expect, it } from 'vitest'
import { forkLauncher } from '#main/compute/pool/fork-launcher.ts'
import type { Launcher } from '#main/compute/pool/launcher.ts'
import { complaintsOfTensorFlow, probeEngines, probeInstalled, probeWebgpu } from '#main/compute/pool/probe-engines.ts'

const entry = new URL('./children/probed-worker.ts', import.meta.url)
const silent: Launcher = {
  spawn: (url, env) => forkLauncher.spawn(url, { ...env, TMU_TEST_SILENT: '1' }),
}

describe('an engine that is tested', () => {
  it('and can’t use the GPU is listed with what TensorFlow says of it', async () => {
    const { available, reason } = await probeInstalled(forkLauncher, 'cuda', { entry })
    expect(available).toBe(false)
    expect(reason).toBe(
      'TensorFlow can’t use the GPU. TensorFlow says: ' +
        'failed call to cuInit: no CUDA-capable device; Cannot dlopen some GPU libraries.',
    )
    expect((await probeInstalled(forkLauncher, 'native', { entry })).reason).toBe('TensorFlow can’t use the GPU.')
  })

  it('is said to be too old where TensorFlow passes it over', () => {
    const text = 'Ignoring visible gpu device (device: 0) with compute capability 5.2. The minimum required is 6.0.'
    const line = `2026-11-23 22:00:00.1: I tensorflow/core/common_runtime/gpu/gpu_device.cc:2274] ${text}\n`
    expect(complaintsOfTensorFlow(line)).toEqual([text])
  })

  it('and doesn’t answer is said to be late, not to have crashed', async () => {
    const options = { entry, limitMs: 500 }
    for (const engine of ['native', 'cuda'] as const) {
      const { available, reason } = await probeInstalled(silent, engine, options)
      expect(available).toBe(false)
      expect(reason).toMatch(`The ${engine} engine did not answer within 0.5 s. `)
      expect(reason).toMatch(/close other programs, then try again with: tmu engine doctor/)
      expect(reason).not.toMatch(/SIGKILL|uninstall/)
    }
    expect((await probeWebgpu(silent, options)).reason).toMatch('The browser did not answer within 0.5 s. ')
    await expect(probeEngines(silent, options)).rejects.toMatchObject({
      code: 'worker-died',
      message: 'The worker that tests the engines did not answer within 0.5 s.',
      hint: expect.stringContaining('close other programs'),
    })
  })
})
