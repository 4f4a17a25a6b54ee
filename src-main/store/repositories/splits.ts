import type { Split } from '#shared/domain/dataset.ts'
import type { DatasetId, ObjectHash, SplitId } from '#shared/ids.ts'
import type { StoreContext } from '../context.ts'
import { createId } from '../create-id.ts'
import { readJson, writeJson } from '../json-column.ts'
import { normalisationSchema, splitCountsSchema, splitRuleSchema } from '../schemas.ts'
import { translating } from '../sqlite-error.ts'
import { columnList, defineTable, insertStatement, type RowOf } from '../table.ts'
import { insertNamed } from './insert-named.ts'

export const splitsTable = defineTable('splits', {
  id: 'TEXT',
  dataset_id: 'TEXT',
  name: 'TEXT',
  rule: 'TEXT',
  seed: 'INTEGER',
  members: 'TEXT',
  twin_pool: 'TEXT',
  evaluation: 'TEXT',
  counts: 'TEXT',
  normalisation: 'TEXT',
  created_at: 'TEXT',
})
type SplitRow = RowOf<typeof splitsTable>

export type NewSplit = Omit<Split, 'id' | 'createdAt'>

export interface SplitRepository {
  /** @throws AppError `already-exists` for a name that is taken in its data set; `not-found` without a data set. */
  insertSplit(split: NewSplit): Split
  /** Oldest first. */
  listSplits(datasetId: DatasetId): readonly Split[]
  /** A split of this data set only. */
  findSplit(datasetId: DatasetId, nameOrId: string): Split | null
}

export function createSplitRepository({ db, now }: StoreContext): SplitRepository {
  const columns = columnList(splitsTable)
  const insert = db.prepare<[SplitRow]>(insertStatement(splitsTable))
  const ofDataset = db.prepare<[DatasetId], SplitRow>(`SELECT ${columns} FROM splits WHERE dataset_id = ? ORDER BY id`)
  const find = db.prepare<{ datasetId: DatasetId; reference: string }, SplitRow>(
    `SELECT ${columns} FROM splits WHERE dataset_id = @datasetId AND (id = @reference OR name = @reference)
     ORDER BY id = @reference DESC LIMIT 1`,
  )
  return translating(db.name, {
    insertSplit(given) {
      const split: Split = { ...given, id: createId<SplitId>(), createdAt: now() }
      insertNamed(`split named "${given.name}" of this data set`, () => insert.run(toRow(split)))
      return split
    },
    listSplits: (datasetId) => ofDataset.all(datasetId).map(fromRow),
    findSplit(datasetId, nameOrId) {
      const row = find.get({ datasetId, reference: nameOrId })
      return row === undefined ? null : fromRow(row)
    },
  })
}

function toRow(split: Split): SplitRow {
  const row = `split "${split.name}"`
  return {
    id: split.id,
    dataset_id: split.datasetId,
    name: split.name,
    rule: writeJson(splitRuleSchema, split.rule, { row, column: 'rule' }),
    seed: split.seed,
    members: split.members,
    twin_pool: split.twinPool,
    evaluation: split.evaluation,
    counts: writeJson(splitCountsSchema, split.counts, { row, column: 'counts' }),
    normalisation: writeJson(normalisationSchema, split.normalisation, { row, column: 'normalisation' }),
    created_at: split.createdAt,
  }
}

function fromRow(row: SplitRow): Split {
  const name = `split "${row.name}"`
  return {
    id: row.id as SplitId,
    datasetId: row.dataset_id as DatasetId,
    name: row.name,
    rule: readJson(splitRuleSchema, row.rule, { row: name, column: 'rule' }),
    seed: row.seed,
    members: row.members as ObjectHash,
    twinPool: row.twin_pool as ObjectHash,
    evaluation: row.evaluation as ObjectHash,
    counts: readJson(splitCountsSchema, row.counts, { row: name, column: 'counts' }),
    normalisation: readJson(normalisationSchema, row.normalisation, { row: name, column: 'normalisation' }),
    createdAt: row.created_at,
  }
}
