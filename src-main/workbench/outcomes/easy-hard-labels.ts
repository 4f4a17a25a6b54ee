import type { ObjectStore } from '#main/artifacts/object-store.ts'
import { readArrays } from '#main/compute/worker/array-objects.ts'
import { AppError } from '#shared/errors.ts'
import type { ObjectHash, SampleIndex } from '#shared/ids.ts'

/** Sample -> whether it was unlearned as easy; samples that were too close to call and left out have no entry. */
export async function easyHardLabels(
  objects: ObjectStore,
  object: ObjectHash,
): Promise<ReadonlyMap<SampleIndex, boolean>> {
  const arrays = await readArrays(objects, object)
  const ids = arrays['ids']?.data
  const easy = arrays['easy']?.data
  if (ids === undefined || easy === undefined) {
    throw new AppError('corrupt', `The object ${object} holds no easy and hard labels.`)
  }
  const abstained = arrays['abstained']?.data
  return new Map(
    Array.from(ids, (id, i): [SampleIndex, boolean] => [id, easy[i] === 1]).filter((_, i) => abstained?.[i] !== 1),
  )
}
