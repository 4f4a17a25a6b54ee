import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { destination, type Logger, pino } from 'pino'
import { ObjectStore } from '#main/artifacts/object-store.ts'
import type { Executor } from '#main/compute/pool/executor.ts'
import type { Launcher } from '#main/compute/pool/launcher.ts'
import { thisMachine, workerSlots, workersThatFit } from '#main/compute/pool/machine.ts'
import { MemoryLedger } from '#main/compute/pool/memory-ledger.ts'
import { WorkerPool } from '#main/compute/pool/worker-pool.ts'
import { checkWorkspace } from '#main/store/check.ts'
import { currentHolder, type LockEndpoint } from '#main/store/lock.ts'
import { openStore, openStoreForReading, type ReadableStore, type WritableStore } from '#main/store/open-store.ts'
import { defaultMinimumFreeBytes, freeBytes, type WorkspacePaths } from '#main/store/workspace.ts'
import type { WorkbenchApi } from '#shared/contract/api.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import type { SystemInfo } from '#shared/domain/system.ts'
import { AppError } from '#shared/errors.ts'
import { formatMebibytes } from '#shared/units.ts'
import { createDatasetUseCases } from './datasets/use-cases.ts'
import { estimateDemo, prepareDemo } from './demo/prepare-demo.ts'
import { Jobs } from './jobs/jobs.ts'
import { Scheduler } from './jobs/scheduler.ts'
import { createModelUseCases } from './models/use-cases.ts'
import { evaluateFile } from './outcomes/evaluate-file.ts'
import { dropSampleCache } from './samples/drop-cache.ts'
import { createSampleUseCases } from './samples/use-cases.ts'
import { createStudyUseCases } from './studies/use-cases.ts'
import { Engines } from './system/engines.ts'
import { createSystemUseCases } from './system/use-cases.ts'

export interface OpenWorkbenchOptions {
  /** The workspace's folder; made when it isn't there. */
  readonly workspace: string
  readonly launcher: Launcher
  /** Launches workers of the webgpu engine; without it that engine isn't there. */
  readonly pageLauncher?: Launcher
  readonly shell: SystemInfo['shell']
  /** Looks without taking the lock; whatever would write is refused. */
  readonly readOnly?: boolean
  /** Worker processes an engine; default: by cores and memory. */
  readonly workers?: number
  /** Runs stages elsewhere than in this machine's worker processes. */
  readonly createExecutor?: ((engine: EngineId, objectsRoot: string) => Executor) | undefined
  /** What a user should know that is no error. */
  note?(line: string): void
}

export interface Workbench {
  readonly api: WorkbenchApi
  /** Tells other processes where this one listens. */
  publish(endpoint: LockEndpoint): Promise<void>
  /** Stops jobs at their last checkpoints, ends workers, closes the database and gives the workspace free. */
  close(): Promise<void>
}

/**
 * Opens a workspace with everything that can be done in it.
 * @throws AppError `workspace-locked`, `workspace-newer`, `workspace-read-only`, `disk-full`, `corrupt`, `bad-input`.
 */
export async function openWorkbench(options: OpenWorkbenchOptions): Promise<Workbench> {
  const { workspace, readOnly = false } = options
  if (readOnly) return assemble(options, await openStoreForReading(workspace))
  const store = await openStore(workspace)
  try {
    // Half-written files of processes that were killed. Nothing refers to them, and whoever writes still is left alone.
    await new ObjectStore(store.paths.objects).removeLeftOvers()
  } catch (error) {
    await store.close()
    throw error
  }
  return assemble(options, store)
}

