import type { MetricTable } from '#shared/domain/metrics.ts'
import type { Cost, JobState } from '#shared/domain/stage.ts'
import type { Run } from '#shared/domain/study.ts'
import { AppError, type AppErrorShape } from '#shared/errors.ts'
import type { ObjectHash, RunId, StudyId } from '#shared/ids.ts'
import type { StoreContext } from '../context.ts'
import { readChoice, readNullableJson, writeError, writeJson } from '../json-column.ts'
import { costSchema, errorSchema, metricsSchema } from '../schemas.ts'
import { translating } from '../sqlite-error.ts'
import { columnList, defineTable, type RowOf } from '../table.ts'
import { jobStates, transitions } from '../transitions.ts'
import { createStateChange, type Stateful } from './state-change.ts'

export const runsTable = defineTable('runs', {
  id: 'TEXT',
  study_id: 'TEXT',
  method: 'TEXT',
  seed: 'INTEGER',
  state: 'TEXT',
  metrics: 'TEXT?',
  cost: 'TEXT?',
  outcome: 'TEXT?',
  error: 'TEXT?',
  holder: 'TEXT?',
  created_at: 'TEXT',
  started_at: 'TEXT?',
  finished_at: 'TEXT?',
})
type RunRow = RowOf<typeof runsTable> & { readonly study_name: string }

/** A run as it lies in the store: the outcome by its object, which the object store turns into a path. */
export interface StoredRun extends Omit<Run, 'outcomePath'> {
  readonly outcome: ObjectHash | null
  readonly startedAt: string | null
}

export interface RunResult {
  readonly metrics: MetricTable
  readonly cost: Cost
  readonly outcome: ObjectHash
}

/** Reading a run's metrics takes some 50 us: a table of thousands is read in pages. */
export interface RunFilter {
  readonly studyId?: StudyId
  readonly state?: JobState
  /** The last run of the page before. */
  readonly after?: RunId
  readonly limit?: number
}

/** A row without its results, which are most of it: thousands are read at once. */
export type BriefRun = Pick<StoredRun, 'id' | 'method' | 'seed' | 'state'>

export interface RunRepository {
  /** In the order in which studies and their runs were created; from `after` on, `limit` of them. */
  listRuns(filter?: RunFilter): readonly StoredRun[]
  /**
   * By its id, or the beginning of it where no other run's id begins so.
   * @throws AppError `bad-input` when several do.
   */
  findRun(idOrPrefix: string): StoredRun | null
  /** A study's runs, all of them, in their order. */
  briefRuns(studyId: StudyId): readonly BriefRun[]
  /** Which states a study's runs are in. */
  runStates(studyId: StudyId): ReadonlySet<JobState>
  /** Each change of state throws AppError `conflict` when the table of transitions doesn't allow it. */
  startRun(id: RunId): void
  finishRun(id: RunId, result: RunResult): void
  failRun(id: RunId, error: AppErrorShape): void
  cancelRun(id: RunId): void
  interruptRun(id: RunId): void
  /** A failed, cancelled or interrupted run waits again. */
  requeueRun(id: RunId): void
  /** A succeeded run gives up its results and waits again. */
  invalidateRun(id: RunId): void
}

