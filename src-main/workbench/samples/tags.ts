import type { Repositories } from '#main/store/index.ts'
import type { Dataset } from '#shared/domain/dataset.ts'
import type { Tag } from '#shared/domain/sample.ts'
import { AppError } from '#shared/errors.ts'
import { countMask, decodeIdRanges, encodeIdRanges, idsOfMask, maskOfIds } from '#shared/id-ranges.ts'

/** Puts a tag on samples or takes it off; null when nothing has it any more. @throws AppError `bad-input`, `not-found`. */
export function changeTag(
  { tags }: Pick<Repositories, 'tags'>,
  dataset: Dataset,
  name: string,
  samples: string,
  change: 'add' | 'remove',
): Tag | null {
  const known = tags.findTag(dataset.id, name)
  if (known === null && change === 'remove') {
    throw new AppError('not-found', `The data set "${dataset.name}" has no tag "${name}".`)
  }
  const count = dataset.sampleCount
  const mask = maskOfIds(known === null ? [] : decodeIdRanges(known.samples, count), count)
  for (const id of decodeIdRanges(samples, count)) mask[id] = change === 'add' ? 1 : 0
  return tags.setTag(dataset.id, name, encodeIdRanges(idsOfMask(mask)), countMask(mask))
}
