/**
 * A series: one study for each of several sizes of F, to see what the size does to a method. Each is a study of its own,
 * with golds of its own; what doesn't depend on the size (the original, and the twin of a class) is computed once.
 */
import type { Repositories } from '#main/store/index.ts'
import type { WorkbenchApi } from '#shared/contract/api.ts'
import type { Dataset } from '#shared/domain/dataset.ts'
import type { ForgetRule, ForgetSet } from '#shared/domain/forget-set.ts'
import type { Study } from '#shared/domain/study.ts'
import { AppError } from '#shared/errors.ts'
import { encodeIdRanges } from '#shared/id-ranges.ts'
import { Random } from '#shared/random.ts'
import { notFound } from '../datasets/near-matches.ts'
import { type CreateStudyParts, createStudy, requireForgetSetOf } from './create-study.ts'

type SeriesInput = Parameters<WorkbenchApi['studies']['createSeries']>[0]

/** The studies of a series, the smallest F first. @throws AppError `not-found`. */
export function studiesOfSeries({ studies }: Repositories, name: string): readonly Study[] {
  const all = studies.listStudies()
  const found = all.filter(({ config }) => config.series?.name === name)
  if (found.length > 0) return found.toSorted((a, b) => sizeOf(a) - sizeOf(b))
  const names = [...new Set(all.flatMap(({ config }) => config.series?.name ?? []))]
  throw notFound('series of studies', name, names, 'tmu study create NAME … --sweep forget.size=50,100,200')
}

function sizeOf({ config }: Study): number {
  return config.series?.forgetCount ?? 0
}

/**
 * Makes the studies `NAME-SIZE`. A smaller F is part of a larger one.
 * @throws AppError as of one study; `bad-input` for a size that F can't have, `already-exists`.
 */
export async function createSeries(
  parts: CreateStudyParts,
  { sizes, ...input }: SeriesInput,
): Promise<readonly Study[]> {
  const { repositories, datasets } = parts
  const dataset = await datasets.datasets.get({ dataset: input.dataset })
  const base = requireForgetSetOf(repositories, dataset, input.forgetSet)
  const ascending = [...new Set(sizes)].sort((a, b) => a - b)
  const most = largestSize(base)
  const beyond = ascending.find((size) => size > most)
  if (beyond !== undefined) {
    throw new AppError(
      'bad-input',
      `forget.size = ${beyond} is not possible: there are ${most} images that the forget set "${base.name}" can be made of.`,
      { hint: 'Name smaller sizes.', details: { key: 'forget.size' } },
    )
  }
  const nameOf = (size: number): string => `${input.name}-${size}`
  const all = repositories.studies.listStudies()
  const taken = ascending.map(nameOf).find((name) => all.some((study) => study.name === name))
  if (taken !== undefined || all.some(({ config }) => config.series?.name === input.name)) {
    throw new AppError('already-exists', `There is already a study or series named "${taken ?? input.name}".`, {
      hint: 'Choose another name.',
    })
  }
  const made: Study[] = []
  for (const size of ascending) {
    const { set, isNew } = await forgetSetOfSize(parts, dataset, base, size)
    try {
      const series = { name: input.name, forgetCount: size }
      made.push(await createStudy(parts, { ...input, name: nameOf(size), forgetSet: set.id }, series))
    } catch (error) {
      // What refuses the first refuses all of them: no set is left behind.
      if (isNew) await datasets.forgetSets.remove({ forgetSet: set.id })
      throw error
    }
  }
  return made
}

/** How many images the forget set's rule could choose. */
function largestSize({ rule, count, classCounts, memberCounts }: ForgetSet): number {
  switch (rule.kind) {
    case 'random':
    case 'random-count':
      return memberCounts.reduce((sum, of) => sum + of, 0) - 1
    case 'class':
      return memberCounts[classCounts.findIndex((of) => of > 0)] ?? count
    default:
      return count
  }
}

/** The forget set itself, one that exists, or a new one beside it. */
async function forgetSetOfSize(
  { repositories, datasets }: CreateStudyParts,
  dataset: Dataset,
  base: ForgetSet,
  size: number,
): Promise<{ readonly set: ForgetSet; readonly isNew: boolean }> {
  if (size === base.count) return { set: base, isNew: false }
  const rule = await ruleOfSize(datasets, base, size)
  const all = repositories.forgetSets.listForgetSets()
  const known = all.find(
    ({ splitId, seed, rule: other }) =>
      splitId === base.splitId && seed === base.seed && JSON.stringify(other) === JSON.stringify(rule),
  )
  if (known !== undefined) return { set: known, isNew: false }
  const wish = `${base.name} (${size})`
  let name = wish
  for (let n = 2; all.some((set) => set.name === name); n++) name = `${wish} ${n}`
  const { splitId: split, seed } = base
  return { set: await datasets.forgetSets.create({ name, dataset: dataset.id, split, seed, rule }), isNew: true }
}

/** The same kind of choice with another number; of any other rule, some of the images that it chose. */
async function ruleOfSize(
  { forgetSets }: CreateStudyParts['datasets'],
  { id, name, rule, seed, classCounts, memberCounts }: ForgetSet,
  size: number,
): Promise<ForgetRule> {
  switch (rule.kind) {
    case 'class':
      return { ...rule, fraction: size / (memberCounts[classCounts.findIndex((of) => of > 0)] ?? size) }
    case 'random':
    case 'random-count':
      return { kind: 'random-count', count: size }
    default: {
      const ids = Int32Array.from(await forgetSets.ids({ forgetSet: id }))
      const drawn = Random.of(seed, 'forget', 'size').shuffle(ids).subarray(0, size)
      return { kind: 'picked', ids: encodeIdRanges(drawn.slice().sort()), source: name }
    }
  }
}
