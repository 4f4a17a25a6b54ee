import { statfs } from 'node:fs/promises'
import { decodeImage } from '#main/formats/images.ts'
import { openInputFile } from '#main/formats/input-file.ts'
import { counted, grouped, quoted } from '#main/formats/text.ts'
import type { ImportProblem } from '#shared/domain/dataset.ts'
import { AppError } from '#shared/errors.ts'
import type { ImportJob, ImportResult } from './dataset-job.ts'
import { type ImageFile, type LeftOut, readFolderLayout } from './folder-layout.ts'
import { compareNatural } from './natural-order.ts'
import { PixelScratch } from './pixel-scratch.ts'
import type { ProgressReporter } from './progress-reporter.ts'
import { evaluationFolderOf, fractionsRule } from './split-rule.ts'
import { stageSamples } from './stage-samples.ts'

/** A photo has a few megabytes; this is read into memory whole. */
const maxFileBytes = 256 * 1024 * 1024
/** Files read ahead while one is decoded. */
const readAhead = 32
/** A row in the database keeps this many; a folder with more of them isn't a set of images. */
const maxProblems = 1000
const defaultFractions = [0.7, 0.15, 0.15] as const

/**
 * Imports class folders into the staging folder: decodes every PNG and JPEG, brings all to one size, finds duplicates,
 * deals the default split. What can't be read is left out and listed, or refused with `strict`. Decoding is
 * synchronous and long: this runs in a process of its own.
 * @throws AppError `bad-input`, `disk-full`, `workspace-read-only`.
 */
export async function importFolder(
  job: Extract<ImportJob, { kind: 'folder' }>,
  progress: ProgressReporter,
): Promise<ImportResult> {
  progress.report('scanning', 0, null)
  const layout = await readFolderLayout(job.path, (count) => progress.report('scanning', count, null))
  const leftOut: LeftOut[] = [...layout.leftOut]
  const { files } = layout
  await requireSpace(job, files.length)

  const scratch = new PixelScratch(job.staging, job.size)
  try {
    const taken: ImageFile[] = []
    for await (const { file, bytes, reason } of readInOrder(files)) {
      const problem = bytes === null ? reason : await take(scratch, bytes)
      if (problem === null) taken.push(file)
      else leftOut.push({ path: file.name, reason: problem, hidden: false })
      progress.report('decoding', taken.length + leftOut.length - layout.leftOut.length, files.length)
    }
    if (job.strict) refuseLeftOut(job.path, leftOut)
    const classNames = classesOf(job.path, files, taken, leftOut)
    const indexOf = new Map(classNames.map((name, label) => [name, label]))
    const givenSplit = taken.map((file) => file.givenSplit)
    const staged = await stageSamples({
      staging: job.staging,
      shape: scratch.shape,
      classNames,
      labels: Int32Array.from(taken, (file) => indexOf.get(file.className) ?? -1),
      names: taken.map((file) => file.name),
      givenSplit,
      images: scratch.images(),
      splitRule: fractionsRule(defaultFractions, evaluationFolderOf(givenSplit)),
      splitSeed: job.splitSeed,
      onStored: (count) => progress.report('storing', count, taken.length),
    })
    return { ...staged, dataset: { ...staged.dataset, problems: listed(leftOut) } }
  } finally {
    await scratch.close()
  }
}

/** What is wrong with the image, or null when it was taken. */
async function take(scratch: PixelScratch, bytes: Uint8Array): Promise<string | null> {
  let image: ReturnType<typeof decodeImage>
  try {
    image = decodeImage(bytes)
  } catch (error) {
    if (error instanceof AppError && error.code === 'bad-input') return error.message
    throw error
  }
  await scratch.add(image)
  return null
}

interface ReadFile {
  readonly file: ImageFile
  readonly bytes: Uint8Array | null
  /** Why there are no bytes. */
  readonly reason: string
}

