import { type EngineId, engineIds } from '#shared/domain/engine.ts'
import {
  type CostScope,
  type JobState,
  type StageCost,
  type StageKind,
  type StageRecord,
  stageKinds,
} from '#shared/domain/stage.ts'
import { AppError, type AppErrorShape } from '#shared/errors.ts'
import type { ObjectHash, RunId, StageKey, StudyId } from '#shared/ids.ts'
import type { StoreContext } from '../context.ts'
import { readChoice, readJson, readNullableJson, writeError, writeJson } from '../json-column.ts'
import { errorSchema, outputsSchema, stageCostSchema } from '../schemas.ts'
import { translating } from '../sqlite-error.ts'
import { columnList, defineTable, insertStatement, type RowOf } from '../table.ts'
import { jobStates, transitions } from '../transitions.ts'
import { createStateChange, type Stateful } from './state-change.ts'

export const stagesTable = defineTable('stages', {
  key: 'TEXT',
  kind: 'TEXT',
  version: 'INTEGER',
  spec: 'TEXT',
  engine: 'TEXT',
  seed: 'INTEGER',
  state: 'TEXT',
  outputs: 'TEXT',
  cost: 'TEXT?',
  checkpoint_object: 'TEXT?',
  checkpoint_epoch: 'INTEGER?',
  error: 'TEXT?',
  lease_holder: 'TEXT?',
  lease_worker: 'TEXT?',
  lease_expires_at: 'TEXT?',
  created_at: 'TEXT',
  started_at: 'TEXT?',
  finished_at: 'TEXT?',
  paid_by: 'TEXT?',
})
type StageRow = RowOf<typeof stagesTable>

export const studyStagesTable = defineTable('study_stages', {
  study_id: 'TEXT',
  stage_key: 'TEXT',
  run_id: 'TEXT?',
  label: 'TEXT',
  scope: 'TEXT',
})
type StudyStageRow = RowOf<typeof studyStagesTable>

export interface NewStage {
  readonly key: StageKey
  readonly kind: StageKind
  readonly version: number
  readonly engine: EngineId
  readonly seed: number
}

export interface Checkpoint {
  readonly object: ObjectHash
  readonly epoch: number
}

/** Which worker of the holder's computes a stage, and until when it has to say that it still does. */
export interface Lease {
  readonly worker: string
  /** ISO 8601 in UTC. */
  readonly expiresAt: string
}

/** A stage as it lies in the store, whichever studies need it. */
export interface StoredStage extends Omit<StageRecord, 'label' | 'scope'> {
  readonly version: number
  /** JSON, as its maker wrote it. */
  readonly spec: string
  readonly checkpoint: Checkpoint | null
  readonly lease: Lease | null
  readonly startedAt: string | null
  /** The study that had it computed; null before, and of stages from before this was written down. */
  readonly paidBy: StudyId | null
}

/** A stage as one study sees it; without its spec, which is most of a row. */
export interface StudyStage extends Omit<StoredStage, 'spec'> {
  readonly label: string
  readonly scope: CostScope
  /** The one run that it serves; null where it serves several. */
  readonly runId: RunId | null
  /** Its place among all links of studies and stages. */
  readonly link: number
}

export interface StagePage {
  readonly after?: number
  readonly limit?: number
}

/** `spec` is JSON, as its maker wrote it. */
export type FinishedCost = Pick<StoredStage, 'kind' | 'engine' | 'spec'> & { readonly cost: StageCost }

export interface StageLink {
  readonly studyId: StudyId
  readonly stageKey: StageKey
  readonly runId: RunId | null
  readonly label: string
  readonly scope: CostScope
}

