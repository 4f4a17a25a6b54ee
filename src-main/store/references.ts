import type { ObjectHash } from '#shared/ids.ts'
import type { WorkspaceDatabase } from './database.ts'
import { translating } from './sqlite-error.ts'

/** A row that needs an object. */
export interface ObjectReference {
  readonly object: ObjectHash
  /** `images of the data set "digits"`. */
  readonly what: string
  /** What brings the object back if it's lost. */
  readonly remedy: 'import' | 'run'
}

export interface ReferenceRepository {
  /** Every reference of every row; an object that several rows share comes several times. */
  listReferences(): readonly ObjectReference[]
  /** Whether any row needs the object still: asked before it's removed. */
  isReferenced(object: ObjectHash): boolean
  countReferences(): ReadonlyMap<ObjectHash, number>
}

/** Every column that names an object. Whoever adds one adds it here: what isn't listed is not checked nor kept. */
const referencesSql = `
  SELECT held.value AS object, 'an object of the removed data set "' || name || '"' AS what, 'import' AS remedy
    FROM removed_datasets, json_each(objects) AS held WHERE emptied = 0
  UNION ALL SELECT images, 'images of the data set "' || name || '"', 'import' FROM datasets
  UNION ALL SELECT labels, 'labels of the data set "' || name || '"', 'import' FROM datasets
  UNION ALL SELECT samples, 'sample names of the data set "' || name || '"', 'import' FROM datasets
  UNION ALL SELECT quality, 'quality findings of the data set "' || name || '"', 'import' FROM datasets
    WHERE quality IS NOT NULL
  UNION ALL SELECT json_extract(col.value, '$.codes'),
    'group column "' || json_extract(col.value, '$.name') || '" of the data set "' || datasets.name || '"', 'import'
    FROM datasets, json_each(datasets.group_columns) AS col
  UNION ALL SELECT members, 'members of the split "' || name || '"', 'import' FROM splits
  UNION ALL SELECT twin_pool, 'twin pool of the split "' || name || '"', 'import' FROM splits
  UNION ALL SELECT evaluation, 'evaluation samples of the split "' || name || '"', 'import' FROM splits
  UNION ALL SELECT ids, 'ids of the forget set "' || name || '"', 'import' FROM forget_sets
  UNION ALL SELECT json_extract(config, '$.original.weights'), 'given original of the study "' || name || '"', 'import'
    FROM studies WHERE json_extract(config, '$.original.weights') IS NOT NULL
  UNION ALL SELECT outcome, 'outcome of the run ' || id, 'run' FROM runs WHERE outcome IS NOT NULL
  UNION ALL SELECT checkpoint_object, 'checkpoint of the stage ' || kind || ' ' || key, 'run'
    FROM stages WHERE checkpoint_object IS NOT NULL
  UNION ALL SELECT output.value, output.key || ' of the stage ' || kind || ' ' || stages.key, 'run'
    FROM stages, json_each(stages.outputs) AS output`

export function createReferenceRepository(db: WorkspaceDatabase): ReferenceRepository {
  const all = db.prepare<[], ObjectReference>(referencesSql)
  const one = db.prepare<[ObjectHash], 1>(`SELECT 1 FROM (${referencesSql}) WHERE object = ? LIMIT 1`).pluck()
  const counts = db.prepare<[], { object: ObjectHash; count: number }>(
    `SELECT object, count(*) AS count FROM (${referencesSql}) GROUP BY object`,
  )
  return translating(db.name, {
    listReferences: () => all.all(),
    isReferenced: (object) => one.get(object) !== undefined,
    countReferences: () => new Map(counts.all().map(({ object, count }) => [object, count])),
  })
}
