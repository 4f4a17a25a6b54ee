import type { Dataset, GroupColumn } from '#shared/domain/dataset.ts'
import { AppError } from '#shared/errors.ts'
import type { DatasetId, ObjectHash } from '#shared/ids.ts'
import type { StoreContext } from '../context.ts'
import { createId } from '../create-id.ts'
import { readJson, writeJson } from '../json-column.ts'
import { classesSchema, groupsSchema, problemsSchema } from '../schemas.ts'
import { translating } from '../sqlite-error.ts'
import { columnList, defineTable, insertStatement, type RowOf } from '../table.ts'
import { insertNamed } from './insert-named.ts'

export const datasetsTable = defineTable('datasets', {
  id: 'TEXT',
  name: 'TEXT',
  format: 'TEXT',
  source: 'TEXT',
  sample_count: 'INTEGER',
  classes: 'TEXT',
  height: 'INTEGER',
  width: 'INTEGER',
  channels: 'INTEGER',
  images: 'TEXT',
  labels: 'TEXT',
  samples: 'TEXT',
  duplicate_count: 'INTEGER',
  problems: 'TEXT',
  created_at: 'TEXT',
  group_columns: 'TEXT',
  quality: 'TEXT?',
  licence: 'TEXT?',
})
type DatasetRow = RowOf<typeof datasetsTable>

export type NewDataset = Omit<Dataset, 'id' | 'createdAt'>

export interface DatasetRepository {
  /** @throws AppError `already-exists` for a name that is taken. */
  insertDataset(dataset: NewDataset): Dataset
  /** Oldest first. */
  listDatasets(): readonly Dataset[]
  findDataset(nameOrId: string): Dataset | null
  /** @throws AppError `not-found` when it is gone. */
  setGroups(id: DatasetId, groups: readonly GroupColumn[]): Dataset
  setQuality(id: DatasetId, quality: ObjectHash): Dataset
  /** Names of the studies on it, oldest first. */
  studiesOf(id: DatasetId): readonly string[]
}

export function createDatasetRepository({ db, now }: StoreContext): DatasetRepository {
  const columns = columnList(datasetsTable)
  const insert = db.prepare<[DatasetRow]>(insertStatement(datasetsTable))
  const all = db.prepare<[], DatasetRow>(`SELECT ${columns} FROM datasets ORDER BY id`)
  // An id first: it may not be taken over by a data set that is named like it.
  const find = db.prepare<{ reference: string }, DatasetRow>(
    `SELECT ${columns} FROM datasets WHERE id = @reference OR name = @reference ORDER BY id = @reference DESC LIMIT 1`,
  )
  const byId = db.prepare<[string], DatasetRow>(`SELECT ${columns} FROM datasets WHERE id = ?`)
  const groups = db.prepare<[string, string]>('UPDATE datasets SET group_columns = ? WHERE id = ?')
  const quality = db.prepare<[string, string]>('UPDATE datasets SET quality = ? WHERE id = ?')
  const studies = db.prepare<[string], string>('SELECT name FROM studies WHERE dataset_id = ? ORDER BY id').pluck()
  const changed = (id: DatasetId, changes: number): Dataset => {
    const row = changes === 1 ? byId.get(id) : undefined
    if (row === undefined) throw new AppError('not-found', 'The data set is gone: it was removed meanwhile.')
    return fromRow(row)
  }
  return translating(db.name, {
    setGroups: (id, given) =>
      changed(
        id,
        groups.run(writeJson(groupsSchema, given, { row: `data set ${id}`, column: 'group columns' }), id).changes,
      ),
    setQuality: (id, hash) => changed(id, quality.run(hash, id).changes),
    studiesOf: (id) => studies.all(id),
    insertDataset(given) {
      const dataset: Dataset = { ...given, id: createId<DatasetId>(), createdAt: now() }
      insertNamed(`data set named "${given.name}"`, () => insert.run(toRow(dataset)))
      return dataset
    },
    listDatasets: () => all.all().map(fromRow),
    findDataset(nameOrId) {
      const row = find.get({ reference: nameOrId })
      return row === undefined ? null : fromRow(row)
    },
  })
}

function toRow(dataset: Dataset): DatasetRow {
  const row = `data set "${dataset.name}"`
  const [height, width, channels] = dataset.shape
  return {
    id: dataset.id,
    name: dataset.name,
    format: dataset.format,
    source: dataset.source,
    sample_count: dataset.sampleCount,
    classes: writeJson(classesSchema, dataset.classes, { row, column: 'classes' }),
    height,
    width,
    channels,
    images: dataset.images,
    labels: dataset.labels,
    samples: dataset.samples,
    duplicate_count: dataset.duplicateCount,
    group_columns: writeJson(groupsSchema, dataset.groups, { row, column: 'group columns' }),
    quality: dataset.quality,
    licence: dataset.licence,
    problems: writeJson(problemsSchema, dataset.problems, { row, column: 'problems' }),
    created_at: dataset.createdAt,
  }
}

function fromRow(row: DatasetRow): Dataset {
  const name = `data set "${row.name}"`
  return {
    id: row.id as DatasetId,
    name: row.name,
    format: row.format,
    source: row.source,
    sampleCount: row.sample_count,
    classes: readJson(classesSchema, row.classes, { row: name, column: 'classes' }),
    shape: [row.height, row.width, row.channels],
    images: row.images as ObjectHash,
    labels: row.labels as ObjectHash,
    samples: row.samples as ObjectHash,
    duplicateCount: row.duplicate_count,
    groups: readJson(groupsSchema, row.group_columns, { row: name, column: 'group columns' }),
    quality: row.quality as ObjectHash | null,
    licence: row.licence,
    problems: readJson(problemsSchema, row.problems, { row: name, column: 'problems' }),
    createdAt: row.created_at,
  }
}
