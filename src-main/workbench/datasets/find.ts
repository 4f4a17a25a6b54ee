import type { Dataset, Split } from '#shared/domain/dataset.ts'
import type { ForgetSet } from '#shared/domain/forget-set.ts'
import { notFound } from './near-matches.ts'
import type { DatasetDependencies } from './ports.ts'

/** @throws AppError `not-found`, naming near matches. */
export function requireDataset({ datasets }: Pick<DatasetDependencies, 'datasets'>, nameOrId: string): Dataset {
  const found = datasets.findDataset(nameOrId)
  if (found !== null) return found
  const names = datasets.listDatasets().map((dataset) => dataset.name)
  throw notFound('data set', nameOrId, names, 'tmu dataset list')
}

/** @throws AppError `not-found`, naming near matches. */
export function requireSplit(
  { splits }: Pick<DatasetDependencies, 'splits'>,
  dataset: Dataset,
  nameOrId: string,
): Split {
  const found = splits.findSplit(dataset.id, nameOrId)
  if (found !== null) return found
  const names = splits.listSplits(dataset.id).map((split) => split.name)
  throw notFound(`split of the data set "${dataset.name}"`, nameOrId, names, 'tmu split list')
}

/** @throws AppError `not-found`, naming near matches. */
export function requireForgetSet({ forgetSets }: DatasetDependencies, nameOrId: string): ForgetSet {
  const found = forgetSets.findForgetSet(nameOrId)
  if (found !== null) return found
  const names = forgetSets.listForgetSets().map((forgetSet) => forgetSet.name)
  throw notFound('forget set', nameOrId, names, 'tmu forget list')
}
