import { counted, quoted } from '#main/formats/text.ts'
import { AppError } from '#shared/errors.ts'
import { rawImage, rowRuns } from './array-images.ts'
import type { LeftOut } from './left-out.ts'
import type { LoadedImage, SampleEntry, SampleSource } from './sample-source.ts'
import { joinName, type SourceTree } from './source-tree.ts'

/**
 * The binary version of CIFAR (https://www.cs.toronto.edu/~kriz/cifar.html): records of one label byte (CIFAR-10) or a
 * coarse and a fine one (CIFAR-100), then 3,072 bytes: 32x32 red, green, blue planes.
 */
const side = 32
const imageBytes = side * side * 3
const rowsPerRead = 512

interface Batch {
  readonly file: string
  readonly split: 'train' | 'test'
  readonly rows: number
}

const batchNames = /^(?:data_batch_\d+|test_batch|train|test)\.bin$/i

/** @returns the batches of the folder, or none when it isn't CIFAR. */
export async function cifarFiles(tree: SourceTree, below: string): Promise<readonly string[]> {
  const { files } = await tree.list(below)
  return files.filter((name) => batchNames.test(name)).map((name) => joinName(below, name))
}

/** @throws AppError `bad-input` when no file holds whole records, or a label has no name. */
export async function openCifarSource(
  tree: SourceTree,
  below: string,
  files: readonly string[],
): Promise<SampleSource> {
  const leftOut: LeftOut[] = []
  const note = (path: string, reason: string): void => void leftOut.push({ path, reason, hidden: false })
  const inFolder = await tree.list(below)
  const namesOf = async (file: string): Promise<readonly string[] | null> =>
    inFolder.files.includes(file) ? await readNames(tree, joinName(below, file)) : null
  const fineNames = await namesOf('fine_label_names.txt')
  const labelBytes = await labelBytesOf(tree, files, fineNames !== null)
  const coarseNames = labelBytes === 2 ? await namesOf('coarse_label_names.txt') : null
  const given = labelBytes === 2 ? fineNames : await namesOf('batches.meta.txt')
  const classCount = labelBytes === 2 ? 100 : 10
  const classNames = Array.from({ length: classCount }, (_, label) => given?.[label] ?? String(label))
  if (new Set(classNames).size < classCount) throw refuse(tree.root, 'names two of its classes alike')

  const recordBytes = labelBytes + imageBytes
  const batches: Batch[] = []
  const entries: SampleEntry[] = []
  const coarse: (string | null)[] = []
  /** Batch and row of each entry. */
  const places: { readonly batch: number; readonly row: number }[] = []
  for (const file of files) {
    await using input = await tree.open(file)
    const rows = Math.floor(input.size / recordBytes)
    const rest = input.size - rows * recordBytes
    if (rest > 0)
      note(
        file,
        rows === 0 ? 'holds no whole record' : `truncated: the last ${counted(rest, 'byte')} are no whole record`,
      )
    const split = /(?:^|\/)test/i.test(file) ? 'test' : 'train'
    batches.push({ file, split, rows })
    const stem = file.slice(file.lastIndexOf('/') + 1).replace(/\.bin$/i, '')
    for (const { first, count } of rowRuns(null, rows, rowsPerRead)) {
      const bytes = await input.read(first * recordBytes, count * recordBytes)
      for (let i = 0; i < count; i++) {
        const row = first + i
        const name = `${stem}/${String(row).padStart(5, '0')}`
        const label = bytes[i * recordBytes + labelBytes - 1]
        if (label >= classCount) {
          note(name, `has the label ${label}, and there are ${classCount} classes`)
          continue
        }
        entries.push({ name, className: classNames[label], givenSplit: split })
        if (labelBytes === 2) {
          const above = bytes[i * recordBytes]
          coarse.push(coarseNames?.[above] ?? String(above))
        }
        places.push({ batch: batches.length - 1, row })
      }
    }
  }
  if (entries.length === 0) throw refuse(tree.root, 'holds no CIFAR records')

  async function* load(indices: readonly number[] | null): AsyncGenerator<LoadedImage> {
    for (const { first, count } of rowRuns(indices, entries.length, rowsPerRead)) {
      // Entries follow each other in the file, but for records that were left out.
      for (let at = first; at < first + count; ) {
        const { batch, row } = places[at]
        let run = 1
        while (at + run < first + count && places[at + run].batch === batch && places[at + run].row === row + run) run++
        await using input = await tree.open(batches[batch].file)
        const bytes = await input.read(row * recordBytes, run * recordBytes)
        for (let i = 0; i < run; i++) {
          const start = i * recordBytes + labelBytes
          const image = rawImage(bytes.subarray(start, start + imageBytes), side, side, 3, 'planar')
          yield { index: at + i, image, reason: '' }
        }
        at += run
      }
    }
  }

  return {
    format: 'cifar',
    entries,
    classNames,
    groups: coarse.length > 0 ? [{ name: 'superclass', values: coarse }] : [],
    leftOut: [...tree.leftOut, ...leftOut],
    load,
    [Symbol.asyncDispose]: () => tree[Symbol.asyncDispose](),
  }
}

/** Records of CIFAR-100 have two label bytes. Sizes tell, and the names of the files where sizes fit both. */
async function labelBytesOf(tree: SourceTree, files: readonly string[], hasFineNames: boolean): Promise<1 | 2> {
  let [ten, hundred] = [0, 0]
  for (const file of files) {
    await using input = await tree.open(file)
    if (input.size % (1 + imageBytes) === 0) ten++
    if (input.size % (2 + imageBytes) === 0) hundred++
  }
  if (ten !== hundred) return hundred > ten ? 2 : 1
  const named = files.some((file) => /(?:^|\/)(?:train|test)\.bin$/i.test(file))
  return hasFineNames || named ? 2 : 1
}

async function readNames(tree: SourceTree, file: string): Promise<readonly string[] | null> {
  await using input = await tree.open(file)
  if (input.size > 64 * 1024) return null
  const lines = new TextDecoder().decode(await input.read(0, input.size)).split(/\r?\n/)
  return lines.map((line) => line.trim()).filter((line) => line !== '')
}

function refuse(root: string, what: string): AppError {
  return new AppError('bad-input', `${quoted(root, 200)} ${what}.`, {
    hint: 'Choose the folder or the archive of the binary version: data_batch_1.bin … test_batch.bin, or train.bin and test.bin.',
  })
}