export function createRunRepository(context: StoreContext): RunRepository {
  const { db, now, holder } = context
  const select = `SELECT ${columnList(runsTable, 'r')}, s.name AS study_name FROM runs r JOIN studies s ON s.id = r.study_id`
  // A condition only where it's asked for: `@studyId IS NULL OR …` would keep the index from being used.
  const list = (filter: RunFilter): readonly RunRow[] => {
    const conditions = [
      filter.studyId === undefined ? [] : ['r.study_id = @studyId'],
      filter.state === undefined ? [] : ['r.state = @state'],
      filter.after === undefined ? [] : ['r.id > @after'],
    ].flat()
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
    const statement = db.prepare<[RunFilter], RunRow>(`${select} ${where} ORDER BY r.id LIMIT @limit`)
    // SQLite takes a negative limit for none.
    return statement.all({ ...filter, limit: filter.limit ?? -1 })
  }
  const brief = db.prepare<[StudyId], Pick<RunRow, 'id' | 'method' | 'seed' | 'state'>>(
    'SELECT id, method, seed, state FROM runs WHERE study_id = ? ORDER BY id',
  )
  const states = db.prepare<[StudyId], { state: string }>('SELECT DISTINCT state FROM runs WHERE study_id = ?')
  const find = db.prepare<[string], RunRow>(`${select} WHERE r.id = ?`)
  // Two are enough to know that there is more than one.
  const findByPrefix = db.prepare<{ prefix: string }, RunRow>(
    `${select} WHERE substr(r.id, 1, length(@prefix)) = @prefix ORDER BY r.id LIMIT 2`,
  )

  const stateful: Stateful = { what: 'run', table: 'runs', key: 'id', holder: 'holder' }
  const allowed = transitions.run
  const noResult = 'metrics = NULL, cost = NULL, outcome = NULL, error = NULL, started_at = NULL, finished_at = NULL'
  const start = createStateChange<{ holder: string; at: string }>(
    context,
    stateful,
    allowed.start,
    'holder = @holder, started_at = @at',
  )
  const finish = createStateChange<{ metrics: string; cost: string; outcome: ObjectHash; at: string }>(
    context,
    stateful,
    allowed.finish,
    'metrics = @metrics, cost = @cost, outcome = @outcome, holder = NULL, finished_at = @at',
  )
  const fail = createStateChange<{ error: string; at: string }>(
    context,
    stateful,
    allowed.fail,
    'error = @error, holder = NULL, finished_at = @at',
  )
  const cancel = createStateChange<{ at: string }>(
    context,
    stateful,
    allowed.cancel,
    'holder = NULL, finished_at = @at',
  )
  const interrupt = createStateChange(context, stateful, allowed.interrupt, 'holder = NULL')
  const requeue = createStateChange(context, stateful, allowed.requeue, noResult)
  const invalidate = createStateChange(context, stateful, allowed.invalidate, noResult)

  return translating(db.name, {
    listRuns: (filter = {}) => list(filter).map(fromRow),
    briefRuns: (studyId) =>
      brief.all(studyId).map(({ id, method, seed, state }) => ({
        id: id as RunId,
        method,
        seed,
        state: readChoice(jobStates, state, { row: `run ${id}`, column: 'state' }),
      })),
    runStates(studyId) {
      const where = { row: `a run of ${studyId}`, column: 'state' }
      return new Set(states.all(studyId).map(({ state }) => readChoice(jobStates, state, where)))
    },
    findRun(idOrPrefix) {
      const exact = find.get(idOrPrefix)
      if (exact !== undefined) return fromRow(exact)
      const [row, other] = idOrPrefix === '' ? [] : findByPrefix.all({ prefix: idOrPrefix })
      if (row === undefined) return null
      if (other === undefined) return fromRow(row)
      throw new AppError('bad-input', `Several runs have an id that begins with "${idOrPrefix}".`, {
        hint: 'Give more characters of the id; "run list" shows them.',
      })
    },
    startRun: (id) => start(id, { holder, at: now() }),
    finishRun(id, { metrics, cost, outcome }) {
      const row = `run ${id}`
      finish(id, {
        metrics: writeJson(metricsSchema, metrics, { row, column: 'metrics' }),
        cost: writeJson(costSchema, cost, { row, column: 'cost' }),
        outcome,
        at: now(),
      })
    },
    failRun: (id, error) =>
      fail(id, { error: writeError(errorSchema, error, { row: `run ${id}`, column: 'error' }), at: now() }),
    cancelRun: (id) => cancel(id, { at: now() }),
    interruptRun: (id) => interrupt(id, {}),
    requeueRun: (id) => requeue(id, {}),
    invalidateRun: (id) => invalidate(id, {}),
  })
}

function fromRow(row: RunRow): StoredRun {
  const name = `run ${row.id}`
  return {
    id: row.id as RunId,
    studyId: row.study_id as StudyId,
    studyName: row.study_name,
    method: row.method,
    seed: row.seed,
    state: readChoice(jobStates, row.state, { row: name, column: 'state' }),
    metrics: readNullableJson(metricsSchema, row.metrics, { row: name, column: 'metrics' }),
    cost: readNullableJson(costSchema, row.cost, { row: name, column: 'cost' }),
    outcome: row.outcome as ObjectHash | null,
    error: readNullableJson(errorSchema, row.error, { row: name, column: 'error' }),
    createdAt: row.created_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  }
}
