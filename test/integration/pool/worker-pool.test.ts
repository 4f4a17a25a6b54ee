import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { ObjectStore } from '#main/artifacts/object-store.ts'
import { forkLauncher } from '#main/compute/pool/fork-launcher.ts'
import { MemoryLedger } from '#main/compute/pool/memory-ledger.ts'
import { probeEngines } from '#main/compute/pool/probe-engines.ts'
import { WorkerPool, type WorkerPoolOptions } from '#main/compute/pool/worker-pool.ts'
import type { StageProgress } from '#main/compute/stages.ts'
import { promptMs } from '#test/support/prompt.ts'
import { trainingStage } from '#test/support/training-stage.ts'

interface PoolBench extends AsyncDisposable {
  readonly pool: WorkerPool
  readonly objects: ObjectStore
}

async function poolBench(changes: Partial<WorkerPoolOptions> = {}): Promise<PoolBench> {
  const root = await mkdtemp(join(tmpdir(), 'tmu-pool-'))
  const pool = new WorkerPool({ launcher: forkLauncher, objectsRoot: root, engine: 'wasm', size: 1, ...changes })
  return {
    pool,
    objects: new ObjectStore(root),
    async [Symbol.asyncDispose]() {
      await pool.close()
      await rm(root, { recursive: true, force: true })
    },
  }
}

const never = new AbortController().signal
const quiet = { signal: never, onProgress: () => {} }

