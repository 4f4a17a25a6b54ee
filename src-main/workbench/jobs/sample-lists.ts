/** The lists of samples that a study's stages read, as objects of their own. */
import { createHash } from 'node:crypto'
import type { ObjectStore } from '#main/artifacts/object-store.ts'
import type { TwinShift } from '#main/compute/stages.ts'
import { readIds, readLabels } from '#main/compute/worker/array-objects.ts'
import { requireGroup } from '#main/workbench/datasets/groups/require-group.ts'
import { encodeIds, readGroupCodes } from '#main/workbench/datasets/sample-data.ts'
import type { Dataset, Split } from '#shared/domain/dataset.ts'
import type { ForgetSet } from '#shared/domain/forget-set.ts'
import type { ObjectHash } from '#shared/ids.ts'
import { Random } from '#shared/random.ts'
import { twinGroups } from './twin-groups.ts'
import { drawSorted, twinSamples } from './twin-samples.ts'

/** Metrics on R read this many of its samples at most: enough for an interval of a point or two. */
const retainSampleSize = 1000

/** An ids object and how many samples it lists. */
export interface SampleList {
  readonly object: ObjectHash
  readonly count: number
}

/** One shadow model's samples. */
export interface ShadowHalf {
  readonly members: SampleList
  /** Of F, and of R: what an attack on a method has it forget and retain. */
  readonly forget: SampleList
  readonly retain: SampleList
  readonly classRetain: number
}

export interface ShadowLists {
  /** Samples of F's classes in the pool that no model of a study sees: the non-members. */
  readonly audit: SampleList
  /** By number; 2k and 2k + 1 share nothing and are the pool together. */
  readonly halves: readonly ShadowHalf[]
}

export interface SampleLists {
  /** D. */
  readonly members: SampleList
  /** F. */
  readonly forget: SampleList
  /** R: D without F. */
  readonly retain: SampleList
  /** H_c: the twin pool's samples of F's classes. */
  readonly twin: SampleList
  /** Class -> samples in H_c. */
  readonly twinCounts: ReadonlyMap<number, number>
  /** H_c as a shift knob changes it: fewer samples, some of other classes, or all of another one. */
  twinOf(shift: Pick<TwinShift, 'share' | 'mix' | 'classIndex'> | undefined): SampleList
  /** Those that were asked for so far. */
  readonly shiftedTwins: readonly SampleList[]
  /** At most 1,000 of R, for metrics. */
  readonly retainSample: SampleList
  readonly evaluation: SampleList
  /** How many of R belong to F's classes. */
  readonly classRetain: number
  /** Where the study is attacked with shadow models. */
  readonly shadows?: ShadowLists
}

/** How many samples each list holds. */
export function lengthsOf(lists: SampleLists): ReadonlyMap<ObjectHash, number> {
  const { members, forget, retain, twin, shiftedTwins, retainSample, evaluation, shadows } = lists
  const halves = shadows?.halves.flatMap((half) => [half.members, half.forget, half.retain]) ?? []
  const audit = shadows === undefined ? [] : [shadows.audit]
  const all = [members, forget, retain, twin, ...shiftedTwins, retainSample, evaluation, ...halves, ...audit]
  return new Map(all.map(({ object, count }) => [object, count]))
}

/** Lists that aren't stored yet, by name. */
export type NewLists = ReadonlyMap<ObjectHash, Uint8Array>

export interface DerivedLists {
  readonly lists: SampleLists
  readonly content: NewLists
}

/**
 * Makes a study's lists; the same split and forget set always give the same ones. Nothing is written: a plan of a
 * workspace that is only read must come to the same keys.
 */
