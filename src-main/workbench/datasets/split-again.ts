import { ObjectStore } from '#main/artifacts/object-store.ts'
import type { SplitRule } from '#shared/domain/dataset.ts'
import type { SplitJob, SplitRequest, StagedSplit } from './dataset-job.ts'
import { readLabels, readSampleTable } from './sample-data.ts'
import { evaluationFolderOf, fractionsRule } from './split-rule.ts'
import { stageSplit } from './stage-samples.ts'

/** Deals a stored data set out once more, into the staging folder. */
export async function splitAgain({ staging, objectsRoot, dataset, request, seed }: SplitJob): Promise<StagedSplit> {
  const objects = new ObjectStore(objectsRoot)
  const labels = await readLabels(objects, dataset)
  const { givenSplit, duplicateOf } = await readSampleTable(objects, dataset)
  await using images = await objects.open(dataset.images)
  return await stageSplit({
    staging,
    shape: dataset.shape,
    classNames: dataset.classes.map((info) => info.name),
    labels,
    givenSplit,
    duplicateOf,
    rule: ruleOf(request, givenSplit),
    seed,
    readImages: (offset, length) => images.read(offset, length),
  })
}

function ruleOf(request: SplitRequest, givenSplit: readonly (string | null)[]): SplitRule {
  return request.kind === 'shares' ? fractionsRule(request.shares, evaluationFolderOf(givenSplit)) : request
}
