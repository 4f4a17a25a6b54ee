import { statfs } from 'node:fs/promises'
import { counted, grouped, quoted } from '#main/formats/text.ts'
import { AppError } from '#shared/errors.ts'
import type { ImportJob, ImportResult } from './dataset-job.ts'
import { codeGroup } from './groups/group-column.ts'
import { resolveGroups } from './groups/resolve-groups.ts'
import { compareNatural } from './natural-order.ts'
import { PixelScratch } from './pixel-scratch.ts'
import type { ProgressReporter } from './progress-reporter.ts'
import { type LeftOut, listProblems, refuseLeftOut } from './sources/left-out.ts'
import { openSource } from './sources/open-source.ts'
import type { SampleSource } from './sources/sample-source.ts'
import { evaluationFolderOf, fractionsRule } from './split-rule.ts'
import { stageSamples } from './stage-samples.ts'

const defaultFractions = [0.7, 0.15, 0.15] as const

/**
 * Imports a source into the staging folder: brings every image to one size, finds exact copies, resolves group columns,
 * deals the default split. What can't be read is left out and listed, or refused with `strict`. Decoding is
 * synchronous and long: this runs in a process of its own.
 * @throws AppError `bad-input`, `disk-full`, `workspace-read-only`.
 */
export async function importSource(job: ImportJob, progress: ProgressReporter): Promise<ImportResult> {
  progress.report('scanning', 0, null)
  await using source = await openSource(job.path, {
    format: job.format,
    staging: job.staging,
    ...(job.columns === undefined ? {} : { columns: job.columns }),
    onProgress: (phase, done, total) => progress.report(phase, done, total),
  })
  const { entries } = source
  await requireSpace(job, entries.length)
  const leftOut: LeftOut[] = [...source.leftOut]
  const taken: number[] = []
  const scratch = new PixelScratch(job.staging, job.size)
  try {
    let done = 0
    for await (const { index, image, reason } of source.load(null)) {
      if (image === null) leftOut.push({ path: entries[index].name, reason, hidden: false })
      else {
        await scratch.add(image)
        taken.push(index)
      }
      progress.report('decoding', ++done, entries.length)
    }
    if (job.strict) refuseLeftOut(job.path, leftOut)
    const classNames = classesOf(job.path, source, taken, leftOut)
    const labelOf = new Map(classNames.map((name, label) => [name, label]))
    const all = taken.length === entries.length
    const names = taken.map((index) => entries[index].name)
    const present = source.groups.map(({ name, values }) => ({
      name,
      values: all ? values : taken.map((index) => values[index]),
    }))
    const groups = (await resolveGroups(job.groups, names, present)).map(codeGroup)
    const givenSplit = taken.map((index) => entries[index].givenSplit)
    const { staging, splitSeed } = job
    const staged = await stageSamples({
      staging,
      shape: scratch.shape,
      classNames,
      labels: Int32Array.from(taken, (index) => labelOf.get(entries[index].className) ?? -1),
      names,
      givenSplit,
      groups,
      images: scratch.images(),
      splitRule:
        all && source.splitRule !== undefined
          ? source.splitRule
          : fractionsRule(defaultFractions, evaluationFolderOf(givenSplit)),
      splitSeed,
      onStored: (count) => progress.report('storing', count, taken.length),
    })
    return { ...staged, dataset: { ...staged.dataset, format: source.format, problems: listProblems(leftOut) } }
  } finally {
    await scratch.close()
  }
}

/** The classes with at least one image, in the source's order or naturally; the others are added to what was left out. */
function classesOf(
  root: string,
  source: SampleSource,
  taken: readonly number[],
  leftOut: LeftOut[],
): readonly string[] {
  const { entries } = source
  const withImages = new Set(taken.map((index) => entries[index].className))
  const named = new Set(entries.map((entry) => entry.className))
  const all = (source.classNames ?? [...named].sort(compareNatural)).filter((name) => named.has(name))
  const classNames = all.filter((name) => withImages.has(name))
  const isFolder = source.format === 'folder'
  for (const name of all) {
    if (withImages.has(name)) continue
    leftOut.push({ path: name, reason: `a class${isFolder ? ' folder' : ''} without a readable image`, hidden: false })
  }
  if (classNames.length >= 2) return classNames
  const details = { problems: listProblems(leftOut) }
  if (classNames.length === 0) {
    const first = leftOut.find((problem) => !problem.hidden)
    const what = isFolder ? 'file of' : 'image of'
    const example = first === undefined ? '' : `: ${quoted(first.path, 200)} is ${first.reason}`
    throw new AppError('bad-input', `No ${what} ${quoted(root, 200)} is a readable PNG or JPEG${example}.`, {
      hint: isFolder
        ? 'Choose a folder with one folder of PNG or JPEG files for each class.'
        : 'Check how the file was written.',
      details,
    })
  }
  throw new AppError(
    'bad-input',
    `${isFolder ? 'The folder ' : ''}${quoted(root, 200)} has images of only one class (${quoted(classNames[0])}); at least two are needed.`,
    {
      hint: isFolder ? 'Choose the folder that holds the class folders, not one of them.' : 'Check its labels.',
      details,
    },
  )
}

/** Scratch copy and blob, both as RGB. */
async function requireSpace(job: ImportJob, count: number): Promise<void> {
  const side = job.size ?? 32
  const needed = count * side * side * 3 * 2 + (16 << 20)
  const { bavail, bsize } = await statfs(job.staging)
  if (bavail * bsize >= needed) return
  const mebibytes = (bytes: number): string => `${grouped(Math.ceil(bytes / 2 ** 20))} MiB`
  throw new AppError(
    'disk-full',
    `The import of ${counted(count, 'image')} needs ${mebibytes(needed)} on the disk of the workspace, which has ${mebibytes(bavail * bsize)} free.`,
    { hint: 'Free some space, or choose another workspace with --workspace.' },
  )
}
