import type { ObjectStore } from '#main/artifacts/object-store.ts'
import type { StageNode } from '#main/compute/stages.ts'
import { readJson } from '#main/compute/worker/array-objects.ts'
import type { Repositories } from '#main/store/index.ts'
import type { StudyStage } from '#main/store/repositories/stages.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import { type Priority, priorities, type Queue, unhurried } from '#shared/domain/queue.ts'
import type { CurvePoint, JobState } from '#shared/domain/stage.ts'
import type { Study, StudyPlan } from '#shared/domain/study.ts'
import { AppError } from '#shared/errors.ts'
import type { ObjectHash, RunId, StageKey, StudyId } from '#shared/ids.ts'
import type { LiveStage, StudyEvent } from '#shared/progress.ts'
import { eachInTurns, isTurnOver, mapInTurns, nextTurn } from '../turns.ts'
import { estimateBytes, estimateVisits } from './estimate.ts'
import { inPieces } from './event-feed.ts'
import { Experience } from './experience.ts'
import { dependenciesOf } from './graph.ts'
import { ranksOf } from './job-progress.ts'
import { stagesOfStudy } from './row-pages.ts'
import type { Scheduler, WantedStage } from './scheduler.ts'
import { type JobRequest, type StageEstimate, StudyJob } from './study-job.ts'
import { type LoadedStudy, StudyLoader } from './study-loader.ts'

export interface JobsOptions {
  readonly repositories: Repositories
  readonly objects: ObjectStore
  readonly scheduler: Scheduler
  /** How many stages that take so many bytes run at once on an engine; asked without starting a worker. */
  workersOf(engine: EngineId, stageMemory: number): StudyPlan['workers']
  /** Refuses to begin where the disk has no room for so many bytes more. */
  requireSpace(bytes: number): Promise<void>
  report(error: unknown): void
}

export interface RunChoice {
  /** Default: all of the study's. */
  readonly runs?: ReadonlySet<RunId>
  readonly priority?: Priority | undefined
}

/** So many stages that finished last teach the estimates. */
const stagesToLearnFrom = 500
/** Rows of one transaction. */
const chunkSize = 100
const filesAtOnce = 32

/** The studies at work, and what is needed to set one to work. */
export class Jobs {
  readonly loader: StudyLoader
  readonly #options: JobsOptions
  readonly #jobs = new Map<StudyId, StudyJob>()
  readonly #starting = new Map<StudyId, Promise<StudyJob>>()
  readonly #waiting = new Map<StudyId, Set<() => void>>()
  #experience: Experience | null = null
  #closed = false

  constructor(options: JobsOptions) {
    this.#options = options
    this.loader = new StudyLoader(options.repositories, options.objects)
  }

  /** The study's job that runs, or ran last in this process. */
  jobOf(study: StudyId): StudyJob | null {
    return this.#jobs.get(study) ?? null
  }

  /** A job that isn't done yet, or is just being started. */
  async activeJobOf(study: StudyId): Promise<StudyJob | null> {
    await this.#starting.get(study)?.catch(() => {})
    const job = this.jobOf(study)
    return job === null || job.ended ? null : job
  }

  get anyActive(): boolean {
    return this.#starting.size > 0 || [...this.#jobs.values()].some((job) => !job.ended)
  }

