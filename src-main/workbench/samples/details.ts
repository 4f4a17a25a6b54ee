import type { ObjectStore } from '#main/artifacts/object-store.ts'
import { figuresOf, probabilitiesOf } from '#main/metrics/figures.ts'
import { goldNames, type Outcome, setNames, unlearnedNames } from '#main/metrics/outcome.ts'
import {
  readFindings,
  readGroupCodes,
  readIds,
  readLabels,
  readSampleTable,
} from '#main/workbench/datasets/sample-data.ts'
import type { Dataset, Split } from '#shared/domain/dataset.ts'
import type { ForgetSet } from '#shared/domain/forget-set.ts'
import type { SampleDetails, SamplePrediction, Tag } from '#shared/domain/sample.ts'
import { sampleParts } from '#shared/domain/sample.ts'
import type { Run } from '#shared/domain/study.ts'
import { AppError } from '#shared/errors.ts'
import { decodeIdRanges } from '#shared/id-ranges.ts'
import { nearGroups, partsOfSplit } from './columns.ts'

export interface DetailsSource {
  readonly dataset: Dataset
  readonly splits: readonly Split[]
  readonly forgetSets: readonly ForgetSet[]
  readonly tags: readonly Tag[]
  readonly predictions: readonly SamplePrediction[]
}

/** All that the workspace knows about one sample. @throws AppError `bad-input` where there is none. */
export async function sampleDetails(
  objects: ObjectStore,
  { dataset, splits, forgetSets, tags, predictions }: DetailsSource,
  index: number,
): Promise<SampleDetails> {
  if (index >= dataset.sampleCount) {
    throw new AppError('bad-input', `The data set "${dataset.name}" has no sample ${index}.`, {
      hint: `Its samples are 0 to ${dataset.sampleCount - 1}.`,
    })
  }
  const [labels, table, findings] = await Promise.all([
    readLabels(objects, dataset),
    readSampleTable(objects, dataset),
    readFindings(objects, dataset),
  ])
  const groups = dataset.groups.map(async (column) => {
    const codes = await readGroupCodes(objects, dataset, column)
    const code = codes[index]
    const value = code < 0 ? null : column.values[code]
    return { name: column.name, value, count: code < 0 ? 0 : codes.filter((other) => other === code).length }
  })
  const sides = splits.map(async (split) => ({
    id: split.id,
    name: split.name,
    part: sampleParts[(await partsOfSplit(objects, dataset, split))[index]],
  }))
  const inSets = await Promise.all(
    forgetSets.map(async ({ id, name, ids }) => ({ id, name, has: (await readIds(objects, ids)).includes(index) })),
  )
  const { duplicateOf } = table
  const root = duplicateOf[index] < 0 ? index : duplicateOf[index]
  const copies = duplicateOf.flatMap((first, id) => ((first === root || id === root) && id !== index ? [id] : []))
  const suspect = findings?.mislabelSuspects.items.find(({ sample }) => sample === index)
  return {
    index,
    name: table.names[index],
    label: labels[index],
    givenSplit: table.givenSplit[index] ?? null,
    groups: await Promise.all(groups),
    splits: await Promise.all(sides),
    forgetSets: inSets.filter(({ has }) => has).map(({ id, name }) => ({ id, name })),
    tags: tags
      .filter(({ samples }) => decodeIdRanges(samples, dataset.sampleCount).includes(index))
      .map(({ name }) => name),
    copies,
    nearCopies: findings === null ? null : sameGroup(nearGroups(findings, duplicateOf), index, copies),
    suspect: suspect === undefined ? null : { suggested: suspect.suggested, agreement: suspect.agreement },
    predictions,
  }
}

/** What a run's outcome says of one sample; null where it wasn't asked about it. */
export function predictionOf(outcome: Outcome, run: Run, index: number): SamplePrediction | null {
  const [unlearned = 'unlearned'] = unlearnedNames(outcome)
  const { classCount } = outcome
  for (const set of setNames) {
    const at = outcome.sets[set]?.ids?.indexOf(String(index)) ?? -1
    const label = outcome.sets[set]?.labels[at]
    const rowOf = (model: string) => {
      const logits = outcome.models.get(model)?.[set]?.logits
      return logits?.subarray(at * classCount, (at + 1) * classCount)
    }
    const row = at < 0 ? undefined : rowOf(unlearned)
    if (row === undefined || label === undefined) continue
    const one = Int32Array.of(label)
    return {
      study: run.studyId,
      studyName: run.studyName,
      run: run.id,
      method: run.method,
      seed: run.seed,
      set,
      predicted: figuresOf(row, one, classCount).predicted[0],
      confidence: probabilitiesOf(row, classCount)[label],
      goldPredicted: goldNames(outcome).flatMap((gold) => {
        const other = rowOf(gold)
        return other === undefined ? [] : [figuresOf(other, one, classCount).predicted[0]]
      }),
    }
  }
  return null
}

function sameGroup(groups: Int32Array, index: number, but: readonly number[]): readonly number[] {
  if (groups[index] < 0) return []
  const left = new Set([index, ...but])
  return Array.from(groups, (root, id) => (root === groups[index] && !left.has(id) ? id : -1)).filter((id) => id >= 0)
}
