import { z } from 'zod'
import { AppError } from '#shared/errors.ts'
import type { DatasetId, ObjectHash } from '#shared/ids.ts'
import type { StoreContext } from '../context.ts'
import { readJson, writeJson } from '../json-column.ts'
import { keptRowsSchema, objectHashSchema } from '../schemas.ts'
import { sqliteCodeOf, translating } from '../sqlite-error.ts'
import { columnList, defineTable, insertStatement, type RowOf, type Table } from '../table.ts'
import { datasetsTable } from './datasets.ts'
import { forgetSetsTable } from './forget-sets.ts'
import { insertNamed } from './insert-named.ts'
import { splitsTable } from './splits.ts'
import { tagsTable } from './tags.ts'

export const removedDatasetsTable = defineTable('removed_datasets', {
  id: 'TEXT',
  name: 'TEXT',
  kept: 'TEXT',
  objects: 'TEXT',
  removed_at: 'TEXT',
  emptied: 'INTEGER',
})
type RemovedRow = RowOf<typeof removedDatasetsTable>

/** A data set in the bin. */
export interface BinEntry {
  readonly id: DatasetId
  readonly name: string
  readonly sampleCount: number
  readonly splits: number
  readonly forgetSets: readonly string[]
  /** What it keeps from being removed, until `emptied`. */
  readonly objects: readonly ObjectHash[]
  /** ISO 8601. */
  readonly removedAt: string
  /** Its objects may be gone: it waits to be cleared away. */
  readonly emptied: boolean
}

export interface BinRepository {
  /** Takes a data set out of its table, with its splits, forget sets and tags. @throws AppError `conflict` in use. */
  putAway(id: DatasetId, objects: readonly ObjectHash[]): BinEntry
  /** Oldest first. */
  listBin(): readonly BinEntry[]
  /**
   * Puts everything back as it was, but for the names given here.
   * @throws AppError `not-found` where it is no longer there; `already-exists` for a name that is taken.
   */
  takeBack(id: DatasetId, name: string, forgetSetNames: ReadonlyMap<string, string>): void
  /** From here on it can't be taken back, and its objects are nobody's. */
  markEmptied(id: DatasetId): void
  /** Forgets it, once its objects are gone. */
  clear(id: DatasetId): void
}

/** What belongs to a data set, in the order in which it can be put back. */
const tables = [datasetsTable, splitsTable, forgetSetsTable, tagsTable] as const
const objectsSchema = z.array(objectHashSchema)

export function createBinRepository({ db, now }: StoreContext): BinRepository {
  const insert = db.prepare<[RemovedRow]>(insertStatement(removedDatasetsTable))
  const all = db.prepare<[], RemovedRow>(
    `SELECT ${columnList(removedDatasetsTable)} FROM removed_datasets ORDER BY removed_at, id`,
  )
  const byId = db.prepare<[DatasetId], RemovedRow>(
    `SELECT ${columnList(removedDatasetsTable)} FROM removed_datasets WHERE id = ?`,
  )
  const mark = db.prepare<[DatasetId]>('UPDATE removed_datasets SET emptied = 1 WHERE id = ?')
  const remove = db.prepare<[DatasetId]>('DELETE FROM removed_datasets WHERE id = ?')
  const keyOf = (table: Table): string => (table === datasetsTable ? 'id' : 'dataset_id')
  const rows = tables.map((table) => ({
    table,
    read: db.prepare<[DatasetId], Record<string, string | number | null>>(
      `SELECT ${columnList(table)} FROM ${table.name} WHERE ${keyOf(table)} = ? ORDER BY id`,
    ),
    remove: db.prepare<[DatasetId]>(`DELETE FROM ${table.name} WHERE ${keyOf(table)} = ?`),
  }))
  return translating(db.name, {
    putAway(id, objects) {
      const kept = Object.fromEntries(rows.map(({ table, read }) => [table.name, read.all(id)]))
      const name = kept['datasets']?.[0]?.['name']
      if (typeof name !== 'string') throw new AppError('not-found', 'The data set is gone: it was removed meanwhile.')
      try {
        for (const { remove: removeRows } of rows.toReversed()) removeRows.run(id)
      } catch (error) {
        if (sqliteCodeOf(error) !== 'SQLITE_CONSTRAINT_FOREIGNKEY') throw error
        throw new AppError('conflict', 'The data set is still in use.', {
          hint: 'A study keeps what it was computed on.',
          cause: error,
        })
      }
      const place = `removed data set "${name}"`
      const row: RemovedRow = {
        id,
        name,
        kept: writeJson(keptRowsSchema, kept, { row: place, column: 'rows' }),
        objects: writeJson(objectsSchema, [...objects], { row: place, column: 'objects' }),
        removed_at: now(),
        emptied: 0,
      }
      insert.run(row)
      return fromRow(row)
    },
    listBin: () => all.all().map(fromRow),
    takeBack(id, name, forgetSetNames) {
      const row = byId.get(id)
      if (row === undefined || row.emptied === 1) {
        throw new AppError('not-found', 'This data set is no longer in the bin.', { hint: 'Import it again.' })
      }
      const kept = keptOf(row)
      for (const { table } of rows) {
        for (const values of kept[table.name] ?? []) {
          const own = { ...values }
          if (table === datasetsTable) own['name'] = name
          if (table === forgetSetsTable) own['name'] = forgetSetNames.get(String(own['name'])) ?? own['name'] ?? null
          putBack(table, own)
        }
      }
      remove.run(id)
    },
    markEmptied: (id) => void mark.run(id),
    clear: (id) => void remove.run(id),
  })

  /** Columns that came after the row was kept get their defaults. */
  function putBack(table: Table, values: Readonly<Record<string, string | number | null>>): void {
    const names = Object.keys(table.columns).filter((column) => column in values)
    const statement = db.prepare(
      `INSERT INTO ${table.name} (${names.join(', ')}) VALUES (${names.map((column) => `@${column}`).join(', ')})`,
    )
    const what = table.name.replace(/s$/, '').replace('_', ' ').replace('dataset', 'data set')
    insertNamed(`${what} named "${String(values['name'])}"`, () => statement.run(values))
  }
}

function keptOf(row: RemovedRow): z.infer<typeof keptRowsSchema> {
  return readJson(keptRowsSchema, row.kept, { row: `removed data set "${row.name}"`, column: 'rows' })
}

function fromRow(row: RemovedRow): BinEntry {
  const kept = keptOf(row)
  return {
    id: row.id as DatasetId,
    name: row.name,
    sampleCount: Number(kept['datasets']?.[0]?.['sample_count'] ?? 0),
    splits: kept['splits']?.length ?? 0,
    forgetSets: (kept['forget_sets'] ?? []).map(({ name }) => String(name)),
    objects: readJson(objectsSchema, row.objects, { row: `removed data set "${row.name}"`, column: 'objects' }),
    removedAt: row.removed_at,
    emptied: row.emptied === 1,
  }
}
