import type { AttackPlan } from '#shared/domain/attack.ts'
import { type EngineId, engineIds } from '#shared/domain/engine.ts'
import type { Study, StudyConfig } from '#shared/domain/study.ts'
import { AppError } from '#shared/errors.ts'
import type { RunId, StudyId } from '#shared/ids.ts'
import type { StoreContext } from '../context.ts'
import { createId } from '../create-id.ts'
import { readChoice, readJson, writeJson } from '../json-column.ts'
import { attackPlanSchema, studyConfigSchema } from '../schemas.ts'
import { translating } from '../sqlite-error.ts'
import { columnList, defineTable, insertStatement, type RowOf } from '../table.ts'
import { jobStates, type StudyState, transitions } from '../transitions.ts'
import { insertNamed } from './insert-named.ts'
import { runsTable } from './runs.ts'
import { createStateChange, type Stateful } from './state-change.ts'

export const studiesTable = defineTable('studies', {
  id: 'TEXT',
  name: 'TEXT',
  config: 'TEXT',
  engine: 'TEXT?',
  state: 'TEXT',
  holder: 'TEXT?',
  created_at: 'TEXT',
  attacks: 'TEXT?',
})
type StudyRow = RowOf<typeof studiesTable>

export interface NewStudy {
  readonly name: string
  readonly config: StudyConfig
  /** Where the user chose one; else it's fixed at the first run. */
  readonly engine?: EngineId | null
  readonly attacks?: AttackPlan | null
}

export interface NewRun {
  readonly method: string
  readonly seed: number
}

export interface StudyRepository {
  /**
   * A new study with its runs, queued, in the order given; both or none.
   * @throws AppError `already-exists` for a name that is taken or a run given twice.
   */
  insertStudy(study: NewStudy, runs: readonly NewRun[]): Study
  /** Oldest first. */
  listStudies(): readonly Study[]
  findStudy(nameOrId: string): Study | null
  /**
   * Fixes the study's engine. The same one again is no change.
   * @throws AppError `conflict` when it has another one already.
   */
  pinEngine(studyId: StudyId, engine: EngineId): void
  /** What the study is attacked with from now on. */
  setAttacks(studyId: StudyId, attacks: AttackPlan): void
  /** @throws AppError `conflict` for a change that the table of transitions doesn't allow. */
  setStudyState(studyId: StudyId, state: Exclude<StudyState, 'new'>): void
}

const studyStates = ['new', ...jobStates] as const

export function createStudyRepository(context: StoreContext): StudyRepository {
  const { db, now, holder } = context
  const columns = columnList(studiesTable)
  const insert = db.prepare<[StudyRow]>(insertStatement(studiesTable))
  const insertRun = db.prepare<[RowOf<typeof runsTable>]>(insertStatement(runsTable))
  const all = db.prepare<[], StudyRow>(`SELECT ${columns} FROM studies ORDER BY id`)
  const find = db.prepare<{ reference: string }, StudyRow>(
    `SELECT ${columns} FROM studies WHERE id = @reference OR name = @reference ORDER BY id = @reference DESC LIMIT 1`,
  )
  const pin = db.prepare<{ id: StudyId; engine: EngineId }>(
    'UPDATE studies SET engine = @engine WHERE id = @id AND (engine IS NULL OR engine = @engine)',
  )
  const attack = db.prepare<{ id: StudyId; attacks: string }>('UPDATE studies SET attacks = @attacks WHERE id = @id')
  const stateful: Stateful = { what: 'study', table: 'studies', key: 'id', holder: 'holder' }
  const change = (transition: (typeof transitions.study)[keyof typeof transitions.study]) =>
    createStateChange<{ readonly holder: string | null }>(context, stateful, transition, 'holder = @holder')
  const changes = {
    queued: change(transitions.study.queue),
    running: change(transitions.study.start),
    succeeded: change(transitions.study.finish),
    failed: change(transitions.study.fail),
    cancelled: change(transitions.study.cancel),
    interrupted: change(transitions.study.interrupt),
  }

  const insertBoth = db.transaction((study: Study, runs: readonly NewRun[]) => {
    insertNamed(`study named "${study.name}"`, () => insert.run(toRow(study)))
    for (const run of runs) {
      insertNamed(`run of ${run.method} with seed ${run.seed} in the study "${study.name}"`, () =>
        insertRun.run(newRunRow(study, run)),
      )
    }
  }).immediate

  const pinChecked = db.transaction((id: StudyId, engine: EngineId) => {
    if (pin.run({ id, engine }).changes === 1) return
    const row = find.get({ reference: id })
    if (row === undefined) throw new AppError('not-found', `There is no study ${id} in this workspace.`)
    throw new AppError('conflict', `The study "${row.name}" runs on the engine ${row.engine}, not on ${engine}.`, {
      hint: "A study's engine is fixed at its first run: make the engine available again, or create a new study.",
      details: { study: id, engine: row.engine },
    })
  }).immediate

  return translating(db.name, {
    insertStudy(given, runs) {
      const study: Study = {
        id: createId<StudyId>(),
        name: given.name,
        config: given.config,
        engine: given.engine ?? null,
        state: 'new',
        attacks: given.attacks ?? null,
        createdAt: now(),
      }
      insertBoth(study, runs)
      return study
    },
    listStudies: () => all.all().map(fromRow),
    findStudy(nameOrId) {
      const row = find.get({ reference: nameOrId })
      return row === undefined ? null : fromRow(row)
    },
    pinEngine: pinChecked,
    setAttacks(studyId, attacks) {
      const text = writeJson(attackPlanSchema, attacks, { row: `study ${studyId}`, column: 'attacks' })
      if (attack.run({ id: studyId, attacks: text }).changes === 1) return
      throw new AppError('not-found', `There is no study ${studyId} in this workspace.`)
    },
    setStudyState(studyId, state) {
      changes[state](studyId, { holder: state === 'running' ? holder : null })
    },
  })
}

function newRunRow(study: Study, run: NewRun): RowOf<typeof runsTable> {
  return {
    id: createId<RunId>(),
    study_id: study.id,
    method: run.method,
    seed: run.seed,
    state: 'queued',
    metrics: null,
    cost: null,
    outcome: null,
    error: null,
    holder: null,
    created_at: study.createdAt,
    started_at: null,
    finished_at: null,
  }
}

function toRow(study: Study): StudyRow {
  return {
    id: study.id,
    name: study.name,
    config: writeJson(studyConfigSchema, study.config, { row: `study "${study.name}"`, column: 'config' }),
    engine: study.engine,
    state: study.state,
    holder: null,
    created_at: study.createdAt,
    attacks:
      study.attacks === null
        ? null
        : writeJson(attackPlanSchema, study.attacks, { row: `study "${study.name}"`, column: 'attacks' }),
  }
}

function fromRow(row: StudyRow): Study {
  const name = `study "${row.name}"`
  return {
    id: row.id as StudyId,
    name: row.name,
    config: readJson(studyConfigSchema, row.config, { row: name, column: 'config' }),
    engine: row.engine === null ? null : readChoice(engineIds, row.engine, { row: name, column: 'engine' }),
    state: readChoice(studyStates, row.state, { row: name, column: 'state' }),
    attacks: row.attacks === null ? null : readJson(attackPlanSchema, row.attacks, { row: name, column: 'attacks' }),
    createdAt: row.created_at,
  }
}
