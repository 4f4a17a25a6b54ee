import type { Tag } from '#shared/domain/sample.ts'
import type { DatasetId, TagId } from '#shared/ids.ts'
import type { StoreContext } from '../context.ts'
import { createId } from '../create-id.ts'
import { translating } from '../sqlite-error.ts'
import { columnList, defineTable, type RowOf } from '../table.ts'
import { insertNamed } from './insert-named.ts'

export const tagsTable = defineTable('tags', {
  id: 'TEXT',
  dataset_id: 'TEXT',
  name: 'TEXT',
  samples: 'TEXT',
  count: 'INTEGER',
  created_at: 'TEXT',
})
type TagRow = RowOf<typeof tagsTable>

export interface TagRepository {
  /** By name. */
  listTags(datasetId: DatasetId): readonly Tag[]
  findTag(datasetId: DatasetId, name: string): Tag | null
  /** What the tag is on from now on: id ranges and how many they are. A tag on nothing is gone. */
  setTag(datasetId: DatasetId, name: string, samples: string, count: number): Tag | null
}

export function createTagRepository({ db, now }: StoreContext): TagRepository {
  const columns = columnList(tagsTable)
  const ofDataset = db.prepare<[DatasetId], TagRow>(`SELECT ${columns} FROM tags WHERE dataset_id = ? ORDER BY name`)
  const find = db.prepare<[DatasetId, string], TagRow>(`SELECT ${columns} FROM tags WHERE dataset_id = ? AND name = ?`)
  const upsert = db.prepare<[TagRow]>(
    `INSERT INTO tags (${columns}) VALUES (@id, @dataset_id, @name, @samples, @count, @created_at)
     ON CONFLICT (dataset_id, name) DO UPDATE SET samples = excluded.samples, count = excluded.count`,
  )
  const remove = db.prepare<[DatasetId, string]>('DELETE FROM tags WHERE dataset_id = ? AND name = ?')
  const findTag = (datasetId: DatasetId, name: string): Tag | null => {
    const row = find.get(datasetId, name)
    return row === undefined ? null : fromRow(row)
  }
  return translating(db.name, {
    listTags: (datasetId) => ofDataset.all(datasetId).map(fromRow),
    findTag,
    setTag(datasetId, name, samples, count) {
      if (count === 0) {
        remove.run(datasetId, name)
        return null
      }
      insertNamed(`tag named "${name}"`, () =>
        upsert.run({ id: createId<TagId>(), dataset_id: datasetId, name, samples, count, created_at: now() }),
      )
      return findTag(datasetId, name)
    },
  })
}

function fromRow(row: TagRow): Tag {
  return {
    id: row.id as TagId,
    datasetId: row.dataset_id as DatasetId,
    name: row.name,
    count: row.count,
    samples: row.samples,
  }
}