/** The files' bytes in order, with some reads under way ahead. */
async function* readInOrder(files: readonly ImageFile[]): AsyncGenerator<ReadFile> {
  const reads: Promise<ReadFile>[] = []
  for (let next = 0; next < files.length || reads.length > 0; ) {
    while (reads.length < readAhead && next < files.length) reads.push(readOne(files[next++]))
    const first = reads.shift()
    if (first !== undefined) yield await first
  }
}

async function readOne(file: ImageFile): Promise<ReadFile> {
  try {
    await using input = await openInputFile(file.path)
    if (input.size > maxFileBytes) return { file, bytes: null, reason: `too large: ${grouped(input.size)} bytes` }
    return { file, bytes: await input.read(0, input.size), reason: '' }
  } catch {
    return { file, bytes: null, reason: 'cannot be read' }
  }
}

function refuseLeftOut(root: string, leftOut: readonly LeftOut[]): void {
  const visible = leftOut.filter((problem) => !problem.hidden)
  if (visible.length === 0) return
  const [first] = visible
  throw new AppError(
    'bad-input',
    `${counted(visible.length, 'file')} of ${quoted(root, 200)} cannot be imported, the first being ${quoted(first.path, 200)} (${first.reason}).`,
    {
      hint: 'Repair or remove them, or import without --strict: they are then left out and listed.',
      details: { problems: listed(visible) },
    },
  )
}

/** The classes with at least one image, naturally ordered; the others are added to what was left out. */
function classesOf(
  root: string,
  files: readonly ImageFile[],
  taken: readonly ImageFile[],
  leftOut: LeftOut[],
): readonly string[] {
  const withImages = new Set(taken.map((file) => file.className))
  const all = [...new Set(files.map((file) => file.className))].sort(compareNatural)
  const classNames = all.filter((name) => withImages.has(name))
  for (const name of all) {
    if (!withImages.has(name))
      leftOut.push({ path: name, reason: 'a class folder without a readable image', hidden: false })
  }
  if (classNames.length >= 2) return classNames
  const details = { problems: listed(leftOut) }
  if (classNames.length === 0) {
    const first = leftOut.find((problem) => !problem.hidden)
    const example = first === undefined ? '' : `: ${quoted(first.path, 200)} is ${first.reason}`
    throw new AppError('bad-input', `No file of ${quoted(root, 200)} is a readable PNG or JPEG${example}.`, {
      hint: 'Choose a folder with one folder of PNG or JPEG files for each class.',
      details,
    })
  }
  throw new AppError(
    'bad-input',
    `The folder ${quoted(root, 200)} has images of only one class (${quoted(classNames[0])}); at least two are needed.`,
    { hint: 'Choose the folder that holds the class folders, not one of them.', details },
  )
}

function listed(leftOut: readonly LeftOut[]): readonly ImportProblem[] {
  const problems = [...leftOut]
    .sort((a, b) => compareNatural(a.path, b.path))
    .map(({ path, reason }): ImportProblem => ({ path, reason }))
  const rest = problems.length - maxProblems
  if (rest <= 0) return problems
  return [...problems.slice(0, maxProblems), { path: '…', reason: `and ${counted(rest, 'more file', 'more files')}` }]
}

/** Scratch copy and blob, both as RGB. */
async function requireSpace(job: Extract<ImportJob, { kind: 'folder' }>, count: number): Promise<void> {
  const side = job.size ?? 32
  const needed = count * side * side * 3 * 2 + (16 << 20)
  const { bavail, bsize } = await statfs(job.staging)
  if (bavail * bsize >= needed) return
  const mebibytes = (bytes: number): string => `${grouped(Math.ceil(bytes / 2 ** 20))} MiB`
  throw new AppError(
    'disk-full',
    `The import needs ${mebibytes(needed)} on the disk of the workspace, which has ${mebibytes(bavail * bsize)} free.`,
    { hint: 'Free some space, or choose another workspace with --workspace.' },
  )
}
