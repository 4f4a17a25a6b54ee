import { hashOf, type ObjectStore } from '#main/artifacts/object-store.ts'
import type { ObjectHash } from '#shared/ids.ts'

/** Stores objects and inserts the row that refers to them; takes the new ones back when the row is refused. */
export async function putAll<T>(
  objects: ObjectStore,
  contents: readonly Uint8Array[],
  insert: (hashes: readonly ObjectHash[]) => T,
): Promise<T> {
  const created: ObjectHash[] = []
  try {
    const hashes: ObjectHash[] = []
    for (const content of contents) {
      const isNew = !(await objects.has(hashOf(content)))
      const hash = await objects.put(content)
      if (isNew) created.push(hash)
      hashes.push(hash)
    }
    return insert(hashes)
  } catch (error) {
    for (const hash of created) await objects.remove(hash)
    throw error
  }
}
