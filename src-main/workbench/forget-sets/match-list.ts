import type { ObjectStore } from '#main/artifacts/object-store.ts'
import { readSampleTable } from '#main/workbench/datasets/sample-data.ts'
import type { Dataset } from '#shared/domain/dataset.ts'
import { encodeIdRanges } from '#shared/id-ranges.ts'
import { matchIds, parseIdsFile } from './ids-file.ts'

/** What a list's entries name; what they don't is for the person to see, not an error. */
export async function matchList(
  objects: ObjectStore,
  dataset: Dataset,
  text: string,
  source: string,
): Promise<{
  readonly ids: string
  readonly count: number
  readonly unmatched: readonly string[]
  readonly repeated: number
}> {
  const entries = parseIdsFile(new TextEncoder().encode(text), source)
  const { names } = await readSampleTable(objects, dataset)
  const { ids, unmatched, repeated } = matchIds(entries, names)
  return { ids: encodeIdRanges(ids), count: ids.length, unmatched, repeated }
}