  /** Sets runs of a study to work, or adds them to its job. Its engine is pinned by now. */
  async run(study: Study, engine: EngineId, { runs, priority }: RunChoice = {}): Promise<StudyJob> {
    if (this.#closed) throw new AppError('cancelled', 'The workbench is closing.')
    const before = this.#starting.get(study.id)
    const started = (before?.catch(() => {}) ?? Promise.resolve()).then(() => this.#run(study, engine, runs))
    this.#starting.set(study.id, started)
    try {
      const job = await started
      if (priority !== undefined && !job.ended) this.#options.scheduler.prioritise(job, priority)
      return job
    } finally {
      if (this.#starting.get(study.id) === started) this.#starting.delete(study.id)
    }
  }

  /** What a stage will take by what was learned so far: seconds, and bytes of memory. */
  estimateOf(loaded: LoadedStudy, node: StageNode): StageEstimate {
    const experience = this.#learned()
    return {
      seconds: experience.seconds(node, estimateVisits(node, loaded.lists)),
      memory: experience.memory(node),
    }
  }

  /** How many of a study's stages run at once here. */
  async workersOf(loaded: LoadedStudy): Promise<StudyPlan['workers']> {
    const experience = this.#learned()
    let largest = 0
    await eachInTurns(loaded.nodes, (node) => {
      largest = Math.max(largest, experience.memory(node))
    })
    return this.#options.workersOf(loaded.engine, largest)
  }

  /** Whether any stage was measured on this engine. */
  knows(engine: EngineId): boolean {
    return this.#learned().knows(engine)
  }

  /** The studies at work, the most urgent first. */
  queue(): Queue {
    const { scheduler } = this.#options
    const studies = [...this.#jobs.values()]
      .filter((job) => !job.ended)
      .map((job) => ({
        ...job.standing,
        priority: scheduler.scheduleOf(job).priority,
        paused: scheduler.isPaused(job),
      }))
      .sort((a, b) => priorities.indexOf(b.priority) - priorities.indexOf(a.priority))
    return { paused: scheduler.paused, shortOfMemory: scheduler.shortOfMemory, studies }
  }

  /** Pauses a study, or everything; resolves when what must not run any more has stopped. */
  async pause(study: Study | null, paused: boolean): Promise<void> {
    await this.#options.scheduler.pause(study === null ? null : await this.#atWork(study), paused)
  }

  async prioritise(study: Study, priority: Priority): Promise<void> {
    this.#options.scheduler.prioritise(await this.#atWork(study), priority)
  }

  async #atWork(study: Study): Promise<StudyJob> {
    const job = await this.activeJobOf(study.id)
    if (job !== null) return job
    throw new AppError('conflict', `The study "${study.name}" isn't running.`, {
      hint: 'Only a study at work has a place in the queue: start it first.',
    })
  }

  /** A snapshot first, then what changes. Without a job: how things stand, and the end unless the study is new. */
  async *watch(study: Study, engine: EngineId, signal?: AbortSignal): AsyncGenerator<StudyEvent, void> {
    await this.#starting.get(study.id)?.catch(() => {})
    const job = this.jobOf(study.id)
    if (job !== null) {
      yield* job.feed.read(signal)
      return
    }
    const { state } = study
    yield* inPieces({
      kind: 'snapshot',
      state,
      stages: await this.#idleStages(study, engine),
      value: state === 'succeeded' ? 1 : 0,
      etaSeconds: null,
      schedule: unhurried,
    })
    if (state !== 'new') {
      yield { kind: 'finished', state, error: null }
      return
    }
    const started = await this.#nextJob(study.id, signal)
    if (started !== null) yield* started.feed.read(signal)
  }

  /** Stops every stage as interrupted: the next start goes on from the last checkpoints. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled(this.#starting.values())
    await this.#options.scheduler.close()
    for (const job of this.#jobs.values()) job.interrupt()
    for (const wake of [...this.#waiting.values()].flatMap((wakes) => [...wakes])) wake()
  }

  async #run(study: Study, engine: EngineId, chosen?: ReadonlySet<RunId>): Promise<StudyJob> {
    const startedAt = performance.now()
    const { repositories, objects, scheduler, requireSpace, report } = this.#options
    const loaded = await this.loader.load(study, engine)
    const rows = await this.#ensureStages(loaded)
    const available = await this.#available(rows)
    const runs = chosen === undefined ? loaded.runs : loaded.runs.filter((run) => chosen.has(run.id))
    const stored = new Map(repositories.runs.briefRuns(study.id).map((run) => [run.id, run.state]))
    const settled = new Set<RunId>()
    await eachInTurns(runs, (run) => {
      const isComplete = (): boolean => run.needs.every((key) => available.has(key))
      if (stored.get(run.id) === 'succeeded' && isComplete()) settled.add(run.id)
    })
    const curves = await this.#curves(available.values())
    const current = this.jobOf(study.id)
    const job =
      current !== null && !current.ended
        ? current
        : new StudyJob({
            loaded,
            repositories,
            objects,
            scheduler,
            capacity: (await this.workersOf(loaded)).count,
            startedAt,
            learned: (node, cost) => this.#learned().learn(node, cost),
            report,
          })
    const toDo = runs.filter((run) => !settled.has(run.id) && !job.isWorkingOn(run.id))
    const attacks = chosen === undefined ? loaded.attacks : []
    const attacksToDo = attacks.filter(({ needs }) => needs.some((key) => !available.has(key)))
    const needed = new Set<StageKey>()
    await eachInTurns([...toDo, ...attacksToDo], ({ needs }) => {
      for (const key of needs) needed.add(key)
    })
    const missing = loaded.nodes.filter(({ key }) => needed.has(key) && !available.has(key))
    const wanted = await this.#wanted(loaded, missing)
    if (toDo.length + attacksToDo.length > 0) {
      let bytes = 0
      await eachInTurns(missing, (node) => {
        bytes += estimateBytes(node, loaded.lists)
      })
      await requireSpace(bytes)
      await storeAll(objects, loaded.newLists)
      repositories.transaction(() => {
        for (const { id } of toDo) requeue(repositories, id, stored.get(id))
        if (repositories.studies.findStudy(study.id)?.state !== 'running') {
          repositories.studies.setStudyState(study.id, 'running')
        }
      })
    }
    this.#jobs.set(study.id, job)
    const request: JobRequest = { runs, settled, available, curves, attacks, wanted }
    const added = job.add(request)
    for (const wake of this.#waiting.get(study.id) ?? []) wake()
    await added
    return job
  }

  /** What it takes to have stages, each with the chain behind it. */
  async #wanted(loaded: LoadedStudy, nodes: readonly StageNode[]): Promise<readonly WantedStage[]> {
    const timed = await mapInTurns(nodes, (node) => ({
      node,
      key: node.key,
      dependsOn: dependenciesOf(node),
      ...this.estimateOf(loaded, node),
    }))
    const ranks = ranksOf(timed)
    await nextTurn()
    return timed.map(({ node, seconds, memory }) => ({ node, seconds, memory, rank: ranks.get(node.key) ?? seconds }))
  }

  /** A row for every stage of the study, with what the study calls it. What is there already isn't written again. */
  async #ensureStages(loaded: LoadedStudy): Promise<ReadonlyMap<StageKey, StudyStage>> {
    const { repositories } = this.#options
    const { study, nodes, users } = loaded
    const linked = await stagesOfStudy(repositories, study.id)
    const runOf = (key: StageKey): RunId | null => {
      const serving = users.get(key) ?? []
      return serving.length === 1 ? serving[0].id : null
    }
    const missing = nodes.filter(({ key, label, scope }) => {
      const row = linked.get(key)
      return row === undefined || row.label !== label || row.scope !== scope || row.runId !== runOf(key)
    })
    for (let at = 0; at < missing.length; at += chunkSize) {
      repositories.transaction(() => {
        for (const node of missing.slice(at, at + chunkSize)) {
          const { key, label, scope, params, inputs } = node
          repositories.stages.ensureStage(node, JSON.stringify({ params, inputs }))
          repositories.stages.linkStudyStage({ studyId: study.id, stageKey: key, runId: runOf(key), label, scope })
        }
      })
      if (isTurnOver()) await nextTurn()
    }
    if (missing.length === 0) return linked
    return await stagesOfStudy(repositories, study.id)
  }

  /** Stages whose results are all there. One that lost an object waits again. */
  async #available(rows: ReadonlyMap<StageKey, StudyStage>): Promise<ReadonlyMap<StageKey, StudyStage>> {
    const { repositories, objects } = this.#options
    const succeeded = [...rows.values()].filter((row) => row.state === 'succeeded')
    const lost = new Set<ObjectHash>()
    const wanted = new Set<ObjectHash>()
    await eachInTurns(succeeded, (row) => {
      for (const object of Object.values(row.outputs)) wanted.add(object)
    })
    await eachOf([...wanted], async (object) => {
      if (!(await objects.has(object))) lost.add(object)
    })
    const isWhole = (row: StudyStage): boolean => !Object.values(row.outputs).some((object) => lost.has(object))
    for (const row of succeeded) if (!isWhole(row)) repositories.stages.invalidateStage(row.key)
    return new Map(succeeded.filter(isWhole).map((row) => [row.key, row]))
  }

