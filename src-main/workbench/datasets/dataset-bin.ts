import { counted, firstFew, quoted } from '#main/formats/text.ts'
import type { BinEntry } from '#main/store/repositories/bin.ts'
import type { BinnedDataset, RemovedDataset, RestoredDataset } from '#shared/domain/dataset.ts'
import { AppError } from '#shared/errors.ts'
import { freeName } from '#shared/free-name.ts'
import type { DatasetId, ObjectHash } from '#shared/ids.ts'
import type { CommitLock } from './commit-lock.ts'
import { requireDataset } from './find.ts'
import { checkName } from './name-check.ts'
import { notFound } from './near-matches.ts'
import type { DatasetDependencies } from './ports.ts'

/** How long a removed data set can be had back. */
const keptDays = 30

type BinDependencies = Pick<DatasetDependencies, 'objects' | 'bin' | 'transaction' | 'isReferenced' | 'dropCache'>

/**
 * Puts a data set into the bin with its splits, forget sets and tags; `forGood` also frees its objects at once, and
 * takes what lies in the bin already.
 * @throws AppError `conflict` while a study uses it, naming the study; `not-found`.
 */
export async function removeDataset(
  dependencies: DatasetDependencies,
  lock: CommitLock,
  { dataset: reference, forGood }: { readonly dataset: string; readonly forGood: boolean },
): Promise<RemovedDataset> {
  const { datasets, bin } = dependencies
  return await lock.run(async () => {
    if (forGood && datasets.findDataset(reference) === null) {
      const entry = findInBin(dependencies, reference)
      if (entry !== null) return removedOf(entry, await emptyEntry(dependencies, entry), null)
    }
    const dataset = requireDataset(dependencies, reference)
    const studies = datasets.studiesOf(dataset.id)
    if (studies.length > 0) {
      throw new AppError(
        'conflict',
        `The data set ${quoted(dataset.name)} is used by ${counted(studies.length, 'study', 'studies')}: ${firstFew(studies)}.`,
        { hint: "A study keeps what it was computed on; it can't be taken away from under it." },
      )
    }
    const entry = dependencies.transaction(() => bin.putAway(dataset.id, heldBy(dependencies, dataset.id)))
    return forGood
      ? removedOf(entry, await emptyEntry(dependencies, entry), null)
      : removedOf(entry, 0, keptUntil(entry))
  })
}

/** What can be restored, the latest first. */
export async function listBin(
  dependencies: Pick<DatasetDependencies, 'objects' | 'bin' | 'countReferences'>,
): Promise<readonly BinnedDataset[]> {
  const entries = dependencies.bin.listBin().filter(({ emptied }) => !emptied)
  if (entries.length === 0) return []
  const references = dependencies.countReferences()
  return await Promise.all(
    entries.toReversed().map(async (entry) => {
      const alone = entry.objects.filter((object) => references.get(object) === 1)
      const sizes = await Promise.all(alone.map(async (object) => (await dependencies.objects.size(object)) ?? 0))
      return {
        id: entry.id,
        name: entry.name,
        sampleCount: entry.sampleCount,
        splits: entry.splits,
        forgetSets: entry.forgetSets.length,
        removedAt: entry.removedAt,
        keptUntil: keptUntil(entry),
        bytes: sizes.reduce((sum, size) => sum + size, 0),
      }
    }),
  )
}

/**
 * Puts a removed data set back as it was. A forget set whose name was taken meanwhile gets another one.
 * @throws AppError `not-found`, naming what is in the bin; `already-exists` where its name is taken.
 */