export interface StageRepository {
  getStage(key: StageKey): StoredStage | null
  /** Its state alone, which is quicker to have. */
  stageState(key: StageKey): JobState | null
  /** By key. */
  listStages(filter?: { readonly state?: JobState }): readonly StoredStage[]
  /** What finished last, newest first: kind, engine, parameters and cost are what estimates learn from. */
  listFinishedCosts(limit: number): readonly FinishedCost[]
  /**
   * The stage with this key, queued where it's new. `spec` is JSON and isn't looked into.
   * @throws AppError `internal` when the key belongs to a stage of another kind, version, engine or seed.
   */
  ensureStage(stage: NewStage, spec: string): StoredStage
  /** Says that a study needs a stage; saying it again replaces run, label and scope. */
  linkStudyStage(link: StageLink): void
  /** In the order in which they were linked; those after the link `after`, `limit` at most. */
  listStudyStages(studyId: StudyId, page?: StagePage): readonly StudyStage[]
  /** Each change of state throws AppError `conflict` when the table of transitions doesn't allow it. */
  startStage(key: StageKey, lease: Lease): void
  /** @throws AppError `conflict` unless the stage runs for this holder. */
  renewLease(key: StageKey, expiresAt: string): void
  /**
   * Makes `object` the state that the stage resumes from, and returns the one before: nothing of this stage needs
   * its object any more.
   * @throws AppError `conflict` unless the stage runs for this holder.
   */
  saveCheckpoint(key: StageKey, object: ObjectHash, epoch: number): Checkpoint | null
  /** Returns the last checkpoint, which is given up. `paidBy`: the study that it was computed for. */
  finishStage(
    key: StageKey,
    outputs: Readonly<Record<string, ObjectHash>>,
    cost: StageCost,
    paidBy?: StudyId | null,
  ): Checkpoint | null
  /** Failed, cancelled and interrupted stages keep their checkpoint: the next attempt resumes there. */
  failStage(key: StageKey, error: AppErrorShape): void
  cancelStage(key: StageKey): void
  interruptStage(key: StageKey): void
  /** A failed, cancelled or interrupted stage waits again. */
  requeueStage(key: StageKey): void
  /** A succeeded stage whose outputs are lost or damaged gives them up and waits again. */
  invalidateStage(key: StageKey): void
  /** Forgets a checkpoint that can't be read any more; the stage begins anew. Returns it. */
  dropCheckpoint(key: StageKey): Checkpoint | null
}

const scopes = ['dataset', 'class', 'request', 'evidence'] as const satisfies readonly CostScope[]

