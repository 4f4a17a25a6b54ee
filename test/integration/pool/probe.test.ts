import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { forkLauncher } from '#main/compute/pool/fork-launcher.ts'
import type { Launcher } from '#main/compute/pool/launcher.ts'
import { complaintsOfTensorFlow, probeEngines, probeInstalled, probeWebgpu } from '#main/compute/pool/probe-engines.ts'
import { Engines } from '#main/workbench/system/engines.ts'

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
    const late = (await probeEngines(silent, options)).find(({ id }) => id === 'wasm')
    expect(late).toMatchObject({
      available: false,
      reason: expect.stringMatching(/did not answer within 0\.5 s\..* close other programs/),
    })
  })

  it('is ended at once by whoever doesn’t want the answer any more', async () => {
    const abort = new AbortController()
    const pids: (number | undefined)[] = []
    const launcher: Launcher = {
      spawn(url, env) {
        const worker = silent.spawn<never, never>(url, env)
        pids.push(worker.pid)
        return worker
      },
    }
    const probing = probeInstalled(launcher, 'native', { entry, signal: abort.signal })
    abort.abort()
    expect((await probing).available).toBe(false)
    expect(pids).toHaveLength(1)
    expect(() => process.kill(pids[0] ?? 0, 0)).toThrow('ESRCH')
  })
})

describe('the engines of a machine', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tmu-engines-'))
    vi.stubEnv('TMU_ENGINES', folder)
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await rm(folder, { recursive: true })
  })
  const installNative = async (): Promise<void> => {
    await mkdir(join(folder, 'native-2.21'), { recursive: true })
    await writeFile(join(folder, 'native-2.21', 'active.json'), JSON.stringify({ build: 'build-a' }))
  }
  const launcherWith = (more: Record<string, string>): Launcher => ({
    spawn: (_, env) => forkLauncher.spawn(entry, { ...env, ...more }),
  })

  it('are there though one of them crashes; those that were tested with it say why they are not', async () => {
    await installNative()
    const launcher = launcherWith({ TMU_TEST_CRASH: 'wasm', TMU_TEST_WORKING: 'native wasm cpu' })
    const engines = new Engines(launcher)
    const found = Object.fromEntries((await engines.list()).map((status) => [status.id, status]))
    expect(found['native']).toEqual({ id: 'native', available: true })
    for (const id of ['wasm', 'cpu']) {
      expect(found[id]).toMatchObject({ available: false, reason: expect.stringMatching(/ended .*\(SIGSEGV\)\. /) })
    }
    expect(await engines.best()).toBe('native')
  })

  it('are looked at again once another process has installed or removed one', async () => {
    let spawned = 0
    const launcher: Launcher = {
      spawn(_, env) {
        spawned++
        return forkLauncher.spawn(entry, { ...env, TMU_TEST_WORKING: 'native wasm cpu' })
      },
    }
    const engines = new Engines(launcher)
    await engines.list()
    await engines.list()
    expect(spawned).toBe(1)
    await installNative()
    expect((await engines.list()).map(({ id }) => id)).toContain('native')
    expect(spawned).toBe(3)
    await rm(join(folder, 'native-2.21'), { recursive: true })
    await engines.list()
    expect(spawned).toBe(4)
  })

  it('are tested again by the next who asks, where none worked', async () => {
    const more: Record<string, string> = { TMU_TEST_CRASH: 'wasm' }
    const engines = new Engines({ spawn: (_, env) => forkLauncher.spawn(entry, { ...env, ...more }) })
    await expect(engines.best()).rejects.toMatchObject({ code: 'engine-unavailable' })
    delete more['TMU_TEST_CRASH']
    more['TMU_TEST_WORKING'] = 'wasm cpu'
    expect(await engines.best()).toBe('wasm')
  })
})