export async function restoreDataset(
  dependencies: DatasetDependencies,
  lock: CommitLock,
  { dataset: reference, name: wanted }: { readonly dataset: string; readonly name?: string | undefined },
): Promise<RestoredDataset> {
  const { datasets, forgetSets, bin } = dependencies
  return await lock.run(async () => {
    const entry = findInBin(dependencies, reference)
    if (entry === null) {
      const names = bin.listBin().flatMap(({ name, emptied }) => (emptied ? [] : [name]))
      if (names.length === 0) {
        throw new AppError('not-found', `The data set ${quoted(reference)} is not in the bin: the bin is empty.`, {
          hint: `A removed data set stays there for ${keptDays} days. After that, import it again.`,
        })
      }
      throw notFound('data set in the bin', reference, names, 'tmu dataset bin')
    }
    const name = wanted === undefined ? entry.name : checkName('data set', wanted)
    if (datasets.findDataset(name)?.name === name) {
      throw new AppError('already-exists', `There is another data set named ${quoted(name)} by now.`, {
        hint: 'Restore this one under another name (--name).',
      })
    }
    const taken = new Set(forgetSets.listForgetSets().map((set) => set.name))
    const renamed = entry.forgetSets
      .filter((from) => taken.has(from))
      .map((from) => ({ from, to: freeName(from, (to) => taken.has(to) || entry.forgetSets.includes(to)) }))
    dependencies.transaction(() => bin.takeBack(entry.id, name, new Map(renamed.map(({ from, to }) => [from, to]))))
    return { dataset: requireDataset(dependencies, entry.id), renamed }
  })
}

/** Frees all that lies in the bin. */
export async function emptyBin(
  dependencies: BinDependencies,
  lock: CommitLock,
): Promise<{ readonly names: readonly string[]; readonly freedBytes: number }> {
  return await emptyWhere(dependencies, lock, () => true)
}

/** Frees what was kept for long enough, and ends what an earlier process began and was killed in. */
export async function clearOldBin(dependencies: BinDependencies, lock: CommitLock, now = Date.now()): Promise<void> {
  await emptyWhere(dependencies, lock, (entry) => entry.emptied || Date.parse(keptUntil(entry)) <= now)
}

async function emptyWhere(
  dependencies: BinDependencies,
  lock: CommitLock,
  wanted: (entry: BinEntry) => boolean,
): Promise<{ readonly names: readonly string[]; readonly freedBytes: number }> {
  return await lock.run(async () => {
    const names: string[] = []
    let freedBytes = 0
    for (const entry of dependencies.bin.listBin().filter(wanted)) {
      freedBytes += await emptyEntry(dependencies, entry)
      names.push(entry.name)
    }
    return { names, freedBytes }
  })
}

/**
 * In an order that a kill at any point leaves either whole or to be ended later: first it is marked, from when on its
 * objects are nobody's; then they go; then the mark does. Returns the bytes that are free again.
 */
async function emptyEntry(
  { objects, bin, isReferenced, dropCache }: BinDependencies,
  entry: BinEntry,
): Promise<number> {
  bin.markEmptied(entry.id)
  let freedBytes = 0
  for (const object of entry.objects) {
    if (isReferenced(object)) continue
    const size = await objects.size(object)
    if (await objects.remove(object)) freedBytes += size ?? 0
    await dropCache?.(object)
  }
  bin.clear(entry.id)
  return freedBytes
}

/** Every object that a data set, its splits and its forget sets name. */
function heldBy({ datasets, splits, forgetSets }: DatasetDependencies, id: DatasetId): readonly ObjectHash[] {
  const dataset = requireDataset({ datasets }, id)
  return [
    ...new Set([
      dataset.images,
      dataset.labels,
      dataset.samples,
      ...dataset.groups.map(({ codes }) => codes),
      ...(dataset.quality === null ? [] : [dataset.quality]),
      ...splits.listSplits(id).flatMap(({ members, twinPool, evaluation }) => [members, twinPool, evaluation]),
      ...forgetSets.listForgetSets().flatMap(({ datasetId, ids }) => (datasetId === id ? [ids] : [])),
    ]),
  ]
}

/** By id, else the one of this name that was removed last. */
function findInBin({ bin }: Pick<DatasetDependencies, 'bin'>, reference: string): BinEntry | null {
  const entries = bin.listBin().filter(({ emptied }) => !emptied)
  return entries.find(({ id }) => id === reference) ?? entries.findLast(({ name }) => name === reference) ?? null
}

function keptUntil({ removedAt }: BinEntry): string {
  return new Date(Date.parse(removedAt) + keptDays * 24 * 3600 * 1000).toISOString()
}

function removedOf(entry: BinEntry, freedBytes: number, until: string | null): RemovedDataset {
  const { id, name, splits, forgetSets } = entry
  return { id, name, splits, forgetSets: forgetSets.length, freedBytes, keptUntil: until }
}
