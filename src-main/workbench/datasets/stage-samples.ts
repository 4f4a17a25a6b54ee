import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { readFully, writeSynced } from '#main/artifacts/object-store.ts'
import { storageError } from '#main/artifacts/storage-errors.ts'
import type { ClassInfo, ImageShape, Normalisation, SampleTable, SplitRule } from '#shared/domain/dataset.ts'
import { AppError } from '#shared/errors.ts'
import { dealByRule } from './around-split.ts'
import type { StagedGroup, StagedObject, StagedSamples, StagedSplit } from './dataset-job.ts'
import { DigestIndex } from './digest-index.ts'
import type { CodedGroup } from './groups/group-column.ts'
import { PixelHistogram } from './normalisation.ts'
import { encodeGroupCodes, encodeIds, encodeLabels } from './sample-data.ts'
import { countClasses } from './split-rule.ts'

export interface SamplesToStage {
  readonly staging: string
  readonly shape: ImageShape
  readonly classNames: readonly string[]
  /** Class index of each sample. */
  readonly labels: Int32Array
  readonly names: readonly string[]
  readonly givenSplit: readonly (string | null)[]
  readonly groups: readonly CodedGroup[]
  /** The samples' pixels in order; a chunk holds whole images. */
  readonly images: AsyncIterable<Uint8Array>
  readonly splitRule: SplitRule
  readonly splitSeed: number
  /** Called with the number of images stored so far. */
  readonly onStored: (count: number) => void
}

/**
 * Writes a data set's objects and those of its default split into the staging folder; finds exact duplicates.
 * @throws AppError `disk-full`, `workspace-read-only`, and `bad-input` of the split rule.
 */
export async function stageSamples(
  input: SamplesToStage,
): Promise<{ readonly dataset: StagedSamples; readonly split: StagedSplit }> {
  const { staging, shape, labels, classNames } = input
  const imageBytes = shape[0] * shape[1] * shape[2]
  const digests = new DigestIndex()
  const duplicateOf: number[] = []
  async function* watched(): AsyncGenerator<Uint8Array> {
    for await (const chunk of input.images) {
      for (let at = 0; at < chunk.byteLength; at += imageBytes) {
        duplicateOf.push(digests.add(chunk.subarray(at, at + imageBytes)))
      }
      yield chunk
      input.onStored(duplicateOf.length)
    }
  }
  const images = await stage(staging, 'images', watched())
  if (duplicateOf.length !== labels.length) throw new AppError('internal', 'Images and labels differ in number.')
  const table: SampleTable = { names: input.names, givenSplit: input.givenSplit, duplicateOf }
  const all = Int32Array.from(labels, (_, id) => id)
  const counts = countClasses(labels, all, classNames.length)
  const classes: readonly ClassInfo[] = classNames.map((name, label) => ({ name, count: counts[label] }))
  const dataset: StagedSamples = {
    shape,
    sampleCount: labels.length,
    classes,
    duplicateCount: duplicateOf.filter((first) => first >= 0).length,
    images,
    labels: await stage(staging, 'labels', [encodeLabels(labels)]),
    samples: await stage(staging, 'samples', encodeTable(table)),
    groups: await stageGroups(staging, input.groups),
  }
  const { splitRule: rule, splitSeed: seed, givenSplit } = input
  const blob = await open(join(staging, images.file), 'r')
  try {
    const readImages = async (offset: number, length: number): Promise<Uint8Array> => {
      const bytes = new Uint8Array(length)
      if (!(await readFully(blob, bytes, offset))) throw new AppError('internal', 'The working copy lost bytes.')
      return bytes
    }
    const base = { staging, shape, classNames, labels, givenSplit, duplicateOf }
    return { dataset, split: await stageSplit({ ...base, rule, seed, readImages }) }
  } finally {
    await blob.close()
  }
}

