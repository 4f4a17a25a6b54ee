import { openInputFile } from '#main/formats/input-file.ts'
import { counted, quoted } from '#main/formats/text.ts'
import type { CommitLock } from '#main/workbench/datasets/commit-lock.ts'
import { createSplit } from '#main/workbench/datasets/create-split.ts'
import { requireDataset, requireForgetSet, requireSplit } from '#main/workbench/datasets/find.ts'
import { checkName, nameTaken } from '#main/workbench/datasets/name-check.ts'
import type { DatasetDependencies } from '#main/workbench/datasets/ports.ts'
import { putAll } from '#main/workbench/datasets/put-all.ts'
import {
  encodeIds,
  readGroupCodes,
  readIds,
  readLabels,
  readSampleTable,
} from '#main/workbench/datasets/sample-data.ts'
import { countClasses } from '#main/workbench/datasets/split-rule.ts'
import type { Embeddings } from '#main/workbench/samples/embeddings.ts'
import type { Dataset, Split } from '#shared/domain/dataset.ts'
import type { ForgetRule, ForgetSet } from '#shared/domain/forget-set.ts'
import { AppError } from '#shared/errors.ts'
import { partsOfRule } from '#shared/forget-rule.ts'
import { freeName } from '#shared/free-name.ts'
import { decodeIdRanges, encodeIdRanges, idsOfMask, maskOfIds } from '#shared/id-ranges.ts'
import { checkClusters, chooseForgetSet, type ForgetChoice, type ForgetContext, outsideMembers } from './forget-rule.ts'
import { parseIdsFile } from './ids-file.ts'

export interface CreateForgetSetInput {
  readonly name: string
  readonly dataset: string
  readonly split: string
  readonly className?: string | undefined
  /** Share of the class's members, with `className`. */
  readonly fraction?: number | undefined
  /** Share of all members below 1, else a number of them. */
  readonly random?: number | undefined
  readonly group?: { readonly column: string; readonly value: string } | undefined
  /** Clusters of images that look alike, of the class where one is given. */
  readonly cluster?: { readonly clusters: number; readonly chosen: readonly number[] } | undefined
  readonly rule?: ForgetRule | undefined
  /** Path of a list of samples. */
  readonly idsFile?: string | undefined
  /** Makes a new split around samples that lie outside D. */
  readonly aroundIds?: boolean | undefined
  /** The forget set that this is an edited version of. */
  readonly versionOf?: string | undefined
  readonly seed: number
}

/** Longer lists of samples don't exist; the file is read into memory whole. */
const maxListBytes = 64 * 1024 * 1024

/** @throws AppError `already-exists`, `not-found` (data set, split), and `bad-input` of the rule. */
export async function createForgetSet(
  dependencies: DatasetDependencies,
  embeddings: Pick<Embeddings, 'clusters'>,
  lock: CommitLock,
  input: CreateForgetSetInput,
  signal?: AbortSignal,
): Promise<ForgetSet> {
  const { objects, forgetSets } = dependencies
  const name = checkName('forget set', input.name)
  if (forgetSets.findForgetSet(name)?.name === name) throw nameTaken('forget set', name)
  const dataset = requireDataset(dependencies, input.dataset)
  const previous = input.versionOf === undefined ? null : requireForgetSet(dependencies, input.versionOf)
  if (previous !== null && previous.datasetId !== dataset.id) {
    throw new AppError('bad-input', `The forget set ${quoted(previous.name)} is of another data set.`)
  }
  const rule = ruleOf(input)
  const givenSplit = requireSplit(dependencies, dataset, input.split)
  const context = await readContext(dependencies, dataset, rule)
  const choose = async (split: Split): Promise<ForgetChoice> =>
    chooseForgetSet(rule, { ...context, members: await readIds(objects, split.members) }, input.seed)

  let split = givenSplit
  let choice = await choose(split)
  if (choice.outside.length > 0) {
    if (input.aroundIds !== true) {
      const names = context.names ?? (await readSampleTable(objects, dataset)).names
      throw outsideMembers(choice.outside, choice.ids.length, names, nameOfRule(rule))
    }
    split = await splitAround(dependencies, lock, { dataset, split, outside: choice.outside, name }, signal)
    choice = await choose(split)
    dependencies.note?.(
      `Made the split ${quoted(split.name)}: ${counted(choice.ids.length, 'chosen sample')} lie in its members.`,
    )
  }
  const { ids, repeated } = choice
  if (repeated > 0) {
    dependencies.note?.(
      `${counted(repeated, 'entry', 'entries')} of ${quoted(input.idsFile ?? '')} named a sample once more.`,
    )
  }
  return await lock.run(() =>
    putAll(objects, [encodeIds(ids)], ([hash]) =>
      forgetSets.insertForgetSet({
        name,
        datasetId: dataset.id,
        splitId: split.id,
        rule,
        seed: input.seed,
        ids: hash,
        count: ids.length,
        classCounts: countClasses(context.labels, ids, context.classNames.length),
        memberCounts: split.counts.members,
        version: previous === null ? 1 : previous.version + 1,
        previous: previous?.id ?? null,
      }),
    ),
  )

  async function readContext(
    { objects }: DatasetDependencies,
    of: Dataset,
    wanted: ForgetRule,
  ): Promise<Omit<ForgetContext, 'members'>> {
    const columns = new Set([...partsOfRule(wanted)].flatMap((part) => (part.kind === 'group' ? [part.column] : [])))
    const groups = of.groups.map(async ({ name: column, values, codes }) => ({
      name: column,
      values,
      codes: columns.has(column)
        ? await readGroupCodes(objects, of, { name: column, values, codes })
        : new Int32Array(),
    }))
    const base = {
      labels: await readLabels(objects, of),
      classNames: namesOf(of),
      groups: await Promise.all(groups),
      clusterings: await clusteringsOf(of, wanted),
    }
    if (wanted.kind !== 'ids') return base
    return { ...base, names: (await readSampleTable(objects, of)).names, entries: await readList(wanted.source) }
  }

  async function clusteringsOf(of: Dataset, wanted: ForgetRule): Promise<ForgetContext['clusterings']> {
    const parts = [...partsOfRule(wanted)].filter((part) => part.kind === 'cluster')
    for (const part of parts) checkClusters(part, namesOf(of))
    const known: { clusters: number; within: string | null; seed: number; codes: Int32Array }[] = []
    for (const { clusters, within } of parts) {
      const about = { clusters, within, seed: input.seed }
      known.push({ ...about, codes: (await embeddings.clusters({ dataset: of, ...about }, signal)).codes })
    }
    return known
  }
}

