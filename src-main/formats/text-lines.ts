import { AppError } from '#shared/errors.ts'
import { readPieces } from './gunzip.ts'
import type { InputFile } from './input-file.ts'
import { grouped, quoted } from './text.ts'

/** A row of a real table has a few kilobytes, one of a large image's pixels a megabyte. */
export const maxLineBytes = 4 * 2 ** 20

export interface TextLine {
  /** Of its first byte. */
  readonly offset: number
  readonly bytes: Uint8Array
}

/**
 * The lines of a file as bytes, without their ends (LF or CRLF), and without a UTF-8 byte order mark.
 * @throws AppError `bad-input` for a line longer than `maxLineBytes`, and for UTF-16.
 */
export async function* readLines(file: InputFile): AsyncGenerator<readonly TextLine[]> {
  let rest: Uint8Array = new Uint8Array(0)
  let offset = 0
  let first = true
  for await (const piece of readPieces(file)) {
    let bytes = rest.byteLength === 0 ? piece : Buffer.concat([rest, piece])
    if (first) {
      first = false
      if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) throw notUtf8(file.path)
      if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
        bytes = bytes.subarray(3)
        offset = 3
      }
    }
    const lines: TextLine[] = []
    let start = 0
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
      lines.push(lineOf(file, bytes, start, end, offset))
      start = end + 1
    }
    offset += start
    rest = bytes.subarray(start)
    if (rest.byteLength > maxLineBytes) throw tooLong(file.path)
    if (lines.length > 0) yield lines
  }
  if (rest.byteLength > 0) yield [lineOf(file, rest, 0, rest.byteLength, offset)]
}

function lineOf(file: InputFile, bytes: Uint8Array, start: number, end: number, offset: number): TextLine {
  if (end - start > maxLineBytes) throw tooLong(file.path)
  const last = end > start && bytes[end - 1] === 0x0d ? end - 1 : end
  return { offset: offset + start, bytes: bytes.subarray(start, last) }
}

function tooLong(path: string): AppError {
  return new AppError(
    'bad-input',
    `${quoted(path, 200)} has a line of more than ${grouped(maxLineBytes / 2 ** 20)} MiB.`,
    {
      hint: 'It is no table of images, or its line ends are missing.',
      details: { file: path },
    },
  )
}

export function notUtf8(path: string): AppError {
  return new AppError('bad-input', `${quoted(path, 200)} is not UTF-8 text.`, {
    hint: 'Save it as UTF-8.',
    details: { file: path },
  })
}
