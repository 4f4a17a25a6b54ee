import { join } from 'node:path'
import type { ObjectStore } from '#main/artifacts/object-store.ts'
import type { ObjectHash } from '#shared/ids.ts'
import type { StagedObject } from './dataset-job.ts'

/** Moves staged objects into the store and inserts the rows that refer to them, or takes the new objects back. */
export async function commitStaged<T>(
  objects: ObjectStore,
  staging: string,
  staged: readonly StagedObject[],
  insert: () => T,
): Promise<T> {
  const created: ObjectHash[] = []
  try {
    for (const { file, hash } of staged) {
      if ((await objects.adopt(join(staging, file), hash)).created) created.push(hash)
    }
    return insert()
  } catch (error) {
    for (const hash of created) await objects.remove(hash)
    throw error
  }
}
