import { describe, expect, test } from 'vitest'
import { engineFiles, enginePins, unpackedBytes } from '#main/compute/engine-install/pins.ts'
import { checkGpus, gpuSlots, parseGpus, whyNoGpu } from '#main/compute/gpus.ts'
import { workerEnvironment, workerSlots } from '#main/compute/pool/machine.ts'
import { AppError } from '#shared/errors.ts'

const answer = `0, GPU-aaaa1111, NVIDIA GeForce RTX 4090, 24564, 560.35.03
1, GPU-bbbb2222, Tesla V100-SXM2-16GB, 16384, 560.35.03
`

describe('the GPUs of a machine', () => {
  test('are those that the driver lists, with name and memory', () => {
    expect(parseGpus(answer, {})).toEqual([
      { id: '0', name: 'NVIDIA GeForce RTX 4090', memoryBytes: 24564 * 2 ** 20, driver: '560.35.03' },
      { id: '1', name: 'Tesla V100-SXM2-16GB', memoryBytes: 16384 * 2 ** 20, driver: '560.35.03' },
    ])
    expect(parseGpus('', {})).toEqual([])
    expect(parseGpus('No devices were found\n', {})).toEqual([])
  })

  test.each([
    ['1', ['Tesla V100-SXM2-16GB']],
    ['GPU-aaaa', ['NVIDIA GeForce RTX 4090']],
    ['1, 0', ['NVIDIA GeForce RTX 4090', 'Tesla V100-SXM2-16GB']],
    ['-1', []],
    ['', []],
    ['1,-1,0', ['Tesla V100-SXM2-16GB']],
    ['1,7,0', ['Tesla V100-SXM2-16GB']],
    ['GPU-bbbb,GPU-cccc,GPU-aaaa', ['Tesla V100-SXM2-16GB']],
  ])('are no others than CUDA_VISIBLE_DEVICES=%j names', (chosen, names) => {
    expect(parseGpus(answer, { CUDA_VISIBLE_DEVICES: chosen }).map(({ name }) => name)).toEqual(names)
  })

  test.each([
    ['No devices were found\n', {}, /driver lists none/],
    [answer, { CUDA_VISIBLE_DEVICES: '-1' }, /CUDA_VISIBLE_DEVICES is "-1", which names no NVIDIA GPU/],
    [answer, { CUDA_VISIBLE_DEVICES: '7' }, /CUDA_VISIBLE_DEVICES is "7"/],
    [answer.replaceAll('560.35.03', '470.82.01'), {}, /driver 470\.82\.01 is too old/],
  ])('that can be no use are refused with the reason: %#', (said, env, reason) => {
    expect(() => checkGpus(said, env)).toThrow(reason)
    expect(() => checkGpus(answer, {})).not.toThrow()
    expect(() => checkGpus(answer, { CUDA_VISIBLE_DEVICES: 'MIG-cccc' })).not.toThrow()
  })

  test('that TensorFlow sees none of are missing, or there and of no use to it', async () => {
    const missing = new AppError('engine-unavailable', 'The driver does not answer.')
    expect(await whyNoGpu(() => Promise.reject(missing))).toBe(missing)
    expect(await whyNoGpu(async () => {})).toMatchObject({
      code: 'engine-unavailable',
      message: expect.stringMatching(/^The NVIDIA driver answers, but TensorFlow can\u2019t use the GPU/),
      hint: expect.stringMatching(/Update the driver.*tmu engine install cuda.*tmu engine doctor/),
    })
  })

  test.each([
    ['0,-1,1', ['0']],
    ['2,,1', ['2']],
    ['1,0,1,2', ['1', '0']],
    ['GPU-aaaa, MIG-bbbb, all, 0', ['GPU-aaaa', 'MIG-bbbb']],
    // Whoever hides all of them gets none of them.
    ['-1', ['-1']],
    ['', ['-1']],
  ])('are for workers those of CUDA_VISIBLE_DEVICES=%j before the first that is none', (chosen, slots) => {
    expect(gpuSlots({ CUDA_VISIBLE_DEVICES: chosen }, () => ['nvidia0', 'nvidia1'])).toEqual(slots)
  })

  test('are given to workers one each', () => {
    const files = (): string[] => ['null', 'nvidia0', 'nvidia1', 'nvidia10', 'nvidiactl', 'nvidia-uvm']
    expect(gpuSlots({}, files)).toEqual(['0', '1', '2'])
    expect(gpuSlots({ CUDA_VISIBLE_DEVICES: '3,GPU-x' }, files)).toEqual(['3', 'GPU-x'])
    expect(gpuSlots({}, () => [])).toEqual(['0'])
    expect(workerSlots('cuda')).toBe(gpuSlots().length)
    const [first] = gpuSlots()
    expect(workerEnvironment('cuda', 0)).toMatchObject({
      CUDA_VISIBLE_DEVICES: first,
      TF_FORCE_GPU_ALLOW_GROWTH: 'true',
      TF_DETERMINISTIC_OPS: '1',
      NVIDIA_TF32_OVERRIDE: '0',
    })
    expect(workerEnvironment('native', 0)).not.toHaveProperty('CUDA_VISIBLE_DEVICES')
  })
})

describe('what is installed', () => {
  test.each(['native', 'cuda'] as const)('of %s is pinned file by file', (engine) => {
    for (const { files, sources, into } of enginePins[engine]) {
      expect(sources.length).toBeGreaterThan(0)
      expect(into).not.toMatch(/^\/|\.\./)
      for (const { bytes, sha256 } of [...Object.values(files), ...sources]) {
        expect(bytes).toBeGreaterThan(0)
        expect(sha256).toMatch(/^[0-9a-f]{64}$/)
      }
    }
    const listed = engineFiles(engine)
    expect(new Set(listed.map(({ name }) => name)).size).toBe(listed.length)
    for (const { command } of listed) expect(command).toMatch(/^(curl -fLO https:|pip download .*==[\d.]+$)/)
    expect(unpackedBytes(enginePins[engine])).toBeGreaterThan(8e8)
  })
})