export async function deriveSampleLists(
  objects: ObjectStore,
  dataset: Dataset,
  split: Split,
  forgetSet: ForgetSet,
): Promise<DerivedLists> {
  const [labels, members, twinPool, evaluation, forget] = await Promise.all([
    readLabels(objects, dataset.labels),
    readIds(objects, split.members),
    readIds(objects, split.twinPool),
    readIds(objects, split.evaluation),
    readIds(objects, forgetSet.ids),
  ])
  const forgotten = new Set(forget)
  const classCounts = countClasses(forget, labels)
  const retain = members.filter((sample) => !forgotten.has(sample))
  const groupOf = await groupsOfSplit(objects, dataset, split)
  const twin =
    groupOf === null
      ? twinSamples(twinPool, labels, classCounts, Random.of(split.seed, 'twin-samples'))
      : twinGroups(twinPool, labels, classCounts, groupOf)
  const retainSample = drawSorted(retain, retainSampleSize, Random.of(split.seed, 'retain-sample'))
  const content = new Map<ObjectHash, Uint8Array>()
  const listOf = listsInto(content)
  const shifted = new Map<string, SampleList>()
  const shiftedTwins: SampleList[] = []
  const lists: SampleLists = {
    members: { object: split.members, count: members.length },
    forget: { object: forgetSet.ids, count: forget.length },
    retain: listOf(retain),
    twin: listOf(twin),
    twinCounts: countClasses(twin, labels),
    twinOf(shift) {
      if (shift === undefined || (shift.share === 1 && shift.mix === 0 && shift.classIndex === null)) return lists.twin
      const key = `${shift.share} ${shift.mix} ${shift.classIndex}`
      const known = shifted.get(key)
      if (known !== undefined) return known
      const made = listOf(shiftedTwin(twin, twinPool, labels, shift, split.seed))
      shifted.set(key, made)
      shiftedTwins.push(made)
      return made
    },
    shiftedTwins,
    retainSample: listOf(retainSample),
    evaluation: { object: split.evaluation, count: evaluation.length },
    classRetain: retain.filter((sample) => classCounts.has(labels[sample])).length,
  }
  return { lists, content }
}

/** The groups that the split keeps on one side, or null when it keeps none. */
async function groupsOfSplit(objects: ObjectStore, dataset: Dataset, split: Split): Promise<Int32Array | null> {
  const { rule } = split
  const key = rule.kind === 'fractions' ? rule.groupKey : undefined
  return key === undefined ? null : await readGroupCodes(objects, dataset, requireGroup(dataset, key))
}

/** Makes lists under the names that storing will give them; their content goes into `content`. */
export function listsInto(content: Map<ObjectHash, Uint8Array>): (ids: Int32Array) => SampleList {
  return (ids) => {
    const bytes = encodeIds(ids)
    const object = createHash('sha256').update(bytes).digest('hex') as ObjectHash
    content.set(object, bytes)
    return { object, count: ids.length }
  }
}

/**
 * Of another class: all of its samples in the pool. Mixed: a seeded share is replaced by samples of other classes, as
 * far as the pool has any. Then a seeded share of all that, one at least.
 */
export function shiftedTwin(
  twin: Int32Array,
  pool: Int32Array,
  labels: Int32Array,
  { share, mix, classIndex }: Pick<TwinShift, 'share' | 'mix' | 'classIndex'>,
  seed: number,
): Int32Array {
  const base = classIndex === null ? twin : pool.filter((sample) => labels[sample] === classIndex)
  const own = new Set(base.map((sample) => labels[sample]))
  const others = pool.filter((sample) => !own.has(labels[sample]))
  const replaced = Math.min(others.length, Math.round(mix * base.length))
  const kept = drawSorted(base, base.length - replaced, Random.of(seed, 'twin-shift', 'kept'))
  const strangers = drawSorted(others, replaced, Random.of(seed, 'twin-shift', 'strangers'))
  const mixed = Int32Array.from([...kept, ...strangers]).sort()
  const wanted = mixed.length === 0 ? 0 : Math.max(1, Math.round(share * mixed.length))
  return drawSorted(mixed, wanted, Random.of(seed, 'twin-shift', 'share'))
}

function countClasses(ids: Int32Array, labels: Int32Array): ReadonlyMap<number, number> {
  const counts = new Map<number, number>()
  for (const id of ids) counts.set(labels[id], (counts.get(labels[id]) ?? 0) + 1)
  return counts
}