  async #curves(rows: Iterable<StudyStage>): Promise<ReadonlyMap<StageKey, readonly CurvePoint[]>> {
    const curves = new Map<StageKey, readonly CurvePoint[]>()
    await eachOf([...rows], async ({ key, outputs }) => {
      const { curve } = outputs
      if (curve === undefined) return
      try {
        curves.set(key, (await readJson(this.#options.objects, curve)) as readonly CurvePoint[])
      } catch (error) {
        // A curve is for looking at: its loss is found by "workspace check".
        this.#options.report(error)
      }
    })
    return curves
  }

  async #idleStages(study: Study, engine: EngineId): Promise<readonly LiveStage[]> {
    const { nodes } = await this.loader.load(study, engine)
    const rows = await stagesOfStudy(this.#options.repositories, study.id)
    const curves = await this.#curves(rows.values())
    return nodes.map(({ key, kind, label }) => {
      const row = rows.get(key)
      return {
        key,
        kind,
        label,
        // A stage in the queue of nobody's job is only planned.
        state: row === undefined || row.state === 'queued' ? 'planned' : row.state,
        reused: false,
        value: row?.state === 'succeeded' ? 1 : 0,
        etaSeconds: null,
        curve: curves.get(key) ?? [],
        cost: row?.cost ?? null,
        error: row?.error ?? null,
      }
    })
  }

  #nextJob(study: StudyId, signal?: AbortSignal): Promise<StudyJob | null> {
    return new Promise((resolve) => {
      const wakes = this.#waiting.get(study) ?? new Set()
      this.#waiting.set(study, wakes)
      const wake = (): void => {
        wakes.delete(wake)
        signal?.removeEventListener('abort', wake)
        resolve(this.jobOf(study))
      }
      wakes.add(wake)
      if (signal?.aborted === true || this.#closed || this.#jobs.has(study)) wake()
      else signal?.addEventListener('abort', wake, { once: true })
    })
  }

  #learned(): Experience {
    if (this.#experience !== null) return this.#experience
    const experience = new Experience()
    for (const { kind, engine, spec, cost } of this.#options.repositories.stages.listFinishedCosts(stagesToLearnFrom)) {
      const { params } = JSON.parse(spec) as Pick<StageNode, 'params'>
      experience.learn({ kind, engine, params }, cost)
    }
    this.#experience = experience
    return experience
  }
}

function requeue(repositories: Repositories, id: RunId, state: JobState | undefined): void {
  if (state === 'succeeded') repositories.runs.invalidateRun(id)
  else if (state === 'failed' || state === 'cancelled' || state === 'interrupted') repositories.runs.requeueRun(id)
}

async function storeAll(objects: ObjectStore, content: LoadedStudy['newLists']): Promise<void> {
  await eachOf([...content.values()], async (bytes) => void (await objects.put(bytes)))
}

/** A few at a time: thousands of open files at once are more than a process may have. */
async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < items.length) await work(items[next++])
  }
  await Promise.all(Array.from({ length: Math.min(filesAtOnce, items.length) }, lane))
}
