import { execFile } from 'node:child_process'
import { link, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { activeBuild, engineFolder, libraryFiles } from '#main/compute/engine-install/folders.ts'
import { uninstallEngine } from '#main/compute/engine-install/install.ts'
import { BenchWorker } from '#main/compute/pool/bench-engines.ts'
import { forkLauncher } from '#main/compute/pool/fork-launcher.ts'
import { workerEnvironment } from '#main/compute/pool/machine.ts'
import { workerEntry } from '#main/compute/pool/worker-entry.ts'
import { benchNetworks } from '#shared/domain/engine.ts'
import { nativeMissing, nativeTitle } from '#test/support/native-engine.ts'

interface Training {
  readonly losses: number[]
  readonly hash: string
  readonly tensors: number[]
  readonly heapBytes: number[]
}

/** Trains in a process of its own; anything on stderr is a failure. */
async function train(engine: string, optimizer: string, steps: number, batchSize: number): Promise<Training> {
  const script = join(import.meta.dirname, 'train-network.ts')
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [
    script,
    engine,
    optimizer,
    String(steps),
    String(batchSize),
  ])
  expect(stderr).toBe('')
  return JSON.parse(stdout) as Training
}

describe('training the demo network', () => {
  test.each(['adam', 'sgd'])('gives the same weights in two processes on wasm with %s', async (optimizer) => {
    const first = await train('wasm', optimizer, 60, 32)
    const second = await train('wasm', optimizer, 60, 32)
    expect(second.hash).toBe(first.hash)
    expect(second.losses).toEqual(first.losses)
  })

  test.each(['adam', 'sgd'])('has the same losses on wasm and cpu over 20 steps with %s', async (optimizer) => {
    const [wasm, cpu] = await Promise.all([train('wasm', optimizer, 20, 3), train('cpu', optimizer, 20, 3)])
    for (const [step, loss] of wasm.losses.entries()) {
      expect(Math.abs(loss - cpu.losses[step])).toBeLessThan(1e-4 * cpu.losses[step])
    }
  })

  test('keeps tensors and memory level over 2,000 steps', async () => {
    const { tensors, heapBytes } = await train('wasm', 'adam', 2000, 8)
    expect(tensors[1]).toBe(tensors[0])
    expect(heapBytes[1]).toBe(heapBytes[0])
  })
})

describe.skipIf(nativeMissing !== null)(nativeTitle('training the demo network on native'), () => {
  test.each(['adam', 'sgd'])('gives the same weights in two processes with %s', async (optimizer) => {
    const first = await train('native', optimizer, 60, 32)
    const second = await train('native', optimizer, 60, 32)
    expect(second.hash).toBe(first.hash)
    expect(second.losses).toEqual(first.losses)
  })

  test.each(['adam', 'sgd'])('has the losses of wasm to four digits over 20 steps with %s', async (optimizer) => {
    const [native, wasm] = await Promise.all([train('native', optimizer, 20, 32), train('wasm', optimizer, 20, 32)])
    for (const [step, loss] of native.losses.entries()) {
      expect(Math.abs(loss - wasm.losses[step])).toBeLessThan(1e-4 * wasm.losses[step])
    }
  })

  test('goes on in a worker that has it loaded while it is uninstalled; a new worker says what to do', async (context) => {
    const active = activeBuild()
    const engines = await mkdtemp(join(tmpdir(), 'tmu-uninstall-'))
    try {
      // A second name for the same files, where a second installation can stand and go.
      const copy = join(engineFolder('native', engines), 'build-copy')
      await mkdir(copy, { recursive: true })
      for (const name of Object.values(libraryFiles)) {
        const linked = await link(join(active ?? '', name), join(copy, name)).then(
          () => true,
          () => false,
        )
        if (!linked) context.skip('the engine is on another disk than the temporary folder')
      }
      await writeFile(join(engineFolder('native', engines), 'active.json'), JSON.stringify({ build: 'build-copy' }))
      const start = (): BenchWorker =>
        new BenchWorker(
          forkLauncher.spawn(workerEntry(), { ...workerEnvironment('native'), TMU_ENGINES: engines }),
          'native',
        )
      const request = { network: benchNetworks[0], count: 2, warmUp: 0 } as const
      const running = start()
      expect(await running.time(request)).toHaveLength(2)
      expect(await uninstallEngine('native', engines)).toBe(true)
      expect(await running.time(request)).toHaveLength(2)
      running.kill()
      const late = start()
      await expect(late.time(request)).rejects.toMatchObject({
        code: 'engine-unavailable',
        hint: 'Install it with: tmu engine install native',
      })
      late.kill()
    } finally {
      await rm(engines, { recursive: true })
    }
  })

  test('keeps tensors level over 2,000 steps', async () => {
    const { tensors } = await train('native', 'adam', 2000, 8)
    expect(tensors[1]).toBe(tensors[0])
  })
})
