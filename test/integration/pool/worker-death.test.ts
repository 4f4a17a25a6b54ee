import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { forkLauncher } from '#main/compute/pool/fork-launcher.ts'
import type { Launcher } from '#main/compute/pool/launcher.ts'
import { WorkerPool } from '#main/compute/pool/worker-pool.ts'
import { type StageSpec, stageVersions } from '#main/compute/stages.ts'
import type { StageKey } from '#shared/ids.ts'

const stage = (name: string): StageSpec => ({
  key: name.padEnd(64, '0') as StageKey,
  kind: 'label',
  version: stageVersions.label,
  params: { rule: 'all-easy', threshold: 0.5 },
  seed: 1,
  engine: 'wasm',
  inputs: {},
  checkpoint: null,
})
const quiet = { signal: new AbortController().signal, onProgress: () => {} }

/** A heap that a leak fills in a second. */
const smallHeap: Launcher = {
  spawn: (entry, env) => forkLauncher.spawn(entry, { ...env, NODE_OPTIONS: '--max-old-space-size=40' }),
}

async function failingPool(launcher = forkLauncher): Promise<AsyncDisposable & { readonly pool: WorkerPool }> {
  const root = await mkdtemp(join(tmpdir(), 'tmu-pool-'))
  const entry = new URL('./children/failing-worker.ts', import.meta.url)
  const pool = new WorkerPool({ launcher, objectsRoot: root, engine: 'wasm', size: 2, entry })
  return {
    pool,
    async [Symbol.asyncDispose]() {
      await pool.close()
      await rm(root, { recursive: true })
    },
  }
}

describe('a worker that dies', () => {
  it.each([
    ['abort', 'worker-died', /SIGABRT/],
    ['segv', 'worker-died', /SIGSEGV: it crashed/],
    ['exit', 'worker-died', /exit code 3/],
  ])('by %s fails its stage with the cause, is replaced, and lets the others go on', async (name, code, message) => {
    await using bench = await failingPool()
    const [died, other] = await Promise.allSettled([
      bench.pool.execute(stage(name), quiet),
      bench.pool.execute(stage('works'), quiet),
    ])
    expect(other.status).toBe('fulfilled')
    expect(died).toMatchObject({ status: 'rejected', reason: { code, message: expect.stringMatching(message) } })
    const before = bench.pool.pids
    await Promise.all([bench.pool.execute(stage('a'), quiet), bench.pool.execute(stage('b'), quiet)])
    expect(bench.pool.pids.length).toBe(2)
    expect(bench.pool.pids).not.toEqual(before)
  })

  it('by filling its heap is said to have run out of memory', async () => {
    await using bench = await failingPool(smallHeap)
    await expect(bench.pool.execute(stage('heap'), quiet)).rejects.toMatchObject({
      code: 'out-of-memory',
      message: expect.stringContaining('the stage label heap'),
      hint: expect.stringContaining('smaller batch size'),
    })
    await bench.pool.execute(stage('works'), quiet)
  })
})