function assemble(
  { launcher, pageLauncher, shell, workers, createExecutor, note = () => {} }: OpenWorkbenchOptions,
  store: WritableStore | ReadableStore,
): Workbench {
  const { paths, db, repositories } = store
  const lock = store.mode === 'read-write' ? store.lock : null
  const log = lock === null ? null : openLog(paths)
  const report = (error: unknown): void => log?.error({ err: error }, AppError.from(error).message)
  const objects = new ObjectStore(paths.objects)
  if (store.mode === 'read-write' && store.swept.stages.length > 0) {
    log?.info({ stages: store.swept.stages }, 'Found interrupted stages.')
  }

  const engines = new Engines(launcher, pageLauncher)
  // Studies on different engines run at the same time, in one machine's memory.
  const memory = new MemoryLedger()
  const executors = new Map<EngineId, Executor>()
  const executorFor = (engine: EngineId): Executor => {
    const known = executors.get(engine)
    if (known !== undefined) return known
    const size = workers === undefined ? {} : { size: workers }
    const objectsRoot = paths.objects
    const executor =
      createExecutor?.(engine, objectsRoot) ??
      new WorkerPool({ launcher: engines.launcherOf(engine), objectsRoot, engine, memory, ...size })
    executors.set(engine, executor)
    return executor
  }
  const capacityOf = (engine: EngineId): number =>
    createExecutor === undefined ? (workers ?? workerSlots(engine)) : executorFor(engine).capacity
  const scheduler = new Scheduler({ repositories, objects, executorFor, report })
  const jobs = new Jobs({
    repositories,
    objects,
    scheduler,
    workersOf(engine, stageMemory) {
      const slots = capacityOf(engine)
      // Elsewhere, memory isn't this machine's.
      const count = createExecutor === undefined ? workersThatFit(stageMemory, slots, thisMachine.memory()) : slots
      return { slots, stageMemory, count }
    },
    requireSpace: (bytes) => requireSpace(paths, bytes),
    report,
  })
  // Who may not write in the workspace keeps what can be made again elsewhere.
  const cache = lock === null ? join(tmpdir(), `tmu-cache-${process.getuid?.() ?? 0}`) : paths.cache
  const datasets = createDatasetUseCases({
    launcher,
    objects,
    cache,
    datasets: repositories.datasets,
    bin: repositories.bin,
    splits: repositories.splits,
    forgetSets: repositories.forgetSets,
    transaction: (work) => repositories.transaction(work),
    isReferenced: (object) => repositories.references.isReferenced(object),
    countReferences: () => repositories.references.countReferences(),
    dropCache: (object) => dropSampleCache(cache, object),
    note,
  })
  const studyParts = { repositories, objects, jobs, engines, datasets, loader: jobs.loader, executorFor, note }
  let demo: Promise<unknown> = Promise.resolve()
  const tidying = lock === null ? Promise.resolve() : datasets.clearOldBin().catch(report)

  const api: WorkbenchApi = {
    ...datasets,
    ...createSystemUseCases({ workspace: paths.root, shell, readOnly: lock === null, engines, capacityOf }),
    ...createStudyUseCases(studyParts),
    ...createSampleUseCases({ repositories, objects, launcher, jobs, engines, cache }),
    ...createModelUseCases({ repositories, objects, jobs, engines, exportsFolder: paths.exports }),
    workspace: {
      async check(_input, call) {
        const holder = lock?.holder.id ?? (await currentHolder(paths.root))?.id ?? null
        const signal = call?.signal
        return await checkWorkspace({ db, objects, holder, ...(signal === undefined ? {} : { signal }) })
      },
    },
    outcomes: {
      evaluate: ({ path, draws }, call) => evaluateFile(path, draws, call?.signal),
    },
    demo: {
      // One after the other: the second finds what the first one made.
      prepare({ fast }) {
        const prepared = demo.then(() => prepareDemo(studyParts, fast))
        demo = prepared.catch(() => {})
        return prepared
      },
      estimate: ({ fast }) => estimateDemo(studyParts, fast),
    },
  }

  let closing: Promise<void> | null = null
  const close = async (): Promise<void> => {
    try {
      await tidying
      await jobs.close()
      await Promise.all([...executors.values()].map((executor) => executor.close()))
    } finally {
      await store.close()
    }
  }
  return {
    api: lock === null ? refusingWrites(api) : api,
    async publish(endpoint) {
      await lock?.publish(endpoint)
    },
    close: () => (closing ??= close()),
  }
}

/** Procedures that change the workspace; what isn't listed only reads. */
const writing: { readonly [Group in keyof WorkbenchApi]?: readonly (keyof WorkbenchApi[Group])[] } = {
  datasets: ['import', 'addGroups', 'remove', 'restore', 'emptyBin'],
  splits: ['create'],
  forgetSets: ['create', 'remove'],
  tags: ['add', 'remove'],
  studies: ['create', 'createSeries', 'tune', 'adoptTuning', 'attack', 'run', 'cancel'],
  runs: ['cancel', 'resume'],
  demo: ['prepare'],
}

/** A workbench without the lock says so, before anything was tried. */
function refusingWrites(api: WorkbenchApi): WorkbenchApi {
  const refuse = (): never => {
    throw new AppError('workspace-read-only', 'This workspace is open for reading only.', {
      hint: 'Close this view and open the workspace for writing.',
    })
  }
  const guarded = Object.entries(api).map(([group, procedures]) => {
    const names: readonly string[] = writing[group as keyof WorkbenchApi] ?? []
    return [group, { ...procedures, ...Object.fromEntries(names.map((name) => [name, refuse])) }]
  })
  return Object.fromEntries(guarded) as unknown as WorkbenchApi
}

/** Beside what is asked for, the disk keeps the room that a workspace needs to be opened at all. */
async function requireSpace(paths: WorkspacePaths, bytes: number): Promise<void> {
  const needed = bytes + defaultMinimumFreeBytes
  const free = await freeBytes(paths.objects)
  if (free >= needed) return
  throw new AppError(
    'disk-full',
    `The disk of the workspace has ${formatMebibytes(free)} left; this study needs ${formatMebibytes(needed)} to start.`,
    {
      hint: 'Free some space on that disk, then start the study again: nothing was lost.',
      details: { freeBytes: free, neededBytes: needed },
    },
  )
}

/** JSON lines in the workspace; small, and written at once so that a crash's last words are there. */
function openLog(paths: WorkspacePaths): Logger {
  return pino(
    { base: { pid: process.pid } },
    destination({ dest: join(paths.logs, 'workbench.log'), mkdir: true, sync: true }),
  )
}
