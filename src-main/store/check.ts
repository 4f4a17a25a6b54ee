import { setImmediate as yieldToOthers } from 'node:timers/promises'
import type { ObjectStore } from '#main/artifacts/object-store.ts'
import type { WorkspaceCheck } from '#shared/domain/system.ts'
import { AppError } from '#shared/errors.ts'
import type { DatasetId, ObjectHash, StageKey } from '#shared/ids.ts'
import { quickCheck, type WorkspaceDatabase } from './database.ts'
import { createRepositories, type Repositories } from './index.ts'
import type { ObjectReference } from './references.ts'
import { databaseError } from './sqlite-error.ts'

export interface CheckOptions {
  readonly db: WorkspaceDatabase
  readonly objects: ObjectStore
  /** Who holds the workspace now (the lock's `holder.id`): what runs for anybody else counts as interrupted. */
  readonly holder?: string | null
  readonly signal?: AbortSignal
  readonly onProgress?: (objectsDone: number, objectsTotal: number) => void
}

interface Problem {
  /** `database`: SQLite's own checks failed; `row`: a row can't be read; `lost` and `damaged`: an object. */
  readonly kind: 'database' | 'row' | 'lost' | 'damaged'
  readonly what: string
  readonly hint: string
}

const restoreHint = 'Put a copy of the workspace back; the objects beside the database stay usable.'

/**
 * Whether everything that was acknowledged is there and as it was: the database, every row, and every object that a
 * row names, hashed anew. What is merely unfinished (interrupted stages, left-over files) is a note.
 * It reads only, and may run beside a working holder.
 */
export async function checkWorkspace(options: CheckOptions): Promise<WorkspaceCheck> {
  const { db, objects, holder = null, signal, onProgress } = options
  const repositories = createRepositories(db)
  const problems: Problem[] = [...checkDatabase(db)]
  let references: ReadonlyMap<ObjectHash, readonly ObjectReference[]> = new Map()
  const notes: string[] = []
  try {
    problems.push(...(await checkRows(db, repositories)))
    references = byObject(repositories.references.listReferences())
    notes.push(...noteInterrupted(db, holder))
  } catch (error) {
    // A damaged page can end any query. That the database is damaged is then the finding.
    problems.push({ kind: 'database', what: databaseError(error, db.name).message, hint: restoreHint })
  }
  let done = 0
  for (const [object, rows] of references) {
    signal?.throwIfAborted()
    problems.push(...(await checkObject(objects, repositories, object, rows)))
    done++
    onProgress?.(done, references.size)
  }
  notes.push(...(await noteUnreferenced(objects, references)), ...(await noteLeftOvers(objects)))
  return { ok: problems.length === 0, problems, notes, objectsChecked: references.size }
}

function checkDatabase(db: WorkspaceDatabase): readonly Problem[] {
  const problem = (what: string): Problem => ({ kind: 'database', what, hint: restoreHint })
  try {
    const broken = db.pragma('foreign_key_check') as readonly { readonly table: string; readonly parent: string }[]
    return [
      ...quickCheck(db).map((line) => problem(`The database "${db.name}": ${line}.`)),
      ...broken.map(({ table, parent }) => problem(`A row of ${table} refers to one of ${parent} that is gone.`)),
    ]
  } catch (error) {
    return [problem(databaseError(error, db.name).message)]
  }
}

/** Reads each row by itself, so that one that can't be read doesn't hide the others. */
async function checkRows(db: WorkspaceDatabase, repositories: Repositories): Promise<readonly Problem[]> {
  const { datasets, bin, splits, forgetSets, studies, runs, stages } = repositories
  const idsOf = <Row>(sql: string): readonly Row[] => db.prepare<[], Row>(sql).all()
  const reads: readonly (() => unknown)[] = [
    ...idsOf<{ id: string }>('SELECT id FROM datasets').map((row) => () => datasets.findDataset(row.id)),
    () => bin.listBin(),
    ...idsOf<{ id: string; dataset_id: DatasetId }>('SELECT id, dataset_id FROM splits').map(
      (row) => () => splits.findSplit(row.dataset_id, row.id),
    ),
    ...idsOf<{ id: string }>('SELECT id FROM forget_sets').map((row) => () => forgetSets.findForgetSet(row.id)),
    ...idsOf<{ id: string }>('SELECT id FROM studies').map((row) => () => studies.findStudy(row.id)),
    ...idsOf<{ id: string }>('SELECT id FROM runs').map((row) => () => runs.findRun(row.id)),
    ...idsOf<{ key: StageKey }>('SELECT key FROM stages').map((row) => () => stages.getStage(row.key)),
  ]
  const problems: Problem[] = []
  for (const [index, read] of reads.entries()) {
    try {
      read()
    } catch (error) {
      problems.push({ kind: 'row', what: AppError.from(error).message, hint: restoreHint })
    }
    if (index % 256 === 255) await yieldToOthers()
  }
  return problems
}

async function checkObject(
  objects: ObjectStore,
  repositories: Repositories,
  object: ObjectHash,
  rows: readonly ObjectReference[],
): Promise<readonly Problem[]> {
  const health = await objects.verify(object)
  if (health.state === 'ok') return []
  // A working holder replaces checkpoints: what nothing refers to any more isn't missed.
  if (!repositories.references.isReferenced(object)) return []
  const what = rows.map((row) => row.what).join(', ')
  const again = rows.some(({ remedy }) => remedy === 'import')
    ? 'import the same files again under another name, which puts the same object back'
    : 'run the study again, which computes it anew'
  return health.state === 'missing'
    ? [{ kind: 'lost', what: `The object ${object} (${what}) is missing.`, hint: `Put back a copy, or ${again}.` }]
    : [
        {
          kind: 'damaged',
          what: `The object ${object} (${what}) has changed: its bytes are not those that were stored.`,
          hint: `Put back a copy, or remove "${objects.path(object)}" and ${again}.`,
        },
      ]
}

/** Also what still says "running" for a holder that died: the next one will find it so and resume it. */
function noteInterrupted(db: WorkspaceDatabase, holder: string | null): readonly string[] {
  const count = db
    .prepare<[string | null], number>(
      `SELECT count(*) FROM stages WHERE state = 'interrupted' OR (state = 'running' AND lease_holder IS NOT ?)`,
    )
    .pluck()
    .get(holder)
  if (count === undefined || count === 0) return []
  return [`${countOf(count, 'stage was', 'stages were')} interrupted; running the study again resumes there.`]
}

async function noteUnreferenced(
  objects: ObjectStore,
  references: ReadonlyMap<ObjectHash, unknown>,
): Promise<readonly string[]> {
  let count = 0
  let bytes = 0
  for await (const { hash, size } of objects.list()) {
    if (references.has(hash)) continue
    count++
    bytes += size
  }
  if (count === 0) return []
  return [`${countOf(count, 'object is', 'objects are')} not referred to by anything (${megabytes(bytes)}).`]
}

async function noteLeftOvers(objects: ObjectStore): Promise<readonly string[]> {
  const dead = (await objects.leftOvers()).filter(({ ownerAlive }) => !ownerAlive)
  if (dead.length === 0) return []
  const bytes = dead.reduce((sum, { size }) => sum + size, 0)
  return [`${countOf(dead.length, 'temporary file was', 'temporary files were')} left over (${megabytes(bytes)}).`]
}

function byObject(references: readonly ObjectReference[]): ReadonlyMap<ObjectHash, readonly ObjectReference[]> {
  return Map.groupBy(references, ({ object }) => object)
}

function countOf(count: number, one: string, several: string): string {
  return `${count} ${count === 1 ? one : several}`
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
