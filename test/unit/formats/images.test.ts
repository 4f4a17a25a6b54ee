import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32, deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type DecodedImage, decodeImage } from '#main/formats/images.ts'
import { AppError } from '#shared/errors.ts'

const folder = join(import.meta.dirname, 'fixtures', 'images')
const fixture = (name: string): Uint8Array => readFileSync(join(folder, name))
const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Readonly<
  Record<string, { readonly shape: readonly number[]; readonly pixels: readonly number[] }>
>

function outcomeOf(bytes: Uint8Array, maxPixels?: number): string {
  try {
    decodeImage(bytes, maxPixels === undefined ? {} : { maxPixels })
  } catch (error) {
    if (error instanceof AppError && error.code === 'bad-input') return error.message
    throw error
  }
  return 'decoded'
}

function worstDifference(image: DecodedImage, name: string): number {
  const { shape, pixels } = expected[name]
  expect([image.height, image.width, ...(image.channels === 1 ? [] : [image.channels])]).toEqual(shape)
  return Math.max(...image.pixels.map((value, i) => Math.abs(value - pixels[i])))
}

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type), data])
  const bytes = Buffer.alloc(body.length + 8)
  bytes.writeUInt32BE(data.length)
  body.copy(bytes, 4)
  bytes.writeUInt32BE(crc32(body), body.length + 4)
  return bytes
}

interface PngParts {
  readonly width: number
  readonly height: number
  readonly interlaced?: boolean
  readonly data: Uint8Array
}

/** A grey 8-bit PNG by hand. */
function pngOf({ width, height, interlaced = false, data }: PngParts): Buffer {
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, interlaced ? 1 : 0])
  header.writeUInt32BE(width)
  header.writeUInt32BE(height, 4)
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  const parts = [chunk('IHDR', header), chunk('IDAT', deflateSync(data)), chunk('IEND', Buffer.alloc(0))]
  return Buffer.concat([signature, ...parts])
}

describe('a PNG', () => {
  it.each(['rgb', 'grey', 'grey-as-rgb', 'one-bit', 'palette', 'noise', 'sixteen-bit', 'alpha'])(
    'has the very pixels that Pillow sees (%s)',
    (name) => {
      expect(worstDifference(decodeImage(fixture(`${name}.png`)), `${name}.png`)).toBe(0)
    },
  )

  it('is grey when all its pixels are, even if it is coded in colour', () => {
    expect(decodeImage(fixture('grey-as-rgb.png')).channels).toBe(1)
    expect(decodeImage(fixture('rgb.png')).channels).toBe(3)
  })

  it('may be interlaced', () => {
    // Adam7: x start, y start, x step, y step of the seven passes (PNG specification, 8.2).
    const passes = [
      [0, 0, 8, 8],
      [4, 0, 8, 8],
      [0, 4, 4, 8],
      [2, 0, 4, 4],
      [0, 2, 2, 4],
      [1, 0, 2, 2],
      [0, 1, 1, 2],
    ] as const
    const value = (x: number, y: number): number => 16 * y + x
    const rows: number[] = []
    for (const [startX, startY, stepX, stepY] of passes) {
      for (let y = startY; y < 8; y += stepY) {
        rows.push(0)
        for (let x = startX; x < 8; x += stepX) rows.push(value(x, y))
      }
    }
    const image = decodeImage(pngOf({ width: 8, height: 8, interlaced: true, data: Uint8Array.from(rows) }))
    expect([...image.pixels]).toEqual(Array.from({ length: 64 }, (_, i) => value(i % 8, Math.floor(i / 8))))
  })

  it('is read although something follows its end', () => {
    const bytes = Buffer.concat([fixture('grey.png'), Buffer.from('appended by a camera')])
    expect(decodeImage(bytes).pixels).toEqual(decodeImage(fixture('grey.png')).pixels)
  })

  it('is refused before decoding when its header claims more pixels than the cap', () => {
    expect(outcomeOf(pngOf({ width: 100_000, height: 100_000, data: new Uint8Array(10) }))).toMatch(
      /^too large: 100,000 by 100,000 pixels/,
    )
    expect(outcomeOf(fixture('rgb.png'), 12 * 17 - 1)).toMatch(/^too large/)
    expect(outcomeOf(fixture('rgb.png'), 12 * 17)).toBe('decoded')
  })

  it('is refused when it is a bomb: small picture, endless data', () => {
    const data = new Uint8Array(50_000_000)
    expect(outcomeOf(pngOf({ width: 4, height: 4, interlaced: true, data }))).toMatch(/^a damaged PNG/)
  })

  it('is refused when it has too few pixels, two headers, or no size', () => {
    expect(outcomeOf(pngOf({ width: 4, height: 4, data: new Uint8Array(7) }))).toMatch(/^a damaged PNG/)
    const small = pngOf({ width: 1, height: 1, data: new Uint8Array(2) })
    expect(outcomeOf(small)).toBe('decoded')
    const twice = Buffer.concat([
      small.subarray(0, 33),
      pngOf({ width: 60_000, height: 60_000, data: new Uint8Array(2) }).subarray(8),
    ])
    expect(outcomeOf(twice)).toBe('a damaged PNG (two headers)')
    expect(outcomeOf(pngOf({ width: 0, height: 4, data: new Uint8Array(7) }))).toMatch(/0 by 4 pixels/)
  })
})