function namesOf({ classes }: Dataset): readonly string[] {
  return classes.map(({ name }) => name)
}

/** A split of the same rule and seed that has the samples in D. The same samples give the same split again. */
async function splitAround(
  dependencies: DatasetDependencies,
  lock: CommitLock,
  wanted: { readonly dataset: Dataset; readonly split: Split; readonly outside: Int32Array; readonly name: string },
  signal: AbortSignal | undefined,
): Promise<Split> {
  const { dataset, split, outside } = wanted
  const base = split.rule.kind === 'around' ? split.rule.base : split.rule
  const mask = maskOfIds(outside, dataset.sampleCount)
  if (split.rule.kind === 'around') {
    for (const id of decodeIdRanges(split.rule.ids, dataset.sampleCount)) mask[id] = 1
  }
  const rule = { kind: 'around', base, ids: encodeIdRanges(idsOfMask(mask)) } as const
  const existing = dependencies.splits.listSplits(dataset.id)
  const known = existing.find(
    (other) => other.seed === split.seed && JSON.stringify(other.rule) === JSON.stringify(rule),
  )
  if (known !== undefined) return known
  const name = freeName(`around ${wanted.name}`, (taken) => existing.some((other) => other.name === taken))
  return await createSplit(dependencies, lock, { dataset, name, rule, seed: split.seed }, signal)
}

/** The sample indices of a forget set, ascending. */
export async function forgetSetIds(dependencies: DatasetDependencies, nameOrId: string): Promise<Int32Array> {
  return await readIds(dependencies.objects, requireForgetSet(dependencies, nameOrId).ids)
}

/**
 * Removes a forget set that nothing needs; its ids go with it unless another row names the same object.
 * @throws AppError `conflict`, `not-found`.
 */
export async function removeForgetSet(
  dependencies: DatasetDependencies,
  lock: CommitLock,
  nameOrId: string,
): Promise<boolean> {
  return await lock.run(async () => {
    const found = requireForgetSet(dependencies, nameOrId)
    const removed = dependencies.forgetSets.removeForgetSet(found.id)
    if (removed && !dependencies.isReferenced(found.ids)) await dependencies.objects.remove(found.ids)
    return removed
  })
}

function nameOfRule(rule: ForgetRule): string {
  return rule.kind === 'ids' ? quoted(rule.source, 200) : 'this rule'
}

function ruleOf({ className, fraction, random, group, cluster, rule, idsFile }: CreateForgetSetInput): ForgetRule {
  // A class beside clusters says whose images are clustered.
  const given = [cluster ?? className, random, group, rule, idsFile].filter((value) => value !== undefined)
  if (given.length !== 1) {
    throw new AppError(
      'bad-input',
      'A forget set is chosen by exactly one of a class, a random share, a group, clusters, a list, or a rule.',
      { hint: 'Give --class with --fraction, or --random, or --group, or --cluster, or --ids, or --rule.' },
    )
  }
  if (fraction !== undefined && (className === undefined || cluster !== undefined)) {
    throw new AppError('bad-input', 'A fraction belongs to a class, and not to clusters of it.', {
      hint: 'Give --class alone, or use --random for a share of all, or --rule for a share of a cluster.',
    })
  }
  if (rule !== undefined) return rule
  if (cluster !== undefined) return { kind: 'cluster', ...cluster, within: className ?? null }
  if (group !== undefined) return { kind: 'group', column: group.column, values: [group.value] }
  if (random !== undefined) {
    // All of D can't be forgotten, so 1 is one image.
    return random >= 1 ? { kind: 'random-count', count: random } : { kind: 'random', fraction: random }
  }
  if (idsFile !== undefined) return { kind: 'ids', source: idsFile }
  if (className === undefined || fraction === undefined) {
    throw new AppError(
      'bad-input',
      `How much of the class ${quoted(className ?? '')} should be forgotten is not said.`,
      {
        hint: 'Give --fraction, for example 0.3, or 1 for the whole class.',
      },
    )
  }
  return { kind: 'class', className, fraction }
}

async function readList(path: string): Promise<readonly string[]> {
  await using file = await openInputFile(path)
  if (file.size > maxListBytes) {
    throw new AppError('bad-input', `The list ${quoted(path, 200)} is larger than ${maxListBytes / 2 ** 20} MiB.`)
  }
  return parseIdsFile(await file.read(0, file.size), path)
}
