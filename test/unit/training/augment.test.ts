import { describe, expect, it } from 'vitest'
import { copyView, cropBorder, drawViews } from '#main/compute/worker/data/augment.ts'
import { Random } from '#shared/random.ts'

/** Two channels, three columns, two rows; behind another image. */
const size = { height: 2, width: 3, channels: 2 }
const bytes = Uint8Array.from([...new Array<number>(12).fill(99), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
const seen = (flip: boolean, down: number, right: number): number[] => {
  const target = new Uint8Array(12).fill(77)
  copyView(target, bytes, 12, size, { flip, down, right })
  return [...target]
}

describe('a view of an image', () => {
  it('without flip and shift is the image', () => {
    expect(seen(false, 0, 0)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  })

  it('mirrored swaps columns and keeps channels together', () => {
    expect(seen(true, 0, 0)).toEqual([5, 6, 3, 4, 1, 2, 11, 12, 9, 10, 7, 8])
  })

  it('cropped below and to the right shows that part, and black where there is no more of it', () => {
    expect(seen(false, 1, 1)).toEqual([9, 10, 11, 12, 0, 0, 0, 0, 0, 0, 0, 0])
    expect(seen(false, -1, 0)).toEqual([0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6])
    expect(seen(false, 0, -2)).toEqual([0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 7, 8])
  })

  it('cropped and mirrored is the mirrored crop', () => {
    expect(seen(true, 0, 1)).toEqual([0, 0, 5, 6, 3, 4, 0, 0, 11, 12, 9, 10])
  })
})

describe('drawing views', () => {
  const items = Int32Array.from({ length: 4000 }, (_, i) => i)
  const drawFor = (item: number): Random => Random.of(3, 'test', item)
  const image = { height: 32, width: 40 }

  it('reaches four pixels around an image of 32, and at least one', () => {
    expect(cropBorder(image)).toBe(4)
    expect(cropBorder({ height: 28, width: 28 })).toBe(4)
    expect(cropBorder({ height: 3, width: 9 })).toBe(1)
  })

  it('flips one half and takes every corner of the border equally often', () => {
    const { flips, down, right } = drawViews('flip-crop', image, items, drawFor)
    expect(flips.reduce((sum, flip) => sum + flip, 0) / 4000).toBeCloseTo(0.5, 1)
    for (const shifts of [down, right]) {
      const counts = Map.groupBy(shifts, (shift) => shift)
      expect([...counts.keys()].toSorted((a, b) => a - b)).toEqual([-4, -3, -2, -1, 0, 1, 2, 3, 4])
      // 4000 / 9 = 444, with a standard deviation of 20.
      for (const drawn of counts.values()) expect(Math.abs(drawn.length - 444)).toBeLessThan(100)
    }
  })

  it('only flips where no crop was asked for', () => {
    const { flips, down, right } = drawViews('flip', image, items, drawFor)
    expect(new Set([...down, ...right])).toEqual(new Set([0]))
    expect(new Set(flips)).toEqual(new Set([0, 1]))
  })

  it('gives an item the same view wherever it stands', () => {
    const whole = drawViews('flip-crop', image, items, drawFor)
    const part = drawViews('flip-crop', image, Int32Array.of(17, 5, 3999), drawFor)
    for (const [i, item] of [17, 5, 3999].entries()) {
      expect([part.flips[i], part.down[i], part.right[i]]).toEqual([
        whole.flips[item],
        whole.down[item],
        whole.right[item],
      ])
    }
  })
})
