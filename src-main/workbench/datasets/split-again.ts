import { ObjectStore } from '#main/artifacts/object-store.ts'
import type { Dataset, SplitRule } from '#shared/domain/dataset.ts'
import type { SplitJob, SplitRequest, StagedSplit } from './dataset-job.ts'
import { requireGroup } from './groups/require-group.ts'
import { readGroupCodes, readLabels, readSampleTable } from './sample-data.ts'
import { evaluationFolderOf, fractionsRule, groupsRule } from './split-rule.ts'
import { stageSplit } from './stage-samples.ts'

/** Deals a stored data set out once more, into the staging folder. */
export async function splitAgain({ staging, objectsRoot, dataset, request, seed }: SplitJob): Promise<StagedSplit> {
  const objects = new ObjectStore(objectsRoot)
  const labels = await readLabels(objects, dataset)
  const { givenSplit, duplicateOf } = await readSampleTable(objects, dataset)
  const rule = ruleOf(request, givenSplit)
  const groupOf = await readGroupOf(objects, dataset, rule)
  await using images = await objects.open(dataset.images)
  return await stageSplit({
    staging,
    shape: dataset.shape,
    classNames: dataset.classes.map((info) => info.name),
    labels,
    givenSplit,
    duplicateOf,
    rule,
    ...(groupOf === null ? {} : { groupOf }),
    seed,
    readImages: (offset, length) => images.read(offset, length),
  })
}

function ruleOf(request: SplitRequest, givenSplit: readonly (string | null)[]): SplitRule {
  if (request.kind !== 'shares') return request
  // A given test folder and whole groups exclude each other wherever a group is on both sides of the folder.
  if (request.groupKey !== undefined) return groupsRule(request.shares, request.groupKey)
  return fractionsRule(request.shares, evaluationFolderOf(givenSplit))
}

/** Codes of the group column that is to stay together, or null when the rule names none. */
async function readGroupOf(objects: ObjectStore, dataset: Dataset, rule: SplitRule): Promise<Int32Array | null> {
  const key = rule.kind === 'fractions' ? rule.groupKey : undefined
  if (key === undefined) return null
  return await readGroupCodes(objects, dataset, requireGroup(dataset, key))
}
