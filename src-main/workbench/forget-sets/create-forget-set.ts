import { openInputFile } from '#main/formats/input-file.ts'
import { counted, quoted } from '#main/formats/text.ts'
import type { CommitLock } from '#main/workbench/datasets/commit-lock.ts'
import { requireDataset, requireForgetSet, requireSplit } from '#main/workbench/datasets/find.ts'
import { checkName, nameTaken } from '#main/workbench/datasets/name-check.ts'
import type { DatasetDependencies } from '#main/workbench/datasets/ports.ts'
import { putAll } from '#main/workbench/datasets/put-all.ts'
import { encodeIds, readIds, readLabels, readSampleTable } from '#main/workbench/datasets/sample-data.ts'
import { countClasses } from '#main/workbench/datasets/split-rule.ts'
import type { ForgetRule, ForgetSet } from '#shared/domain/forget-set.ts'
import { AppError } from '#shared/errors.ts'
import { chooseForgetSet } from './forget-rule.ts'
import { parseIdsFile } from './ids-file.ts'

export interface CreateForgetSetInput {
  readonly name: string
  readonly dataset: string
  readonly split: string
  readonly className?: string | undefined
  /** Share of the class's members, with `className`. */
  readonly fraction?: number | undefined
  /** Share of all members. */
  readonly random?: number | undefined
  /** Path of a list of samples. */
  readonly idsFile?: string | undefined
  readonly seed: number
}

/** Longer lists of samples don't exist; the file is read into memory whole. */
const maxListBytes = 64 * 1024 * 1024

/** @throws AppError `already-exists`, `not-found` (data set, split), and `bad-input` of the rule. */
export async function createForgetSet(
  dependencies: DatasetDependencies,
  lock: CommitLock,
  input: CreateForgetSetInput,
): Promise<ForgetSet> {
  const { objects, forgetSets } = dependencies
  const name = checkName('forget set', input.name)
  if (forgetSets.findForgetSet(name)?.name === name) throw nameTaken('forget set', name)
  const dataset = requireDataset(dependencies, input.dataset)
  const split = requireSplit(dependencies, dataset, input.split)
  const rule = ruleOf(input)
  const members = await readIds(objects, split.members)
  const labels = await readLabels(objects, dataset)
  const classNames = dataset.classes.map((info) => info.name)
  const base = { members, labels, classNames }
  const context =
    rule.kind === 'ids'
      ? { ...base, names: (await readSampleTable(objects, dataset)).names, entries: await readList(rule.source) }
      : base
  const { ids, repeated } = chooseForgetSet(rule, context, input.seed)
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
        classCounts: countClasses(labels, ids, classNames.length),
        memberCounts: split.counts.members,
      }),
    ),
  )
}

/** The sample indices of a forget set, ascending. */
export async function forgetSetIds(dependencies: DatasetDependencies, nameOrId: string): Promise<Int32Array> {
  return await readIds(dependencies.objects, requireForgetSet(dependencies, nameOrId).ids)
}

function ruleOf({ className, fraction, random, idsFile }: CreateForgetSetInput): ForgetRule {
  const given = [className, random, idsFile].filter((value) => value !== undefined)
  if (given.length !== 1) {
    throw new AppError('bad-input', 'A forget set is chosen by exactly one of a class, a random share, or a list.', {
      hint: 'Give --class with --fraction, or --random, or --ids.',
    })
  }
  if (className === undefined && fraction !== undefined) {
    throw new AppError('bad-input', 'A fraction belongs to a class.', {
      hint: 'Give --class, or use --random for a share of all.',
    })
  }
  if (random !== undefined) return { kind: 'random', fraction: random }
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
