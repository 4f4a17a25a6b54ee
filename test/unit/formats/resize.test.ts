import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DecodedImage } from '#main/formats/images.ts'
import { fitToSquare } from '#main/formats/resize.ts'

function grey(width: number, pixels: readonly number[]): DecodedImage {
  return { width, height: pixels.length / width, channels: 1, pixels: Uint8Array.from(pixels) }
}

const anyImage = fc
  .record({ width: fc.integer({ min: 1, max: 20 }), height: fc.integer({ min: 1, max: 20 }) })
  .chain(({ width, height }) =>
    fc
      .uint8Array({ minLength: width * height, maxLength: width * height })
      .map((pixels): DecodedImage => ({ width, height, channels: 1, pixels })),
  )

describe('shrinking', () => {
  it('averages whole blocks, halves rounded up', () => {
    const image = grey(4, [0, 10, 1, 2, 20, 30, 2, 1, 255, 255, 0, 0, 255, 255, 0, 1])
    // (0+10+20+30)/4 = 15; (1+2+2+1)/4 = 1.5; 255; (0+0+0+1)/4 = 0.25
    expect([...fitToSquare(image, 2)]).toEqual([15, 2, 255, 0])
  })

  it('weighs pixels by the area they cover when blocks are not whole', () => {
    // 3 to 2: each target pixel covers one and a half source pixels on a side.
    const row = [90, 30, 0]
    // left: (90 * 1 + 30 * .5) / 1.5 = 70; right: (30 * .5 + 0) / 1.5 = 10
    expect([...fitToSquare(grey(3, [...row, ...row, ...row]), 2)]).toEqual([70, 10, 70, 10])
  })
})

describe('growing', () => {
  it('is bilinear between pixel centres, with the edges repeated', () => {
    // 2 to 4: centres at .25, .75 of the way between the two pixels, the outer ones beyond them.
    expect([...fitToSquare(grey(2, [0, 100, 0, 100]), 4)].slice(0, 4)).toEqual([0, 25, 75, 100])
  })

  it('makes a single pixel a plain square', () => {
    expect([...fitToSquare(grey(1, [77]), 3)]).toEqual(Array(9).fill(77))
  })
})

describe('cropping', () => {
  it('takes the centred square of a wide image and of a high one', () => {
    expect([...fitToSquare(grey(4, [1, 2, 3, 4, 5, 6, 7, 8]), 2)]).toEqual([2, 3, 6, 7])
    expect([...fitToSquare(grey(2, [1, 2, 3, 4, 5, 6, 7, 8]), 2)]).toEqual([3, 4, 5, 6])
  })

  it('leaves an image of the right size as it is', () => {
    const image = grey(3, [1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(fitToSquare(image, 3)).toEqual(image.pixels)
  })
})

describe('any resizing', () => {
  it('keeps a plain colour exactly', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        fc.nat(255),
        (side, size, value) => {
          expect(fitToSquare(grey(side, Array(side * side).fill(value)), size).every((pixel) => pixel === value)).toBe(
            true,
          )
        },
      ),
    )
  })

  it('treats every channel as it treats a grey image', () => {
    fc.assert(
      fc.property(anyImage, fc.integer({ min: 1, max: 24 }), (image, size) => {
        const pixels = new Uint8Array(image.pixels.length * 3)
        image.pixels.forEach((value, i) => pixels.set([value, 255 - value, 7], 3 * i))
        const rgb = fitToSquare({ ...image, channels: 3, pixels }, size)
        const alone = fitToSquare(image, size)
        expect(rgb.filter((_, i) => i % 3 === 0)).toEqual(alone)
        expect(rgb.every((value, i) => i % 3 !== 2 || value === 7)).toBe(true)
      }),
    )
  })

  it('stays within the darkest and the brightest pixel', () => {
    fc.assert(
      fc.property(anyImage, fc.integer({ min: 1, max: 24 }), (image, size) => {
        const result = fitToSquare(image, size)
        expect(Math.min(...result)).toBeGreaterThanOrEqual(Math.min(...image.pixels))
        expect(Math.max(...result)).toBeLessThanOrEqual(Math.max(...image.pixels))
      }),
    )
  })
})
