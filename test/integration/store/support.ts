import { type ChildProcess, spawn } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach } from 'vitest'
import { hashOf } from '#main/artifacts/object-store.ts'
import { openDatabase, type WorkspaceDatabase } from '#main/store/database.ts'
import { createRepositories, type Repositories, type RepositoryOptions } from '#main/store/index.ts'
import type { Dataset, Split } from '#shared/domain/dataset.ts'
import type { ForgetSet } from '#shared/domain/forget-set.ts'
import type { StageCost } from '#shared/domain/stage.ts'
import type { StudyConfig } from '#shared/domain/study.ts'
import type { ObjectHash, StageKey } from '#shared/ids.ts'

const cleanups: (() => Promise<void> | void)[] = []

/** Undone after each test, last first. */
export function later(cleanup: () => Promise<void> | void): void {
  cleanups.push(cleanup)
}

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tmu-store-'))
  // So that a child of another user can look into it.
  await chmod(folder, 0o755)
  later(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export interface OpenRepositories {
  readonly db: WorkspaceDatabase
  readonly repositories: Repositories
  readonly path: string
}

/** A new database in a folder of its own, closed after the test. */
export async function temporaryRepositories(options: RepositoryOptions = {}): Promise<OpenRepositories> {
  const path = join(await temporaryFolder(), 'workbench.sqlite')
  const db = openDatabase(path, { mode: 'read-write' })
  later(() => void db.close())
  return { db, repositories: createRepositories(db, options), path }
}

/** What a test expects to be thrown, returned for a look at it. */
export function thrownBy(action: () => unknown): unknown {
  try {
    action()
  } catch (error) {
    return error
  }
  throw new Error('Nothing was thrown.')
}

/** A well-formed hash that stands for some object. */
export function anyHash(text: string): ObjectHash {
  return hashOf(Buffer.from(text))
}

export function anyKey(text: string): StageKey {
  return anyHash(text) as string as StageKey
}

export const cost: StageCost = { seconds: 2, visitsForward: 100, visitsBackward: 50, engine: 'wasm', peakMemory: 1e8 }

export interface Ground {
  readonly dataset: Dataset
  readonly split: Split
  readonly forgetSet: ForgetSet
  readonly config: StudyConfig
}

/** A data set, split and forget set in the store, and a study's configuration on them. */
export function insertGround(repositories: Repositories, name = 'digits'): Ground {
  const dataset = repositories.datasets.insertDataset({
    name,
    format: 'folder',
    source: `/images/${name}`,
    sampleCount: 300,
    classes: [
      { name: 'one', count: 100 },
      { name: 'two', count: 200 },
    ],
    shape: [28, 32, 3],
    images: anyHash(`${name} images`),
    labels: anyHash(`${name} labels`),
    samples: anyHash(`${name} samples`),
    duplicateCount: 4,
    groups: [],
    quality: null,
    licence: null,
    problems: [{ path: 'one/notes.txt', reason: 'not an image' }],
  })
  const split = repositories.splits.insertSplit({
    datasetId: dataset.id,
    name: 'default',
    rule: { kind: 'fractions', members: 0.7, twinPool: 0.15, evaluation: 0.15 },
    seed: 7,
    members: anyHash(`${name} members`),
    twinPool: anyHash(`${name} twin pool`),
    evaluation: anyHash(`${name} evaluation`),
    counts: { members: [70, 140], twinPool: [15, 30], evaluation: [15, 30] },
    normalisation: { mean: [0.5, 0.4, 0.3], std: [0.1, 0.2, 0.3] },
  })
  const forgetSet = repositories.forgetSets.insertForgetSet({
    name: `half of ${name}`,
    datasetId: dataset.id,
    splitId: split.id,
    rule: { kind: 'class', className: 'one', fraction: 0.5 },
    seed: 1,
    ids: anyHash(`${name} forgotten`),
    count: 35,
    classCounts: [35, 0],
    version: 1,
    previous: null,
    memberCounts: [70, 140],
  })
  const recipe = {
    epochs: 10,
    batchSize: 64,
    optimizer: 'adam',
    lr: 0.001,
    schedule: 'cosine',
    momentum: 0,
    weightDecay: 0,
  } as const
  const config: StudyConfig = {
    datasetId: dataset.id,
    splitId: split.id,
    forgetSetId: forgetSet.id,
    architecture: 'small-cnn',
    recipe,
    twinRecipe: { ...recipe, epochs: 3 },
    earlyEpoch: 2,
    methods: ['gold', 'tmu'],
    methodParams: { gold: {}, tmu: { epochs: 4, features: ['df', 'af'] } },
    seeds: [0, 1],
    goldSeeds: [1000, 1001],
    margin: 0.05,
  }
  return { dataset, split, forgetSet, config }
}

export interface StoreChild {
  readonly process: ChildProcess
  readonly pid: number
  /** The next line of its output; null when it ended. */
  line(): Promise<string | null>
  readonly ended: Promise<number | null>
  kill(signal?: NodeJS.Signals): Promise<void>
}

/** Starts one of the scripts in `children/` as a process of its own, killed after the test. */
export function startChild(script: string, parameters: readonly string[], uid?: number): StoreChild {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'children', script), ...parameters], {
    stdio: ['pipe', 'pipe', 'inherit'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  const kill = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    child.kill(signal)
    await ended
  }
  later(() => kill())
  return {
    process: child,
    pid: child.pid ?? -1,
    async line() {
      const next = await lines.next()
      return next.done === true ? null : next.value
    },
    ended,
    kill,
  }
}

/** A user without rights, for tests of refused access: root is refused nothing. */
export function unprivilegedUser(): number | undefined {
  return process.getuid?.() === 0 ? 65534 : undefined
}
