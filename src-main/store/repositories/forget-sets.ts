import type { ForgetSet } from '#shared/domain/forget-set.ts'
import { AppError } from '#shared/errors.ts'
import type { DatasetId, ForgetSetId, ObjectHash, SplitId } from '#shared/ids.ts'
import type { StoreContext } from '../context.ts'
import { createId } from '../create-id.ts'
import { readJson, writeJson } from '../json-column.ts'
import { countsSchema, forgetRuleSchema } from '../schemas.ts'
import { sqliteCodeOf, translating } from '../sqlite-error.ts'
import { columnList, defineTable, insertStatement, type RowOf } from '../table.ts'
import { insertNamed } from './insert-named.ts'

export const forgetSetsTable = defineTable('forget_sets', {
  id: 'TEXT',
  name: 'TEXT',
  dataset_id: 'TEXT',
  split_id: 'TEXT',
  rule: 'TEXT',
  seed: 'INTEGER',
  ids: 'TEXT',
  count: 'INTEGER',
  class_counts: 'TEXT',
  member_counts: 'TEXT',
  created_at: 'TEXT',
  version: 'INTEGER',
  previous: 'TEXT?',
})
type ForgetSetRow = RowOf<typeof forgetSetsTable>

export type NewForgetSet = Omit<ForgetSet, 'id' | 'createdAt'>

export interface ForgetSetRepository {
  /** @throws AppError `already-exists` for a name that is taken; `not-found` for a split that isn't the data set's. */
  insertForgetSet(forgetSet: NewForgetSet): ForgetSet
  /** Oldest first. */
  listForgetSets(): readonly ForgetSet[]
  findForgetSet(nameOrId: string): ForgetSet | null
  /** Whether it was there. @throws AppError `conflict` where a study or a later version needs it. */
  removeForgetSet(id: ForgetSetId): boolean
}

export function createForgetSetRepository({ db, now }: StoreContext): ForgetSetRepository {
  const columns = columnList(forgetSetsTable)
  const insert = db.prepare<[ForgetSetRow]>(insertStatement(forgetSetsTable))
  const all = db.prepare<[], ForgetSetRow>(`SELECT ${columns} FROM forget_sets ORDER BY id`)
  const find = db.prepare<{ reference: string }, ForgetSetRow>(
    `SELECT ${columns} FROM forget_sets WHERE id = @reference OR name = @reference ORDER BY id = @reference DESC LIMIT 1`,
  )
  const remove = db.prepare<[ForgetSetId]>('DELETE FROM forget_sets WHERE id = ?')
  return translating(db.name, {
    insertForgetSet(given) {
      const forgetSet: ForgetSet = { ...given, id: createId<ForgetSetId>(), createdAt: now() }
      insertNamed(`forget set named "${given.name}"`, () => insert.run(toRow(forgetSet)))
      return forgetSet
    },
    listForgetSets: () => all.all().map(fromRow),
    findForgetSet(nameOrId) {
      const row = find.get({ reference: nameOrId })
      return row === undefined ? null : fromRow(row)
    },
    removeForgetSet(id) {
      try {
        return remove.run(id).changes === 1
      } catch (error) {
        if (sqliteCodeOf(error) !== 'SQLITE_CONSTRAINT_FOREIGNKEY') throw error
        throw new AppError('conflict', 'This forget set is in use: a study, or a later version of it, needs it.', {
          hint: 'Make a new version instead of removing it.',
          cause: error,
        })
      }
    },
  })
}

function toRow(forgetSet: ForgetSet): ForgetSetRow {
  const row = `forget set "${forgetSet.name}"`
  return {
    id: forgetSet.id,
    name: forgetSet.name,
    dataset_id: forgetSet.datasetId,
    split_id: forgetSet.splitId,
    rule: writeJson(forgetRuleSchema, forgetSet.rule, { row, column: 'rule' }),
    seed: forgetSet.seed,
    ids: forgetSet.ids,
    count: forgetSet.count,
    class_counts: writeJson(countsSchema, forgetSet.classCounts, { row, column: 'class counts' }),
    member_counts: writeJson(countsSchema, forgetSet.memberCounts, { row, column: 'member counts' }),
    created_at: forgetSet.createdAt,
    version: forgetSet.version,
    previous: forgetSet.previous,
  }
}

function fromRow(row: ForgetSetRow): ForgetSet {
  const name = `forget set "${row.name}"`
  return {
    id: row.id as ForgetSetId,
    name: row.name,
    datasetId: row.dataset_id as DatasetId,
    splitId: row.split_id as SplitId,
    rule: readJson(forgetRuleSchema, row.rule, { row: name, column: 'rule' }),
    seed: row.seed,
    ids: row.ids as ObjectHash,
    count: row.count,
    classCounts: readJson(countsSchema, row.class_counts, { row: name, column: 'class counts' }),
    memberCounts: readJson(countsSchema, row.member_counts, { row: name, column: 'member counts' }),
    version: row.version,
    previous: row.previous as ForgetSetId | null,
    createdAt: row.created_at,
  }
}
