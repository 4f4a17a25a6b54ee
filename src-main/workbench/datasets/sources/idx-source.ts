import { gunzipPieces, isGzip, readPieces } from '#main/formats/gunzip.ts'
import type { InputFile } from '#main/formats/input-file.ts'
import { counted, grouped, quoted } from '#main/formats/text.ts'
import { AppError } from '#shared/errors.ts'
import { rawImage } from './array-images.ts'
import { ByteReader } from './byte-reader.ts'
import type { LeftOut } from './left-out.ts'
import type { LoadedImage, SampleEntry, SampleSource } from './sample-source.ts'
import { joinName, type SourceTree } from './source-tree.ts'
import { loadStacked } from './stacked-images.ts'

/**
 * IDX (http://yann.lecun.com/exdb/mnist): two zero bytes, the element's type, the number of dimensions, the
 * dimensions as big-endian int32, then the elements row-major. Only unsigned bytes (type 8) are images or labels.
 */
const unsignedByte = 8
const maxSide = 8192
/** Labels are held in memory; more of them than this no data set has. */
const maxCount = 100_000_000

interface IdxFile {
  /** In the tree. */
  readonly file: string
  readonly shape: readonly number[]
}

interface IdxPair {
  readonly images: IdxFile
  readonly labels: IdxFile
  readonly split: string | null
}

const idxNames = /(?:idx[1-4]|-ubyte|\.idx)(?:\.gz)?$/i

/** IDX files of a folder by their names. */
export async function idxFiles(tree: SourceTree, below: string): Promise<readonly string[]> {
  const { files } = await tree.list(below)
  return files.filter((name) => idxNames.test(name)).map((name) => joinName(below, name))
}

/** Whether bytes begin as an IDX file does, after unpacking. */
export async function isIdxFile(input: InputFile): Promise<boolean> {
  const start = await readStart(input, 4).catch(() => new Uint8Array(0))
  return (
    start.byteLength === 4 &&
    start[0] === 0 &&
    start[1] === 0 &&
    start[2] === unsignedByte &&
    start[3] >= 1 &&
    start[3] <= 4
  )
}

/**
 * Pairs of images and labels: `train-images-idx3-ubyte(.gz)` with `train-labels-idx1-ubyte(.gz)`; a pair called test
 * or t10k is the test folder. Classes are the label numbers.
 * @throws AppError `bad-input` naming the file: no pair, other numbers of images and labels, impossible headers.
 */
export async function openIdxSource(tree: SourceTree, files: readonly string[]): Promise<SampleSource> {
  const leftOut: LeftOut[] = []
  const pairs = await findPairs(tree, files, leftOut)
  const entries: SampleEntry[] = []
  /** Pair and row of each entry. */
  const pairOf: number[] = []
  const rowOf: number[] = []
  for (const [number, { images, labels, split }] of pairs.entries()) {
    await using input = await tree.open(labels.file)
    const reader = new ByteReader(await contentOf(input))
    const values = await readAll(reader, labels.file, 4 + 4 * labels.shape.length, labels.shape[0])
    if (values.byteLength < labels.shape[0])
      throw refuse(
        labels.file,
        `is truncated: it says ${counted(labels.shape[0], 'label')} and holds ${grouped(values.byteLength)}`,
      )
    const stem = images.file
      .slice(images.file.lastIndexOf('/') + 1)
      .replace(/\.gz$/i, '')
      .replace(/[-_.]?(?:images)?[-_.]?idx[1-4].*$/i, '')
    const prefix = stem === '' ? 'images' : stem
    const digits = String(values.length - 1).length
    for (const [row, label] of values.entries()) {
      entries.push({
        name: `${prefix}/${String(row).padStart(digits, '0')}`,
        className: String(label),
        givenSplit: split,
      })
      pairOf.push(number)
      rowOf.push(row)
    }
  }
  if (new Set(entries.map(({ name }) => name)).size < entries.length)
    throw refuse(tree.root, 'has two image files of one name')

  async function* load(indices: readonly number[] | null): AsyncGenerator<LoadedImage> {
    let offset = 0
    for (const { images } of pairs) {
      const [count, height, width, channels = 1] = images.shape
      const from = offset
      const rows =
        indices === null
          ? null
          : indices.filter((index) => index >= from && index < from + count).map((index) => rowOf[index])
      offset += count
      if (rows !== null && rows.length === 0) continue
      await using input = await tree.open(images.file)
      const stack = {
        headerBytes: 4 + 4 * images.shape.length,
        imageBytes: height * width * channels,
        count,
        decode: (bytes: Uint8Array) => rawImage(bytes, width, height, channels === 3 ? 3 : 1),
      }
      try {
        for await (const { row, image } of loadStacked(await contentOf(input), stack, rows)) {
          yield { index: from + row, image, reason: image === null ? `${quoted(images.file)} is truncated` : '' }
        }
      } catch (error) {
        if (error instanceof AppError) throw error
        throw refuse(images.file, `is damaged (${reasonOf(error)})`)
      }
    }
  }

  return {
    format: 'idx',
    entries,
    classNames: null,
    groups: [],
    leftOut: [...tree.leftOut, ...leftOut],
    load,
    [Symbol.asyncDispose]: () => tree[Symbol.asyncDispose](),
  }
}

