import type { InputFile } from '#main/formats/input-file.ts'
import { quoted } from '#main/formats/text.ts'
import { readLines } from '#main/formats/text-lines.ts'
import { AppError } from '#shared/errors.ts'
import { rawImage } from './array-images.ts'
import type { LeftOut } from './left-out.ts'
import type { LoadedImage, SampleEntry, SampleSource } from './sample-source.ts'
import type { SourceTree } from './source-tree.ts'

/** As `mnist_train.csv`: a label and then h x w (grey) or h x w x 3 (colour) whole numbers a row. */
export interface PixelLayout {
  readonly side: number
  readonly channels: 1 | 3
  /** The label's column: the first or the last. */
  readonly labelAt: 'first' | 'last'
  readonly hasHeader: boolean
}

/** Whether the first lines of a file are such a table; `null` when they aren't. */
export function pixelLayoutOf(lines: readonly string[]): PixelLayout | null {
  const [first, second] = lines.map((line) => line.split(/[,;\t]/))
  if (first === undefined) return null
  const isNumber = (cell: string): boolean => /^\s*\d{1,3}\s*$/.test(cell)
  const hasHeader = !first.slice(1).every(isNumber)
  const cells = hasHeader ? second : first
  if (cells === undefined || cells.length < 17) return null
  const shape = squareOf(cells.length - 1)
  if (shape === null) return null
  const label = /^"?(?:label|class|target|y)"?$/i
  const labelAt =
    hasHeader && !label.test(first[0].trim()) && label.test(first[first.length - 1].trim()) ? 'last' : 'first'
  const pixels = labelAt === 'first' ? cells.slice(1) : cells.slice(0, -1)
  return pixels.every(isNumber) ? { ...shape, labelAt, hasHeader } : null
}

function squareOf(values: number): { readonly side: number; readonly channels: 1 | 3 } | null {
  for (const channels of [1, 3] as const) {
    const side = Math.sqrt(values / channels)
    if (Number.isInteger(side)) return { side, channels }
  }
  return null
}

interface Row {
  readonly offset: number
  readonly length: number
}

/**
 * A table of pixels. One pass finds the rows and their labels, the second one, by offsets, the pixels.
 * @throws AppError `bad-input` when it is no text, or has a line of several megabytes.
 */
export async function openCsvPixelSource(tree: SourceTree, file: string, layout: PixelLayout): Promise<SampleSource> {
  const input = await tree.open(file)
  try {
    const { side, channels } = layout
    const count = side * side * channels
    const leftOut: LeftOut[] = []
    const rows: Row[] = []
    const labels: string[] = []
    let line = 0
    for await (const lines of readLines(input)) {
      for (const { offset, bytes } of lines) {
        line++
        if (bytes.byteLength === 0 || (line === 1 && layout.hasHeader)) continue
        const label = labelOf(bytes, layout.labelAt)
        if (label === null) leftOut.push({ path: `${file}:${line}`, reason: 'has no label', hidden: false })
        else {
          rows.push({ offset, length: bytes.byteLength })
          labels.push(label)
        }
      }
    }
    if (rows.length === 0)
      throw new AppError('bad-input', `${quoted(file, 200)} holds no rows of pixels.`, {
        hint: 'Each row is a label and the pixels of one image.',
      })
    const digits = String(rows.length - 1).length
    const split = /test/i.test(file) ? 'test' : /train/i.test(file) ? 'train' : null
    const entries = labels.map(
      (className, row): SampleEntry => ({ name: String(row).padStart(digits, '0'), className, givenSplit: split }),
    )
    return {
      format: 'csv',
      entries,
      classNames: null,
      groups: [],
      leftOut,
      load: (indices) =>
        loadRows(input, rows, indices, (bytes) => {
          const pixels = new Uint8Array(count)
          return parsePixels(bytes, layout.labelAt, pixels) ? rawImage(pixels, side, side, channels) : null
        }),
      async [Symbol.asyncDispose]() {
        await input[Symbol.asyncDispose]()
        await tree[Symbol.asyncDispose]()
      },
    }
  } catch (error) {
    await input[Symbol.asyncDispose]()
    throw error
  }
}

async function* loadRows(
  input: InputFile,
  rows: readonly Row[],
  indices: readonly number[] | null,
  decode: (bytes: Uint8Array) => LoadedImage['image'],
): AsyncGenerator<LoadedImage> {
  const wanted = indices ?? rows.keys().toArray()
  for (let at = 0; at < wanted.length; ) {
    // Rows that lie within a megabyte or so come in one read.
    const start = rows[wanted[at]].offset
    let end = at
    while (end < wanted.length && (end === at || rows[wanted[end]].offset + rows[wanted[end]].length - start < 2 ** 20))
      end++
    const last = rows[wanted[end - 1]]
    const bytes = await input.read(start, last.offset + last.length - start)
    for (; at < end; at++) {
      const { offset, length } = rows[wanted[at]]
      const image = decode(bytes.subarray(offset - start, offset - start + length))
      yield { index: wanted[at], image, reason: 'not as many whole numbers from 0 to 255 as an image has pixels' }
    }
  }
}

const isDelimiter = (byte: number): boolean => byte === 0x2c || byte === 0x3b || byte === 0x09

function labelOf(bytes: Uint8Array, labelAt: PixelLayout['labelAt']): string | null {
  let [start, end] = [0, bytes.byteLength]
  if (labelAt === 'first') {
    end = bytes.findIndex(isDelimiter)
  } else {
    start = bytes.findLastIndex(isDelimiter) + 1
  }
  if (end < 0 || end - start > 200) return null
  try {
    const text = new TextDecoder('utf-8', { fatal: true })
      .decode(bytes.subarray(start, end))
      .trim()
      .replace(/^"(.*)"$/, '$1')
    return text === '' || /[\p{Cc}]/u.test(text) ? null : text
  } catch {
    return null
  }
}

/** @returns whether exactly as many values from 0 to 255 were there. */
function parsePixels(bytes: Uint8Array, labelAt: PixelLayout['labelAt'], into: Uint8Array): boolean {
  const from = labelAt === 'first' ? bytes.findIndex(isDelimiter) + 1 : 0
  const to = labelAt === 'first' ? bytes.byteLength : bytes.findLastIndex(isDelimiter)
  let index = 0
  let value = -1
  for (let at = from; at <= to; at++) {
    const byte = at === to ? 0x2c : bytes[at]
    if (byte >= 0x30 && byte <= 0x39) {
      value = (value < 0 ? 0 : value * 10) + byte - 0x30
      if (value > 255) return false
    } else if (isDelimiter(byte)) {
      if (value < 0 || index >= into.length) return false
      into[index++] = value
      value = -1
    } else if (byte !== 0x20) return false
  }
  return index === into.length
}
