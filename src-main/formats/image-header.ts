import { AppError } from '#shared/errors.ts'
import { counted } from './text.ts'

export interface ImageHeader {
  readonly format: 'png' | 'jpeg'
  /** As stored; a JPEG's `orientation` may turn it. */
  readonly width: number
  readonly height: number
  /** EXIF orientation 1..8 (1: as stored). PNG: always 1. */
  readonly orientation: number
}

/** Real progressive files have about ten; each costs a pass over the picture. */
const maxScans = 100

/**
 * Walks through an encoded image without decoding it: format, size and whether it is complete.
 * @throws AppError `bad-input` whose message says what it is, without the file's name: not a PNG or JPEG, truncated,
 * damaged, or of a kind that isn't read.
 */
export function readImageHeader(bytes: Uint8Array): ImageHeader {
  if (startsWith(bytes, 0, pngSignature)) return readPngHeader(bytes)
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return readJpegHeader(bytes)
  throw refuse(describeOther(bytes))
}

/** The bytes up to and including the end chunk: what follows isn't part of the picture. */
export function pngLength(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = pngSignature.length; at + 12 <= bytes.byteLength; ) {
    const end = at + 12 + view.getUint32(at)
    if (end > bytes.byteLength) break
    // The decoder would believe the second header, whose size nobody has checked.
    if (at > pngSignature.length && startsWith(bytes, at + 4, headerChunk)) throw refuse('a damaged PNG (two headers)')
    if (startsWith(bytes, at + 4, endChunk)) return end
    at = end
  }
  throw refuse('truncated: the PNG has no end')
}

export function refuse(reason: string, cause?: unknown): AppError {
  return new AppError('bad-input', reason, cause === undefined ? {} : { cause })
}

const ascii = (text: string): readonly number[] => [...text].map((character) => character.charCodeAt(0))
const pngSignature: readonly number[] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
const headerChunk = ascii('IHDR')
const endChunk = ascii('IEND')
const exifPrefix = [...ascii('Exif'), 0, 0]

function readPngHeader(bytes: Uint8Array): ImageHeader {
  if (bytes.byteLength < 33) throw refuse('truncated: the PNG ends in its header')
  if (!startsWith(bytes, 12, headerChunk)) throw refuse('a damaged PNG (no header)')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  pngLength(bytes)
  return { format: 'png', ...checkSize(view.getUint32(16), view.getUint32(20)), orientation: 1 }
}

/** Markers after ITU T.81, annex B: segments have a length, entropy-coded data run to the next real marker. */
function readJpegHeader(bytes: Uint8Array): ImageHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let size: { readonly width: number; readonly height: number } | null = null
  let orientation = 1
  let scans = 0
  let at = 2
  for (;;) {
    if (bytes[at] !== 0xff && at < bytes.byteLength) throw refuse('a damaged JPEG (a marker is missing)')
    while (bytes[at] === 0xff) at++
    if (at >= bytes.byteLength) throw refuse('truncated: the JPEG has no end')
    const marker = bytes[at++]
    if (marker === 0xd9) break
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) continue
    if (at + 2 > bytes.byteLength) throw refuse('truncated: the JPEG has no end')
    const length = view.getUint16(at)
    const end = at + length
    if (length < 2) throw refuse('a damaged JPEG (an impossible segment)')
    if (end > bytes.byteLength) throw refuse('truncated: the JPEG has no end')
    if (marker === 0xc0 || marker === 0xc1 || marker === 0xc2) {
      if (size !== null) throw refuse('a JPEG of several frames, which is not read')
      if (length < 8 + 3 * bytes[at + 7]) throw refuse('a damaged JPEG (an impossible frame)')
      if (bytes[at + 2] !== 8) throw refuse(`a JPEG of ${bytes[at + 2]} bits a channel, which is not read`)
      size = checkSize(view.getUint16(at + 5), view.getUint16(at + 3))
    } else if (marker >= 0xc3 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) {
      throw refuse('a lossless, hierarchical or arithmetic-coded JPEG, which is not read')
    } else if (marker === 0xe1) {
      orientation = readOrientation(bytes.subarray(at + 2, end)) ?? orientation
    }
    at = end
    if (marker === 0xda) {
      if (size === null) throw refuse('a damaged JPEG (picture data before the frame)')
      if (++scans > maxScans) throw refuse(`a JPEG of more than ${counted(maxScans, 'scan')}, which is not read`)
      at = entropyEnd(bytes, at)
    }
  }
  if (size === null || scans === 0) throw refuse('a damaged JPEG (no picture in it)')
  return { format: 'jpeg', ...size, orientation }
}

/** Where the next marker begins: inside the data 0xff is followed by 0 or a restart marker. */
function entropyEnd(bytes: Uint8Array, start: number): number {
  for (let at = bytes.indexOf(0xff, start); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1]
    if (next !== 0 && next !== 0xff && !(next >= 0xd0 && next <= 0xd7)) return at
  }
  throw refuse('truncated: the JPEG has no end')
}

/** EXIF tag 0x0112 of the first directory; null when there is none. */
function readOrientation(segment: Uint8Array): number | null {
  if (!startsWith(segment, 0, exifPrefix) || segment.byteLength < 14) return null
  const tiff = new DataView(segment.buffer, segment.byteOffset + 6, segment.byteLength - 6)
  const little = tiff.getUint16(0) === 0x4949
  const directory = tiff.getUint32(4, little)
  if (directory + 2 > tiff.byteLength) return null
  const entries = tiff.getUint16(directory, little)
  for (let i = 0; i < entries; i++) {
    const entry = directory + 2 + 12 * i
    if (entry + 12 > tiff.byteLength) return null
    if (tiff.getUint16(entry, little) !== 0x0112) continue
    const value = tiff.getUint16(entry + 8, little)
    return value >= 1 && value <= 8 ? value : null
  }
  return null
}

function checkSize(width: number, height: number): { readonly width: number; readonly height: number } {
  if (width === 0 || height === 0) throw refuse(`a damaged image (it says it is ${width} by ${height} pixels)`)
  return { width, height }
}

function describeOther(bytes: Uint8Array): string {
  const only = 'only PNG and JPEG are read'
  const known: readonly (readonly [name: string, offset: number, signature: readonly number[]])[] = [
    ['a GIF image', 0, ascii('GIF8')],
    ['a WebP image', 8, ascii('WEBP')],
    ['a BMP image', 0, ascii('BM')],
    ['a TIFF image', 0, [0x49, 0x49, 0x2a, 0]],
    ['a TIFF image', 0, [0x4d, 0x4d, 0, 0x2a]],
    ['a HEIC or AVIF image', 4, ascii('ftyp')],
    ['a JPEG XL image', 0, [0xff, 0x0a]],
    ['a JPEG 2000 image', 4, ascii('jP  ')],
    ['a PDF document', 0, ascii('%PDF')],
  ]
  if (bytes.byteLength === 0) return 'an empty file'
  const found = known.find(([, offset, signature]) => startsWith(bytes, offset, signature))
  return found === undefined ? `not an image; ${only}` : `${found[0]}; ${only}`
}

function startsWith(bytes: Uint8Array, offset: number, expected: readonly number[]): boolean {
  return expected.every((byte, i) => bytes[offset + i] === byte)
}