/** Each group column's codes as a file of the staging folder. */
export async function stageGroups(staging: string, groups: readonly CodedGroup[]): Promise<readonly StagedGroup[]> {
  const staged: StagedGroup[] = []
  for (const [index, { name, values, codes }] of groups.entries()) {
    staged.push({ name, values, codes: await stage(staging, `group-${index}`, [encodeGroupCodes(codes)]) })
  }
  return staged
}

/** The same text as JSON.stringify's, in pieces: of a million samples the whole has a hundred megabytes. */
function* encodeTable(table: SampleTable): Generator<Uint8Array> {
  const encoder = new TextEncoder()
  let separator = '{'
  for (const [key, column] of Object.entries(table) as readonly (readonly [string, readonly unknown[]])[]) {
    yield encoder.encode(`${separator}${JSON.stringify(key)}:[`)
    for (let at = 0; at < column.length; at += 10_000) {
      const piece = JSON.stringify(column.slice(at, at + 10_000)).slice(1, -1)
      yield encoder.encode(at === 0 ? piece : `,${piece}`)
    }
    yield encoder.encode(']')
    separator = ','
  }
  yield encoder.encode('}')
}

export interface SplitToStage {
  readonly staging: string
  readonly shape: ImageShape
  readonly classNames: readonly string[]
  readonly labels: Int32Array
  readonly givenSplit: readonly (string | null)[]
  readonly duplicateOf: readonly number[]
  /** Codes of the rule's group column. */
  readonly groupOf?: Int32Array
  readonly rule: SplitRule
  readonly seed: number
  /** A range of the data set's image blob. */
  readonly readImages: (offset: number, length: number) => Promise<Uint8Array>
}

/**
 * Deals samples out and writes the three lists of ids into the staging folder.
 * @throws AppError `bad-input` of the rule, or when it leaves no members; `disk-full`, `workspace-read-only`.
 */
export async function stageSplit(input: SplitToStage): Promise<StagedSplit> {
  const { staging, shape, classNames, labels, rule, seed } = input
  const classCount = classNames.length
  const { members, twinPool, evaluation } = dealByRule(labels, classCount, rule, seed, input)
  if (members.length === 0) {
    throw new AppError('bad-input', 'This rule leaves the split without members.', {
      hint: 'Give the members a larger share.',
    })
  }
  return {
    rule,
    seed,
    members: await stage(staging, 'members', [encodeIds(members)]),
    twinPool: await stage(staging, 'twin-pool', [encodeIds(twinPool)]),
    evaluation: await stage(staging, 'evaluation', [encodeIds(evaluation)]),
    counts: {
      members: countClasses(labels, members, classCount),
      twinPool: countClasses(labels, twinPool, classCount),
      evaluation: countClasses(labels, evaluation, classCount),
    },
    normalisation: await measureImages(members, shape, input.readImages),
  }
}

export async function stage(
  staging: string,
  file: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<StagedObject> {
  try {
    const { hash } = await writeSynced(join(staging, file), chunks)
    return { file, hash }
  } catch (error) {
    throw storageError(error, "the data set's working copy")
  }
}

/**
 * Normalisation over the images `ids` (ascending) of a blob that is read in pieces of about a megabyte, so that the
 * blob needn't fit in memory and no piece keeps the event loop for long.
 */
export async function measureImages(
  ids: Int32Array,
  [height, width, channels]: ImageShape,
  read: (offset: number, length: number) => Promise<Uint8Array>,
): Promise<Normalisation> {
  const imageBytes = height * width * channels
  const perPiece = Math.max(1, Math.floor((1 << 20) / imageBytes))
  const histogram = new PixelHistogram(channels)
  for (let at = 0; at < ids.length; ) {
    const first = ids[at]
    let end = at
    while (end < ids.length && ids[end] < first + perPiece) end++
    const piece = await read(first * imageBytes, (ids[end - 1] - first + 1) * imageBytes)
    for (; at < end; at++) {
      const start = (ids[at] - first) * imageBytes
      histogram.add(piece.subarray(start, start + imageBytes))
    }
  }
  return histogram.normalisation()
}