describe('worker pool', () => {
  it('keeps a worker for the next stage, and ends it when there is no work', async () => {
    await using bench = await poolBench({ idleMs: 300 })
    // Both are there beforehand: the worker is without work for no time at all between them.
    const stages = [await trainingStage(bench.objects, 1), await trainingStage(bench.objects, 2, 'b')]
    await bench.pool.execute(stages[0], quiet)
    const [pid] = bench.pool.pids
    await bench.pool.execute(stages[1], quiet)
    expect(bench.pool.pids).toEqual([pid])
    await expect.poll(() => bench.pool.pids).toEqual([])
  })

  it('gives back outputs, cost and progress in order', async () => {
    await using bench = await poolBench()
    const seen: StageProgress[] = []
    const result = await bench.pool.execute(await trainingStage(bench.objects, 3), {
      signal: never,
      onProgress: (progress) => void seen.push(progress),
    })
    expect(Object.keys(result.outputs).toSorted()).toEqual(['curve', 'weights'])
    expect(await bench.objects.has(result.outputs['weights'])).toBe(true)
    expect(result.cost).toMatchObject({ engine: 'wasm', visitsForward: 192, visitsBackward: 192 })
    expect(result.cost.seconds).toBeGreaterThan(0)
    expect(seen.flatMap((progress) => (progress.kind === 'curve' ? [progress.point.epoch] : []))).toEqual([1, 2, 3])
  })

  it('lets a stage write no further checkpoint before the last one is acknowledged', async () => {
    await using bench = await poolBench()
    const epochs: number[] = []
    let acknowledge = (): void => {}
    const result = bench.pool.execute(await trainingStage(bench.objects, 4), {
      signal: never,
      onProgress: (progress) => {
        if (progress.kind !== 'checkpoint') return
        epochs.push(progress.epoch)
        return epochs.length > 1
          ? undefined
          : new Promise<void>((resolve) => {
              acknowledge = resolve
            })
      },
    })
    await expect.poll(() => epochs).toEqual([1])
    await wait(500)
    expect(epochs).toEqual([1])
    acknowledge()
    await result
    expect(epochs.length).toBeGreaterThan(1)
  })

  it('fails the stage when its checkpoint cannot be recorded', async () => {
    await using bench = await poolBench()
    const failing = bench.pool.execute(await trainingStage(bench.objects, 50), {
      signal: never,
      onProgress(progress) {
        if (progress.kind === 'checkpoint') throw new Error('no room')
      },
    })
    await expect(failing).rejects.toThrow('no room')
    expect((await bench.pool.execute(await trainingStage(bench.objects, 1, 'b'), quiet)).outputs).toHaveProperty(
      'weights',
    )
  })

  it('cancels a stage within two seconds and uses the worker further', async () => {
    // A worker that a busy machine keeps from answering is no worker that hangs.
    await using bench = await poolBench({ cancelGraceMs: 120_000 })
    const abort = new AbortController()
    const started = Promise.withResolvers<null>()
    const running = bench.pool.execute(await trainingStage(bench.objects, 5000), {
      signal: abort.signal,
      onProgress: () => started.resolve(null),
    })
    await started.promise
    const [pid] = bench.pool.pids
    const asked = performance.now()
    abort.abort()
    await expect(running).rejects.toMatchObject({ code: 'cancelled' })
    expect(performance.now() - asked).toBeLessThan(promptMs)
    await bench.pool.execute(await trainingStage(bench.objects, 1, 'b'), quiet)
    expect(bench.pool.pids).toEqual([pid])
  })

  it('ends a worker that does not answer its cancel', async () => {
    await using bench = await poolBench()
    const abort = new AbortController()
    const started = Promise.withResolvers<null>()
    const running = bench.pool.execute(await trainingStage(bench.objects, 5000), {
      signal: abort.signal,
      onProgress: () => started.resolve(null),
    })
    await started.promise
    const [pid] = bench.pool.pids
    process.kill(pid, 'SIGSTOP')
    const asked = performance.now()
    abort.abort()
    await expect(running).rejects.toMatchObject({ code: 'cancelled' })
    expect(performance.now() - asked).toBeLessThan(promptMs)
    await expect.poll(() => bench.pool.pids).not.toContain(pid)
  })

  it('fails the stage of a worker that is killed, says why, and replaces the worker', async () => {
    await using bench = await poolBench()
    const started = Promise.withResolvers<null>()
    const running = bench.pool.execute(await trainingStage(bench.objects, 5000), {
      signal: never,
      onProgress: () => started.resolve(null),
    })
    await started.promise
    const [pid] = bench.pool.pids
    process.kill(pid, 'SIGKILL')
    await expect(running).rejects.toMatchObject({
      code: 'worker-died',
      message: expect.stringContaining('SIGKILL'),
      details: expect.objectContaining({ signal: 'SIGKILL' }),
    })
    await bench.pool.execute(await trainingStage(bench.objects, 1, 'b'), quiet)
    expect(bench.pool.pids).not.toContain(pid)
  })

  it('has stages wait for a worker when all are busy', async () => {
    await using bench = await poolBench()
    const order: string[] = []
    const execute = async (name: string): Promise<void> => {
      await bench.pool.execute(await trainingStage(bench.objects, 1, name), quiet)
      order.push(name)
      expect(bench.pool.pids.length).toBe(1)
    }
    await Promise.all([execute('a'), execute('b'), execute('c')])
    expect(order.toSorted()).toEqual(['a', 'b', 'c'])
  })

  it('ends everything on close', async () => {
    await using bench = await poolBench()
    const started = Promise.withResolvers<null>()
    const running = bench.pool.execute(await trainingStage(bench.objects, 5000), {
      signal: never,
      onProgress: () => started.resolve(null),
    })
    const outcome = expect(running).rejects.toMatchObject({ code: 'cancelled' })
    await started.promise
    await bench.pool.close()
    await outcome
    expect(bench.pool.pids).toEqual([])
    await expect(bench.pool.execute(await trainingStage(bench.objects, 1, 'b'), quiet)).rejects.toMatchObject({
      code: 'cancelled',
    })
  })

  it('asks a worker which engines work, without loading one here', async () => {
    const engines = await probeEngines(forkLauncher)
    expect(engines.map((engine) => engine.id)).toEqual(['cuda', 'native', 'webgpu', 'wasm', 'cpu'])
    for (const engine of engines) {
      if (engine.available) expect(engine.version).toBeTruthy()
      else expect(engine.reason).toBeTruthy()
    }
    expect(engines.find((engine) => engine.id === 'wasm')?.available).toBe(true)
  })

  it('says whether another stage fits beside what those at work will take', async () => {
    const mebibyte = 2 ** 20
    const resident = 100 * mebibyte
    // 1,000 MiB in all, of which 200 stay free; the one worker has taken 100.
    const machine = {
      cores: 4,
      memory: () => ({ total: 1000 * mebibyte, available: 900 * mebibyte }),
      residentMemory: () => resident,
    }
    await using bench = await poolBench({ size: 2, memory: new MemoryLedger(machine), cancelGraceMs: 120_000 })
    expect(bench.pool.admits(700 * mebibyte)).toBe(true)
    expect(bench.pool.admits(701 * mebibyte)).toBe(false)
    const abort = new AbortController()
    const started = Promise.withResolvers<null>()
    const running = bench.pool.execute(await trainingStage(bench.objects, 5000), {
      signal: abort.signal,
      memory: 500 * mebibyte,
      onProgress: () => started.resolve(null),
    })
    // It is expected to take 400 more: 300 are left.
    expect(bench.pool.admits(300 * mebibyte)).toBe(true)
    expect(bench.pool.admits(301 * mebibyte)).toBe(false)
    await started.promise
    abort.abort()
    await expect(running).rejects.toMatchObject({ code: 'cancelled' })
    // The idle worker's memory is used again.
    expect(bench.pool.admits(800 * mebibyte)).toBe(true)
    expect(bench.pool.admits(801 * mebibyte)).toBe(false)
  })
  it('counts what stages on the other engines of the machine will take', async () => {
    const gibibyte = 2 ** 30
    // 10 GiB in all, of which 2 stay free; the stage that has begun has taken nothing yet.
    const memory = new MemoryLedger({
      cores: 4,
      memory: () => ({ total: 10 * gibibyte, available: 10 * gibibyte }),
      residentMemory: () => 0,
    })
    await using native = await poolBench({ memory })
    await using wasm = await poolBench({ memory })
    const abort = new AbortController()
    const running = native.pool.execute(await trainingStage(native.objects, 5000), {
      signal: abort.signal,
      memory: 7 * gibibyte,
      onProgress: () => {},
    })
    const outcome = expect(running).rejects.toMatchObject({ code: 'cancelled' })
    for (const { pool } of [native, wasm]) {
      expect(pool.admits(gibibyte)).toBe(true)
      expect(pool.admits(gibibyte + 1)).toBe(false)
    }
    // One that waits for a worker has been promised its memory.
    const waiting = native.pool.execute(await trainingStage(native.objects, 1, 'b'), { ...quiet, memory: gibibyte })
    expect(wasm.pool.admits(1)).toBe(false)
    abort.abort()
    await outcome
    await waiting
    expect(wasm.pool.admits(8 * gibibyte)).toBe(true)
  })
})