export function createStageRepository(context: StoreContext): StageRepository {
  const { db, now, holder } = context
  const columns = columnList(stagesTable)
  const get = db.prepare<[StageKey], StageRow>(`SELECT ${columns} FROM stages WHERE key = ?`)
  const list = db.prepare<{ state: JobState | null }, StageRow>(
    `SELECT ${columns} FROM stages WHERE @state IS NULL OR state = @state ORDER BY key`,
  )
  const stateOf = db.prepare<[StageKey], { state: string }>('SELECT state FROM stages WHERE key = ?')
  const finishedCosts = db.prepare<[number], StageRow>(
    `SELECT ${columns} FROM stages WHERE state = 'succeeded' ORDER BY finished_at DESC LIMIT ?`,
  )
  const insert = db.prepare<[StageRow]>(`${insertStatement(stagesTable)} ON CONFLICT (key) DO NOTHING`)
  const link = db.prepare<[StudyStageRow]>(
    `${insertStatement(studyStagesTable)}
     ON CONFLICT (study_id, stage_key) DO UPDATE SET run_id = excluded.run_id, label = excluded.label, scope = excluded.scope`,
  )
  const ofStudy = db.prepare<{ studyId: StudyId; after: number; limit: number }, JoinedRow>(
    // The page is cut before the join: its order isn't that of any index.
    `SELECT ${columnList(stagesTable, 't').replace('t.spec', "'' AS spec")}, ${columnList(studyStagesTable, 'l')}, l.link
     FROM (
       SELECT rowid AS link, ${columnList(studyStagesTable)} FROM study_stages
       WHERE study_id = @studyId AND rowid > @after ORDER BY rowid LIMIT @limit
     ) l JOIN stages t ON t.key = l.stage_key ORDER BY l.link`,
  )
  const renew = db.prepare<{ key: StageKey; expiresAt: string; holder: string }>(
    `UPDATE stages SET lease_expires_at = @expiresAt WHERE key = @key AND state = 'running' AND lease_holder = @holder`,
  )
  const checkpoint = db.prepare<{ key: StageKey; object: ObjectHash; epoch: number; holder: string }>(
    `UPDATE stages SET checkpoint_object = @object, checkpoint_epoch = @epoch
     WHERE key = @key AND state = 'running' AND lease_holder = @holder`,
  )
  const drop = db.prepare<[StageKey]>(
    'UPDATE stages SET checkpoint_object = NULL, checkpoint_epoch = NULL WHERE key = ?',
  )

  const stateful: Stateful = { what: 'stage', table: 'stages', key: 'key', holder: 'lease_holder' }
  const allowed = transitions.stage
  const noLease = 'lease_holder = NULL, lease_worker = NULL, lease_expires_at = NULL'
  const waiting = 'error = NULL, started_at = NULL, finished_at = NULL'
  const start = createStateChange<{ holder: string; worker: string; expiresAt: string; at: string }>(
    context,
    stateful,
    allowed.start,
    'lease_holder = @holder, lease_worker = @worker, lease_expires_at = @expiresAt, started_at = @at',
  )
  const finish = createStateChange<{ outputs: string; cost: string; paidBy: StudyId | null; at: string }>(
    context,
    stateful,
    allowed.finish,
    `outputs = @outputs, cost = @cost, paid_by = @paidBy, checkpoint_object = NULL, checkpoint_epoch = NULL, ${noLease}, finished_at = @at`,
  )
  const fail = createStateChange<{ error: string; at: string }>(
    context,
    stateful,
    allowed.fail,
    `error = @error, ${noLease}, finished_at = @at`,
  )
  const cancel = createStateChange<{ at: string }>(context, stateful, allowed.cancel, `${noLease}, finished_at = @at`)
  const interrupt = createStateChange(context, stateful, allowed.interrupt, noLease)
  const requeue = createStateChange(context, stateful, allowed.requeue, waiting)
  const invalidate = createStateChange(context, stateful, allowed.invalidate, `outputs = '{}', cost = NULL, ${waiting}`)

  const ensure = db.transaction((stage: NewStage, spec: string): StoredStage => {
    insert.run(newRow(stage, spec, now()))
    const stored = fromRow(known(get.get(stage.key), stage.key))
    const sameWork =
      stored.kind === stage.kind &&
      stored.version === stage.version &&
      stored.engine === stage.engine &&
      stored.seed === stage.seed
    if (sameWork) return stored
    throw new AppError('internal', `The stage key ${stage.key} stands for two different stages.`, {
      details: { stored: stored.kind, given: stage.kind },
    })
  }).immediate

  const checkpointOf = (key: StageKey): Checkpoint | null => fromRow(known(get.get(key), key)).checkpoint

  const finishChecked = db.transaction(
    (key: StageKey, outputs: string, cost: string, paidBy: StudyId | null): Checkpoint | null => {
      const last = checkpointOf(key)
      finish(key, { outputs, cost, paidBy, at: now() })
      return last
    },
  ).immediate

  const saveChecked = db.transaction((key: StageKey, object: ObjectHash, epoch: number): Checkpoint | null => {
    const previous = checkpointOf(key)
    requireOne(checkpoint.run({ key, object, epoch, holder }).changes, key)
    return previous
  }).immediate

  const dropChecked = db.transaction((key: StageKey): Checkpoint | null => {
    const previous = checkpointOf(key)
    drop.run(key)
    return previous
  }).immediate

  return translating(db.name, {
    getStage(key) {
      const row = get.get(key)
      return row === undefined ? null : fromRow(row)
    },
    listStages: ({ state } = {}) => list.all({ state: state ?? null }).map(fromRow),
    stageState(key) {
      const row = stateOf.get(key)
      return row === undefined ? null : readChoice(jobStates, row.state, { row: `stage ${key}`, column: 'state' })
    },
    listFinishedCosts: (limit) =>
      finishedCosts.all(limit).flatMap((row) => {
        const { kind, engine, spec, cost } = fromRow(row)
        return cost === null ? [] : [{ kind, engine, spec, cost }]
      }),
    ensureStage: ensure,
    linkStudyStage({ studyId, stageKey, runId, label, scope }) {
      link.run({ study_id: studyId, stage_key: stageKey, run_id: runId, label, scope })
    },
    // SQLite takes a negative limit for none.
    listStudyStages: (studyId, { after = 0, limit = -1 } = {}) =>
      ofStudy.all({ studyId, after, limit }).map(fromJoinedRow),
    startStage: (key, { worker, expiresAt }) => start(key, { holder, worker, expiresAt, at: now() }),
    renewLease: (key, expiresAt) => requireOne(renew.run({ key, expiresAt, holder }).changes, key),
    saveCheckpoint: saveChecked,
    finishStage(key, outputs, cost, paidBy = null) {
      const row = `stage ${key}`
      return finishChecked(
        key,
        writeJson(outputsSchema, outputs, { row, column: 'outputs' }),
        writeJson(stageCostSchema, cost, { row, column: 'cost' }),
        paidBy,
      )
    },
    failStage: (key, error) =>
      fail(key, { error: writeError(errorSchema, error, { row: `stage ${key}`, column: 'error' }), at: now() }),
    cancelStage: (key) => cancel(key, { at: now() }),
    interruptStage: (key) => interrupt(key, {}),
    requeueStage: (key) => requeue(key, {}),
    invalidateStage: (key) => invalidate(key, {}),
    dropCheckpoint: dropChecked,
  })
}

