import type { Dataset, GroupColumn } from '#shared/domain/dataset.ts'
import { notFound } from '../near-matches.ts'

/** @throws AppError `not-found`, naming near matches. */
export function requireGroup(dataset: Dataset, name: string): GroupColumn {
  const found = dataset.groups.find((column) => column.name === name)
  if (found !== undefined) return found
  const names = dataset.groups.map((column) => column.name)
  throw notFound(`group column of the data set "${dataset.name}"`, name, names, `tmu dataset show ${dataset.name}`)
}
