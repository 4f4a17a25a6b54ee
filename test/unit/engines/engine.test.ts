import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { loadEngine, probeEngines } from '#main/compute/worker/engines/engine.ts'
import { engineIds } from '#shared/domain/engine.ts'
import { AppError } from '#shared/errors.ts'
import { promptMs } from '#test/support/prompt.ts'

describe('the engine ladder', () => {
  /** Whatever is installed on this machine, the ladder here begins without it. */
  const engines = mkdtempSync(join(tmpdir(), 'tmu-engines-'))
  beforeAll(() => void vi.stubEnv('TMU_ENGINES', engines))
  afterAll(() => {
    vi.unstubAllEnvs()
    rmSync(engines, { recursive: true })
  })

  test('loads an engine once and makes it the active one', async () => {
    const wasm = await loadEngine('wasm')
    expect(tf.getBackend()).toBe('wasm')
    const cpu = await loadEngine('cpu')
    expect(tf.getBackend()).toBe('cpu')
    expect(await loadEngine('wasm')).toBe(wasm)
    expect(tf.getBackend()).toBe('wasm')
    cpu.activate()
    expect(tf.getBackend()).toBe('cpu')
  })

  test('moves tensors between engines of one process', async () => {
    const cpu = await loadEngine('cpu')
    const made = tf.tensor1d([1, 2, 3])
    await loadEngine('wasm')
    const doubled = tf.add(made, made)
    expect([...doubled.dataSync()]).toEqual([2, 4, 6])
    cpu.activate()
    expect([...tf.neg(doubled).dataSync()]).toEqual([-2, -4, -6])
  })

  test('says what it runs on', async () => {
    const { id, version, device, threads, kernelSet, memory } = await loadEngine('wasm')
    expect({ id, version, threads, kernelSet }).toEqual({
      id: 'wasm',
      version: '4.22.0',
      threads: 1,
      kernelSet: 'tmu-simd-3',
    })
    expect(device).toMatch(/^WebAssembly SIMD on ./)
    expect(memory().heapBytes).toBeGreaterThan(0)
  })

  test('refuses an engine that is not there with the reason and a way on', async () => {
    const error = await loadEngine('native').catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(AppError)
    expect(error).toMatchObject({ code: 'engine-unavailable', message: expect.stringMatching(/not installed/) })
    expect((error as AppError).hint).toBe('Install it with: tmu engine install native')
  })

  test('reports every engine, best first, and leaves the active one active', async () => {
    await loadEngine('wasm')
    const statuses = await probeEngines()
    expect(tf.getBackend()).toBe('wasm')
    expect(statuses.map(({ id }) => id)).toEqual(engineIds)
    for (const { available, reason, version, device, selfTestSeconds } of statuses) {
      if (available) {
        expect(reason).toBeUndefined()
        expect(version).toMatch(/^\d/)
        expect(device).toMatch(/./)
        expect(selfTestSeconds).toBeLessThan(promptMs / 1000)
      } else {
        expect(reason).toMatch(/^[A-Z].*[.a-z]$/)
        expect(version).toBeUndefined()
      }
    }
    expect(statuses.filter(({ available }) => available).map(({ id }) => id)).toEqual(
      expect.arrayContaining(['wasm', 'cpu']),
    )
  })

  test('does not work while a kernel of it is wrong; the others do', async () => {
    await loadEngine('wasm')
    const stored = tf.getKernel('TmuReluGrad', 'wasm')
    tf.unregisterKernel('TmuReluGrad', 'wasm')
    tf.registerKernel({
      ...stored,
      kernelFunc: (call) => stored.kernelFunc({ ...call, inputs: { ...call.inputs, y: call.inputs.dy } }),
    })
    try {
      expect(await probeEngines(['wasm', 'cpu'])).toMatchObject([
        { id: 'wasm', available: false, reason: expect.stringMatching(/failed its self-test/) },
        { id: 'cpu', available: true },
      ])
    } finally {
      tf.unregisterKernel('TmuReluGrad', 'wasm')
      tf.registerKernel(stored)
    }
  })
})
