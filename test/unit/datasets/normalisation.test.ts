import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { normalisation } from '#main/workbench/datasets/normalisation.ts'
import { measureImages } from '#main/workbench/datasets/stage-samples.ts'

describe('normalisation', () => {
  it('is mean and population deviation of pixels in [0, 1], per channel, of the chosen images only', () => {
    // Two images of 1x2 RGB are chosen, the middle one isn't.
    const images = Uint8Array.from([0, 51, 255, 102, 51, 255, 9, 9, 9, 9, 9, 9, 0, 102, 255, 102, 102, 255])
    const { mean, std } = normalisation(images, Int32Array.from([0, 2]), [1, 2, 3])
    // Red: 0, 102, 0, 102 -> .2, .2. Green: 51, 51, 102, 102 -> .3, .1. Blue: always 255 -> 1, and 1 for "don't divide".
    expect(mean).toEqual([expect.closeTo(0.2, 12), expect.closeTo(0.3, 12), 1])
    expect(std).toEqual([expect.closeTo(0.2, 12), expect.closeTo(0.1, 12), 1])
  })

  it('is harmless without images', () => {
    expect(normalisation(new Uint8Array(0), new Int32Array(0), [1, 1, 1])).toEqual({ mean: [0], std: [1] })
  })

  it('is the same from a blob read in pieces', async () => {
    const images = fc.uint8Array({ minLength: 300 * 6, maxLength: 300 * 6 })
    const ids = fc.uniqueArray(fc.nat(299)).map((list) => Int32Array.from(list).sort())
    await fc.assert(
      fc.asyncProperty(images, ids, async (bytes, chosen) => {
        const read = async (offset: number, length: number): Promise<Uint8Array> => {
          expect(offset + length).toBeLessThanOrEqual(bytes.length)
          return bytes.subarray(offset, offset + length)
        }
        expect(await measureImages(chosen, [2, 1, 3], read)).toEqual(normalisation(bytes, chosen, [2, 1, 3]))
      }),
      { numRuns: 30 },
    )
  })

  it('reads no more than about a megabyte at once', async () => {
    const lengths: number[] = []
    const ids = Int32Array.from({ length: 3000 }, (_, i) => 2 * i)
    await measureImages(ids, [32, 32, 3], async (_offset, length) => {
      lengths.push(length)
      return new Uint8Array(length)
    })
    expect(Math.max(...lengths)).toBeLessThanOrEqual(1 << 20)
  })
})
