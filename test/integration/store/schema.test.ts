import { describe, expect, it } from 'vitest'
import { removedDatasetsTable } from '#main/store/repositories/bin.ts'
import { datasetsTable } from '#main/store/repositories/datasets.ts'
import { forgetSetsTable } from '#main/store/repositories/forget-sets.ts'
import { runsTable } from '#main/store/repositories/runs.ts'
import { queueTable, schedulesTable } from '#main/store/repositories/schedules.ts'
import { splitsTable } from '#main/store/repositories/splits.ts'
import { stagesTable, studyStagesTable } from '#main/store/repositories/stages.ts'
import { studiesTable } from '#main/store/repositories/studies.ts'
import { tagsTable } from '#main/store/repositories/tags.ts'
import { anyHash, anyKey, insertGround, temporaryRepositories } from './support.ts'

const tables = [
  datasetsTable,
  splitsTable,
  forgetSetsTable,
  studiesTable,
  runsTable,
  stagesTable,
  studyStagesTable,
  tagsTable,
  removedDatasetsTable,
  schedulesTable,
  queueTable,
] as const

interface ColumnInfo {
  readonly name: string
  readonly type: string
  readonly notnull: 0 | 1
}

describe('the row types', () => {
  it.each(tables.map((table) => [table.name, table] as const))(
    'of %s are those of the migrated schema',
    async (_name, table) => {
      const { db } = await temporaryRepositories()
      // table_info leaves generated columns out, as repositories do: nobody writes them.
      const columns = db.pragma(`table_info(${table.name})`) as readonly ColumnInfo[]
      const schema = Object.fromEntries(
        columns.map(({ name, type, notnull }) => [name, notnull === 1 ? type : `${type}?`]),
      )
      expect(table.columns).toEqual(schema)
      expect(Object.keys(table.columns)).toEqual(Object.keys(schema))
    },
  )

  it('cover every table, and every table is strict', async () => {
    const { db } = await temporaryRepositories()
    const found = db.pragma('table_list') as readonly { name: string; strict: 0 | 1; type: string; schema: string }[]
    const own = found.filter(({ name, schema }) => schema === 'main' && !name.startsWith('sqlite_'))
    expect(own.map(({ name }) => name).sort()).toEqual(tables.map(({ name }) => name).sort())
    expect(own.filter(({ strict }) => strict !== 1)).toEqual([])
  })
})

describe('the schema itself', () => {
  it.each([
    ['a state that there is not', "UPDATE stages SET state = 'paused'"],
    ['a running stage without a lease', "UPDATE stages SET state = 'running'"],
    ['a succeeded stage without its cost', "UPDATE stages SET state = 'succeeded', finished_at = 'now'"],
    ['a failed stage without its error', "UPDATE stages SET state = 'failed', finished_at = 'now'"],
    ['outputs of a stage that has not succeeded', `UPDATE stages SET outputs = '{"a":"b"}'`],
    ['half a checkpoint', 'UPDATE stages SET checkpoint_epoch = 3'],
    ['a key that is no hash', "UPDATE stages SET key = 'abc'"],
    ['a succeeded run without results', "UPDATE runs SET state = 'succeeded', finished_at = 'now'"],
    ['a running run that nobody holds', "UPDATE runs SET state = 'running'"],
    ['an object name in capitals', 'UPDATE datasets SET images = upper(images)'],
    ['a configuration that is no JSON', "UPDATE studies SET config = 'x'"],
    ['a study of a forget set that there is not', "UPDATE studies SET config = json_set(config, '$.forgetSetId', 'x')"],
    ['a text where a number belongs', "UPDATE datasets SET sample_count = 'many'"],
    ['a data set that is in use being deleted', 'DELETE FROM datasets'],
    ['a stage that a study needs being deleted', 'DELETE FROM stages'],
  ])('refuses %s', async (_what, sql) => {
    const { db, repositories } = await temporaryRepositories()
    const { config } = insertGround(repositories)
    const study = repositories.studies.insertStudy({ name: 'first', config }, [{ method: 'gold', seed: 0 }])
    const stage = { key: anyKey('a'), kind: 'features', version: 1, engine: 'wasm', seed: 0 } as const
    repositories.stages.ensureStage(stage, '{}')
    repositories.stages.linkStudyStage({
      studyId: study.id,
      stageKey: stage.key,
      runId: null,
      label: 'features',
      scope: 'class',
    })
    expect(anyHash('a')).toBe(stage.key)
    expect(() => db.exec(sql)).toThrow(/constraint|cannot store|malformed/i)
  })
})