function known(row: StageRow | undefined, key: StageKey): StageRow {
  if (row === undefined) throw new AppError('not-found', `There is no stage ${key} in this workspace.`)
  return row
}

function requireOne(changes: number, key: StageKey): void {
  if (changes === 1) return
  throw new AppError('conflict', `The stage ${key} isn't running for this process.`, {
    hint: 'It ended meanwhile, or this process lost the workspace to another one.',
    details: { stage: key },
  })
}

function newRow(stage: NewStage, spec: string, at: string): StageRow {
  return {
    key: stage.key,
    kind: stage.kind,
    version: stage.version,
    spec,
    engine: stage.engine,
    seed: stage.seed,
    state: 'queued',
    outputs: '{}',
    cost: null,
    checkpoint_object: null,
    checkpoint_epoch: null,
    error: null,
    lease_holder: null,
    lease_worker: null,
    lease_expires_at: null,
    created_at: at,
    started_at: null,
    finished_at: null,
    paid_by: null,
  }
}

function fromRow(row: StageRow): StoredStage {
  const name = `stage ${row.key}`
  return {
    key: row.key as StageKey,
    kind: readChoice(stageKinds, row.kind, { row: name, column: 'kind' }),
    version: row.version,
    spec: row.spec,
    engine: readChoice(engineIds, row.engine, { row: name, column: 'engine' }),
    seed: row.seed,
    state: readChoice(jobStates, row.state, { row: name, column: 'state' }),
    outputs: readJson(outputsSchema, row.outputs, { row: name, column: 'outputs' }),
    cost: readNullableJson(stageCostSchema, row.cost, { row: name, column: 'cost' }),
    checkpoint:
      row.checkpoint_object === null || row.checkpoint_epoch === null
        ? null
        : { object: row.checkpoint_object as ObjectHash, epoch: row.checkpoint_epoch },
    error: readNullableJson(errorSchema, row.error, { row: name, column: 'error' }),
    lease:
      row.lease_worker === null || row.lease_expires_at === null
        ? null
        : { worker: row.lease_worker, expiresAt: row.lease_expires_at },
    createdAt: row.created_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    paidBy: row.paid_by as StudyId | null,
  }
}

type JoinedRow = StageRow & StudyStageRow & { readonly link: number }

function fromJoinedRow(row: JoinedRow): StudyStage {
  const { spec: _, ...stage } = fromRow(row)
  return {
    ...stage,
    link: row.link,
    label: row.label,
    scope: readChoice(scopes, row.scope, { row: `stage ${row.key}`, column: 'scope' }),
    runId: row.run_id as RunId | null,
  }
}
