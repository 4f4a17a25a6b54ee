import { inflateSync } from 'node:zlib'
import jpeg from 'jpeg-js'
import { PNG } from 'pngjs'
import type { ImageHeader } from './image-header.ts'
import { pngLength, readImageHeader, refuse } from './image-header.ts'
import { grouped } from './text.ts'

/** Beyond this an image isn't decoded: a JPEG of 40 megapixels takes about a gigabyte while it is. */
export const defaultMaxPixels = 40_000_000

export interface DecodedImage {
  readonly width: number
  readonly height: number
  /** 1 when every pixel is grey, however the file is coded; else 3 (RGB). */
  readonly channels: 1 | 3
  /** uint8 [height, width, channels]. */
  readonly pixels: Uint8Array
}

/**
 * Decodes a PNG or JPEG, told apart by content. Transparent parts are laid over white; 16-bit channels become 8-bit;
 * a JPEG is turned as its EXIF orientation says. The decoders are plain JavaScript on purpose: the pixels, and with
 * them a data set's hash, must be the same on every machine.
 * @throws AppError `bad-input` whose message says what is wrong, without the file's name. The size is checked before
 * anything is decoded.
 */
export function decodeImage(bytes: Uint8Array, options: { readonly maxPixels?: number } = {}): DecodedImage {
  const header = readImageHeader(bytes)
  const maxPixels = options.maxPixels ?? defaultMaxPixels
  if (header.width * header.height > maxPixels) {
    const size = `${grouped(header.width)} by ${grouped(header.height)} pixels`
    throw refuse(`too large: ${size}, and at most ${grouped(maxPixels)} pixels are decoded`)
  }
  const image = header.format === 'png' ? decodePng(bytes, header) : decodeJpeg(bytes, header, maxPixels)
  return orient(dropEqualChannels(image), header.orientation)
}

function decodePng(bytes: Uint8Array, header: ImageHeader): DecodedImage {
  const length = pngLength(bytes)
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, length)
  checkPixelData(bytes, length, header)
  let rgba: Uint8Array
  try {
    rgba = PNG.sync.read(buffer).data
  } catch (error) {
    throw refuse(`a damaged PNG (${reasonOf(error)})`, error)
  }
  const count = header.width * header.height
  if (rgba.byteLength !== count * 4) throw refuse('a damaged PNG (pixels are missing)')
  const pixels = new Uint8Array(count * 3)
  for (let i = 0; i < count; i++) {
    const alpha = rgba[i * 4 + 3]
    for (let channel = 0; channel < 3; channel++) {
      const value = rgba[i * 4 + channel]
      pixels[i * 3 + channel] =
        alpha === 255 ? value : Math.floor((2 * (value * alpha + 255 * (255 - alpha)) + 255) / 510)
    }
  }
  return { width: header.width, height: header.height, channels: 3, pixels }
}

/**
 * The decoder takes missing pixels for noise and inflates interlaced data without a limit: inflating once before it
 * finds both. Sizes after the PNG specification, sections 8 and 9: each row of each pass has a filter byte.
 */
function checkPixelData(bytes: Uint8Array, length: number, header: ImageHeader): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, length)
  const parts: Uint8Array[] = []
  for (let at = 8; at < length; at += 12 + view.getUint32(at)) {
    if (view.getUint32(at + 4) === dataChunk) parts.push(bytes.subarray(at + 8, at + 8 + view.getUint32(at)))
  }
  const bitsPerPixel = bytes[24] * (channelsOfColourType[bytes[25]] ?? 0)
  let needed = 0
  for (const [startX, startY, stepX, stepY] of bytes[28] === 1 ? adam7 : [[0, 0, 1, 1] as const]) {
    const columns = Math.ceil((header.width - startX) / stepX)
    const rows = Math.ceil((header.height - startY) / stepY)
    if (columns > 0 && rows > 0) needed += rows * (1 + Math.ceil((columns * bitsPerPixel) / 8))
  }
  let found: number
  try {
    found = inflateSync(Buffer.concat(parts), { maxOutputLength: needed + 1024 }).byteLength
  } catch (error) {
    throw refuse(`a damaged PNG (${reasonOf(error)})`, error)
  }
  if (found < needed) throw refuse('a damaged PNG (pixels are missing)')
}

const dataChunk = 0x49444154
const channelsOfColourType: Readonly<Record<number, number | undefined>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }
/** Start and step of the columns and rows of each pass. */
const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const

function decodeJpeg(bytes: Uint8Array, header: ImageHeader, maxPixels: number): DecodedImage {
  try {
    const decoded = jpeg.decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      // The header was checked; these bound what a file can claim that the decoder understands in another way.
      maxResolutionInMP: maxPixels / 1e6,
      maxMemoryUsageInMB: 1200,
    })
    if (decoded.width !== header.width || decoded.height !== header.height) throw new Error('two sizes')
    return { width: header.width, height: header.height, channels: 3, pixels: decoded.data }
  } catch (error) {
    throw refuse(`a damaged JPEG (${reasonOf(error)})`, error)
  }
}

/** One channel where the three are equal everywhere. */
export function dropEqualChannels(image: DecodedImage): DecodedImage {
  const { pixels } = image
  for (let i = 0; i < pixels.length; i += 3) {
    if (pixels[i] !== pixels[i + 1] || pixels[i] !== pixels[i + 2]) return image
  }
  const grey = new Uint8Array(pixels.length / 3)
  for (let i = 0; i < grey.length; i++) grey[i] = pixels[3 * i]
  return { ...image, channels: 1, pixels: grey }
}

/** EXIF 2.32, tag 274: which corner of the scene the stored first row and column are. */
function orient(image: DecodedImage, orientation: number): DecodedImage {
  if (orientation === 1) return image
  const { width, height, channels, pixels } = image
  const turned = orientation >= 5
  const flipColumns = [2, 3, 7, 8].includes(orientation)
  const flipRows = [3, 4, 6, 7].includes(orientation)
  const outWidth = turned ? height : width
  const outHeight = turned ? width : height
  const result = new Uint8Array(pixels.length)
  for (let y = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++) {
      const column = turned ? y : x
      const row = turned ? x : y
      const sourceX = flipColumns ? width - 1 - column : column
      const sourceY = flipRows ? height - 1 - row : row
      for (let channel = 0; channel < channels; channel++) {
        result[(y * outWidth + x) * channels + channel] = pixels[(sourceY * width + sourceX) * channels + channel]
      }
    }
  }
  return { width: outWidth, height: outHeight, channels, pixels: result }
}

/** The decoders' words, cut short: they may quote the file. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.replace(/\s+/g, ' ').slice(0, 100)
}
