import { describe, expect, it } from 'vitest'
import { ObjectStore } from '#main/artifacts/object-store.ts'
import { forkLauncher } from '#main/compute/pool/fork-launcher.ts'
import { MemoryLedger } from '#main/compute/pool/memory-ledger.ts'
import { WorkerPool } from '#main/compute/pool/worker-pool.ts'
import { type StageNode, stageVersions } from '#main/compute/stages.ts'
import { Scheduler, type StageWatcher, type WantedStage } from '#main/workbench/jobs/scheduler.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import type { StageKey } from '#shared/ids.ts'
import { anyKey, insertGround, later, temporaryFolder, temporaryRepositories } from '../store/support.ts'

const gibibyte = 2 ** 30
/** 10 GiB, of which 2 stay free; what a stage takes it has still to take. */
const machine = {
  cores: 2,
  memory: () => ({ total: 10 * gibibyte, available: 10 * gibibyte }),
  residentMemory: () => 0,
}

interface Wanted {
  readonly name: string
  readonly engine: EngineId
  readonly gibibytes: number
}

/** Runs the stages in workers that compute nothing, the first named first in line. Returns those at work after each change. */
async function schedule(stages: readonly Wanted[]): Promise<readonly (readonly string[])[]> {
  const { repositories } = await temporaryRepositories()
  const objectsRoot = await temporaryFolder()
  const memory = new MemoryLedger(machine)
  const entry = new URL('../pool/children/failing-worker.ts', import.meta.url)
  const pools = new Map<EngineId, WorkerPool>()
  for (const [engine, size] of [['cuda', 1] as const, ['wasm', 2] as const]) {
    pools.set(engine, new WorkerPool({ launcher: forkLauncher, objectsRoot, engine, size, entry, memory }))
  }
  const scheduler = new Scheduler({
    repositories,
    objects: new ObjectStore(objectsRoot),
    executorFor(engine) {
      const pool = pools.get(engine)
      if (pool === undefined) throw new Error(`There is no pool for ${engine}.`)
      return pool
    },
    report(error) {
      throw error
    },
  })
  later(async () => {
    await scheduler.close()
    await Promise.all([...pools.values()].map((pool) => pool.close()))
  })
  const wanted = stages.map(({ name, engine, gibibytes }, i): WantedStage => {
    const node: StageNode = {
      key: anyKey(name),
      kind: 'label',
      version: stageVersions.label,
      params: { rule: 'all-easy', threshold: 0.5 },
      seed: 1,
      engine,
      inputs: {},
      label: name,
      scope: 'dataset',
    }
    const { key, kind, version, seed } = node
    repositories.stages.ensureStage({ key, kind, version, engine, seed }, '{}')
    return { node, seconds: 1, rank: stages.length - i, memory: gibibytes * gibibyte }
  })
  const { config } = insertGround(repositories)
  const { id: study } = repositories.studies.insertStudy({ name: 'study', config }, [{ method: 'gold', seed: 0 }])
  const seen: (readonly string[])[] = []
  const running = new Set<string>()
  const note = (change: () => void): void => {
    change()
    seen.push([...running])
  }
  const names = new Map(stages.map(({ name }) => [anyKey(name), name]))
  const nameOf = (key: StageKey): string => names.get(key) ?? key
  const { promise, resolve, reject } = Promise.withResolvers<null>()
  let left = stages.length
  const watcher: StageWatcher = {
    study,
    stageStarted: (key) => note(() => running.add(nameOf(key))),
    stageFinished(key) {
      note(() => running.delete(nameOf(key)))
      if (--left === 0) resolve(null)
    },
    stageFailed: (_key, error) => reject(error),
    stageProgressed() {},
    curveExtended() {},
    stageStopped() {},
    stagePutOff() {},
    scheduleChanged() {},
  }
  await scheduler.want(watcher, wanted)
  await promise
  scheduler.leave(watcher, { comesBack: false })
  return seen
}

describe('the memory of a machine', () => {
  const stages: readonly Wanted[] = [
    { name: 'a', engine: 'wasm', gibibytes: 4 },
    { name: 'b', engine: 'wasm', gibibytes: 3 },
    { name: 'gpu', engine: 'cuda', gibibytes: 6 },
    { name: 'c', engine: 'wasm', gibibytes: 4 },
    { name: 'd', engine: 'wasm', gibibytes: 4 },
    { name: 'e', engine: 'wasm', gibibytes: 4 },
  ]

  it('is shared by stages on all engines, and whoever is next in line gets it', async () => {
    const seen = await schedule(stages)
    const gibibytesOf = new Map(stages.map(({ name, gibibytes }) => [name, gibibytes]))
    for (const running of seen) {
      expect(running.reduce((sum, name) => sum + (gibibytesOf.get(name) ?? 0), 0)).toBeLessThanOrEqual(8)
    }
    // The GPU's stage doesn't fit beside a or b; small ones behind it don't keep it waiting.
    const order = [...new Set(seen.flat())]
    expect(order).toEqual(['a', 'b', 'gpu', 'c', 'd', 'e'])
    expect(seen).toContainEqual(['c', 'd'])
  })

  it('never keeps a stage waiting that is too large for it: it runs by itself', async () => {
    const seen = await schedule([...stages.slice(0, 2), { name: 'gpu', engine: 'cuda', gibibytes: 99 }, stages[3]])
    expect(seen.filter((running) => running.includes('gpu'))).toEqual([['gpu']])
  })
})
