import { AppError } from '#shared/errors.ts'
import type { ByteReader } from './byte-reader.ts'

/**
 * POSIX ustar and pax (IEEE 1003.1, pax interchange format), and the long names of GNU tar. Our own, because an archive is a
 * stranger's: extended headers are bounded before they are read, a file's bytes are pulled when they are wanted, and
 * names that aren't UTF-8 are kept.
 */
const blockBytes = 512
/** Of an extended header; real ones have a few hundred bytes. */
const maxExtendedBytes = 64 * 1024

export interface TarEntry {
  readonly name: string
  readonly size: number
  readonly kind: 'file' | 'folder' | 'symbolic link' | 'hard link' | 'special file'
}

/**
 * Reads entry after entry; the caller takes exactly `size` bytes of each from the reader before it asks for the next.
 * @throws AppError `bad-input` for what is no tar archive, is truncated, or says impossible things.
 */
export async function* tarEntries(reader: ByteReader): AsyncGenerator<TarEntry> {
  let given: { readonly path?: string | undefined; readonly size?: number | undefined } = {}
  let entries = 0
  for (;;) {
    const block = await reader.take(blockBytes)
    if (block.byteLength === 0 && entries > 0) return
    if (block.byteLength < blockBytes) throw damaged('it ends in a header')
    if (block.every((byte) => byte === 0)) return
    if (!checksumMatches(block)) throw damaged('a header does not match its checksum')
    entries++
    const type = String.fromCharCode(block[156])
    const size = given.size ?? numberOf(block, 124, 12)
    if (type === 'x' || type === 'g' || type === 'L' || type === 'K') {
      const length = numberOf(block, 124, 12)
      if (length > maxExtendedBytes) throw damaged(`an extended header of ${length} bytes`)
      const content = await reader.take(padded(length))
      if (content.byteLength < padded(length)) throw damaged('it ends in an extended header')
      const bytes = content.subarray(0, length)
      if (type === 'x') given = { ...given, ...parsePax(bytes) }
      else if (type === 'L') given = { ...given, path: textOf(bytes) }
      continue
    }
    const prefix = textAt(block, 257, 5) === 'ustar' && block[263] === 0x30 ? textAt(block, 345, 155) : ''
    const own = textAt(block, 0, 100)
    const name = given.path ?? (prefix === '' ? own : `${prefix}/${own}`)
    given = {}
    const kind = kindOf(type, name)
    const content = kind === 'file' ? size : 0
    yield { name, size: content, kind }
    const rest = kind === 'file' ? padded(size) - size : padded(numberOf(block, 124, 12))
    // Links and folders say a size at times and have no content; nobody but hostile writers gives them some.
    if (kind === 'file' && rest > 0 && !(await reader.skip(rest))) throw damaged('it ends in a file')
  }
}

function kindOf(type: string, name: string): TarEntry['kind'] {
  if (type === '5' || ((type === '0' || type === '\0') && name.endsWith('/'))) return 'folder'
  if (type === '0' || type === '\0' || type === '7') return 'file'
  if (type === '2') return 'symbolic link'
  if (type === '1') return 'hard link'
  return 'special file'
}

function padded(size: number): number {
  return Math.ceil(size / blockBytes) * blockBytes
}

function checksumMatches(block: Uint8Array): boolean {
  let sum = 0
  for (let i = 0; i < blockBytes; i++) sum += i >= 148 && i < 156 ? 32 : block[i]
  return sum === octal(textAt(block, 148, 8))
}

/** Octal text, or big-endian binary where the first bit is set (GNU). */
function numberOf(block: Uint8Array, at: number, length: number): number {
  if ((block[at] & 0x80) === 0) {
    const value = octal(textAt(block, at, length))
    if (!Number.isSafeInteger(value)) throw damaged('a size that is no number')
    return value
  }
  let value = block[at] & 0x7f
  for (let i = at + 1; i < at + length; i++) value = value * 256 + block[i]
  if (!Number.isSafeInteger(value)) throw damaged('an impossible size')
  return value
}

function octal(text: string): number {
  const digits = text.trim()
  return digits === '' ? 0 : /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN
}

function textAt(block: Uint8Array, at: number, length: number): string {
  return textOf(block.subarray(at, at + length))
}

function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  const content = end < 0 ? bytes : bytes.subarray(0, end)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content)
  } catch {
    return Buffer.from(content).toString('latin1')
  }
}

/** Records `LENGTH KEY=VALUE\n`. */
function parsePax(bytes: Uint8Array): { readonly path?: string; readonly size?: number } {
  const result: { path?: string; size?: number } = {}
  for (let at = 0; at < bytes.byteLength; ) {
    const space = bytes.indexOf(0x20, at)
    const length = space < 0 ? Number.NaN : Number(textOf(bytes.subarray(at, space)))
    if (!Number.isInteger(length) || length < 5 || at + length > bytes.byteLength)
      throw damaged('an extended header that is none')
    const record = textOf(bytes.subarray(space + 1, at + length - 1))
    const equals = record.indexOf('=')
    const [key, value] = [record.slice(0, equals), record.slice(equals + 1)]
    if (key === 'path') result.path = value
    if (key === 'size') {
      if (!/^\d{1,15}$/.test(value)) throw damaged('a size that is no number')
      result.size = Number(value)
    }
    at += length
  }
  return result
}

function damaged(what: string): AppError {
  return new AppError('bad-input', `not a readable tar archive: ${what}`)
}
