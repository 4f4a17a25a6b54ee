import { counted, firstFew, quoted } from '#main/formats/text.ts'
import type { RemovedDataset } from '#shared/domain/dataset.ts'
import { AppError } from '#shared/errors.ts'
import type { CommitLock } from './commit-lock.ts'
import { requireDataset } from './find.ts'
import type { DatasetDependencies } from './ports.ts'

/**
 * Removes a data set with its splits and forget sets, and the objects that nothing else needs.
 * @throws AppError `conflict` while a study uses it, naming the study.
 */
export async function removeDataset(
  dependencies: DatasetDependencies,
  lock: CommitLock,
  reference: string,
): Promise<RemovedDataset> {
  const { objects, datasets, splits, forgetSets, isReferenced, transaction } = dependencies
  return await lock.run(async () => {
    const dataset = requireDataset(dependencies, reference)
    const studies = datasets.studiesOf(dataset.id)
    if (studies.length > 0) {
      throw new AppError(
        'conflict',
        `The data set ${quoted(dataset.name)} is used by ${counted(studies.length, 'study', 'studies')}: ${firstFew(studies)}.`,
        { hint: "A study keeps what it was computed on; it can't be taken away from under it." },
      )
    }
    const ofIt = splits.listSplits(dataset.id)
    const forgotten = forgetSets.listForgetSets().filter(({ datasetId }) => datasetId === dataset.id)
    const held = [
      dataset.images,
      dataset.labels,
      dataset.samples,
      ...dataset.groups.map(({ codes }) => codes),
      ...(dataset.quality === null ? [] : [dataset.quality]),
      ...ofIt.flatMap(({ members, twinPool, evaluation }) => [members, twinPool, evaluation]),
      ...forgotten.map(({ ids }) => ids),
    ]
    transaction(() => datasets.removeDataset(dataset.id))
    let freedBytes = 0
    for (const object of new Set(held)) {
      if (isReferenced(object)) continue
      const size = await objects.size(object)
      if (await objects.remove(object)) freedBytes += size ?? 0
    }
    return { name: dataset.name, splits: ofIt.length, forgetSets: forgotten.length, freedBytes }
  })
}
