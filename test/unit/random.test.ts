import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Random } from '#shared/random.ts'

describe('seeded randomness', () => {
  test('follows the published xoshiro128** sequence from a known state', () => {
    // First outputs of Blackman and Vigna's reference code from state 1, 2, 3, 4, worked by hand:
    // rotl(2 * 5, 7) * 9 = 11520; the next state is 7, 0, 1026, 12288, so the second output is 0.
    const random = Random.restore([1, 2, 3, 4])
    expect([random.uint32(), random.uint32()]).toEqual([11520, 0])
  })

  test('gives the same stream for the same seed and labels, and another one for other labels', () => {
    const draw = (...labels: string[]): number[] => {
      const random = Random.of(7, ...labels)
      return Array.from({ length: 8 }, () => random.uint32())
    }
    expect(draw('order')).toEqual(draw('order'))
    expect(draw('order')).not.toEqual(draw('noise'))
  })

  test('goes on from a saved state bit by bit', () => {
    const random = Random.of(3)
    random.uint32()
    const resumed = Random.restore(random.state)
    expect(Array.from({ length: 5 }, () => resumed.uint32())).toEqual(Array.from({ length: 5 }, () => random.uint32()))
  })

  test('draws below a bound without bias', () => {
    const random = Random.of(11)
    const counts = [0, 0, 0]
    for (let i = 0; i < 30_000; i++) increment(counts, random.below(3))
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500)
  })

  test('draws normals of mean 0 and variance 1', () => {
    const random = Random.of(5)
    const draws = Array.from({ length: 40_000 }, () => random.normal())
    const mean = draws.reduce((sum, value) => sum + value, 0) / draws.length
    const variance = draws.reduce((sum, value) => sum + (value - mean) ** 2, 0) / draws.length
    expect(Math.abs(mean)).toBeLessThan(0.02)
    expect(Math.abs(variance - 1)).toBeLessThan(0.03)
  })

  test('shuffles into a permutation', () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(fc.integer(), { maxLength: 50 }), (seed, items) => {
        const shuffled = Random.of(seed).shuffle([...items])
        expect(shuffled.toSorted((a, b) => a - b)).toEqual(items.toSorted((a, b) => a - b))
      }),
    )
  })
})

function increment(counts: number[], index: number): void {
  counts[index] = (counts[index] ?? 0) + 1
}