describe('a JPEG', () => {
  // Another inverse transform may differ by a step or two of 255; chroma of 4:2:0 is repeated here, not interpolated.
  it.each([
    ['baseline-444', 4],
    ['progressive', 4],
    ['restarts', 4],
    ['grey', 2],
    ['baseline-420', 40],
    ['cmyk', 10],
  ])('looks as Pillow sees it (%s)', (name, tolerance) => {
    expect(worstDifference(decodeImage(fixture(`${name}.jpg`)), `${name}.jpg`)).toBeLessThanOrEqual(tolerance)
  })

  it.each([2, 3, 4, 5, 6, 7, 8])('is turned upright by EXIF orientation %i', (orientation) => {
    const name = `orientation-${orientation}.jpg`
    expect(worstDifference(decodeImage(fixture(name)), name)).toBeLessThanOrEqual(2)
  })

  it('of one channel is grey', () => {
    expect(decodeImage(fixture('grey.jpg')).channels).toBe(1)
  })

  it('is refused before decoding when its header claims more pixels than the cap', () => {
    const bytes = Uint8Array.from(fixture('grey.jpg'))
    const frame = Buffer.from(bytes).indexOf(Buffer.from([0xff, 0xc0]))
    bytes.set([0xff, 0xff, 0xff, 0xff], frame + 5)
    expect(outcomeOf(bytes)).toMatch(/^too large: 65,535 by 65,535 pixels/)
  })

  it('of a thousand scans is refused', () => {
    const bytes = Buffer.from(fixture('grey.jpg'))
    const scan = bytes.indexOf(Buffer.from([0xff, 0xda]))
    const end = bytes.length - 2
    const scans = Array.from({ length: 1000 }, () => bytes.subarray(scan, end))
    expect(outcomeOf(Buffer.concat([bytes.subarray(0, scan), ...scans, bytes.subarray(end)]))).toMatch(
      /more than 100 scans/,
    )
  })
})

describe('what is no readable image', () => {
  it.each(['rgb.png', 'palette.png', 'baseline-420.jpg', 'progressive.jpg', 'restarts.jpg', 'orientation-6.jpg'])(
    'is refused as truncated wherever it was cut off (%s)',
    (name) => {
      const bytes = fixture(name)
      for (let length = 0; length < bytes.length; length++) {
        expect(outcomeOf(bytes.subarray(0, length)), `${length} bytes`).toMatch(/truncated|empty file|not an image/)
      }
    },
  )

  it.each([
    ['picture.gif', 'a GIF image; only PNG and JPEG are read'],
    ['picture.webp', 'a WebP image; only PNG and JPEG are read'],
    ['make-fixtures.py', 'not an image; only PNG and JPEG are read'],
  ])('%s is called what it is', (name, sentence) => {
    expect(outcomeOf(fixture(name))).toBe(sentence)
  })

  it('is refused or decoded, never anything else, whatever changed in it', () => {
    for (const name of ['palette.png', 'rgb.png', 'baseline-420.jpg', 'progressive.jpg', 'orientation-3.jpg']) {
      const original = fixture(name)
      const change = fc.tuple(fc.nat(original.length - 1), fc.nat(255))
      fc.assert(
        fc.property(fc.array(change, { minLength: 1, maxLength: 5 }), (changes) => {
          const bytes = Uint8Array.from(original)
          for (const [at, value] of changes) bytes[at] = value
          outcomeOf(bytes, 1_000_000)
        }),
        { numRuns: 300 },
      )
    }
  })
})