async function findPairs(tree: SourceTree, files: readonly string[], leftOut: LeftOut[]): Promise<readonly IdxPair[]> {
  const images: IdxFile[] = []
  const labels: IdxFile[] = []
  for (const file of files) {
    const shape = await readShape(tree, file)
    if (shape.length === 1) labels.push({ file, shape })
    else if (shape.length === 2)
      leftOut.push({ path: file, reason: 'an IDX file of two dimensions, neither images nor labels', hidden: false })
    else images.push({ file, shape })
  }
  const pairs: IdxPair[] = []
  const key = (file: string): string =>
    file
      .toLowerCase()
      .replace(/\.gz$/, '')
      .replace(/images|labels/g, '*')
      .replace(/idx[1-4]/g, 'idx')
  for (const image of images) {
    const partner =
      labels.find((label) => key(label.file) === key(image.file)) ??
      (images.length === 1 && labels.length === 1 ? labels[0] : undefined)
    if (partner === undefined) {
      leftOut.push({ path: image.file, reason: 'images without a file of labels', hidden: false })
      continue
    }
    const [count, height, width, channels = 1] = image.shape
    if (height < 1 || width < 1 || height > maxSide || width > maxSide || (channels !== 1 && channels !== 3)) {
      throw refuse(image.file, `says its images are ${image.shape.slice(1).join('x')}, which is not read`)
    }
    if (count !== partner.shape[0]) {
      throw refuse(
        image.file,
        `says ${counted(count, 'image')}, and ${quoted(partner.file)} ${counted(partner.shape[0], 'label')}`,
      )
    }
    const name = image.file.slice(image.file.lastIndexOf('/') + 1)
    const split = /t10k|test/i.test(name)
      ? 'test'
      : /valid/i.test(name)
        ? 'valid'
        : /train/i.test(name)
          ? 'train'
          : null
    pairs.push({ images: image, labels: partner, split })
  }
  if (pairs.length === 0 || pairs.every(({ images: { shape } }) => shape[0] === 0)) {
    throw refuse(tree.root, 'holds no pair of an IDX file of images and one of labels')
  }
  return pairs
}

async function readShape(tree: SourceTree, file: string): Promise<readonly number[]> {
  await using input = await tree.open(file)
  let start: Uint8Array
  try {
    start = await readStart(input, 20)
  } catch (error) {
    throw refuse(file, `is not a readable IDX file (${reasonOf(error)})`)
  }
  if (start.byteLength < 8 || start[0] !== 0 || start[1] !== 0) throw refuse(file, 'is not an IDX file')
  if (start[2] !== unsignedByte)
    throw refuse(file, `holds elements of the type ${start[2]}; only unsigned bytes (8) are read`)
  const dimensions = start[3]
  if (dimensions < 1 || dimensions > 4 || start.byteLength < 4 + 4 * dimensions)
    throw refuse(file, `has ${dimensions} dimensions in its header, which is not read`)
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength)
  const shape = Array.from({ length: dimensions }, (_, axis) => view.getUint32(4 + 4 * axis))
  if (shape[0] > maxCount) throw refuse(file, `says it holds ${grouped(shape[0])} elements, which no data set has`)
  if (!(await isGzip(input))) {
    const needed = shape.reduce((product, length) => product * length, 1) + 4 + 4 * dimensions
    if (needed > input.size && dimensions === 1)
      throw refuse(file, `is truncated: its header says ${grouped(needed)} bytes, and it has ${grouped(input.size)}`)
  }
  return shape
}

async function contentOf(input: InputFile): Promise<AsyncIterable<Uint8Array>> {
  return (await isGzip(input)) ? gunzipPieces(input) : readPieces(input)
}

async function readStart(input: InputFile, length: number): Promise<Uint8Array> {
  if (!(await isGzip(input))) return await input.read(0, Math.min(length, input.size))
  const reader = new ByteReader(gunzipPieces(input))
  try {
    return await reader.take(length)
  } finally {
    await reader.close()
  }
}

/** Up to `length` bytes behind a header: grown as they come, since the header may lie. */
async function readAll(reader: ByteReader, file: string, header: number, length: number): Promise<Uint8Array> {
  try {
    await reader.skip(header)
    const pieces: Uint8Array[] = []
    let total = 0
    while (total < length) {
      const piece = await reader.take(Math.min(1 << 20, length - total))
      if (piece.byteLength === 0) break
      pieces.push(piece)
      total += piece.byteLength
    }
    return Buffer.concat(pieces)
  } catch (error) {
    throw refuse(file, `is damaged (${reasonOf(error)})`)
  } finally {
    await reader.close()
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function refuse(file: string, what: string): AppError {
  return new AppError('bad-input', `${quoted(file, 200)} ${what}.`, {
    hint: 'IDX files come in pairs, for example train-images-idx3-ubyte and train-labels-idx1-ubyte, packed with gzip or not.',
  })
}
