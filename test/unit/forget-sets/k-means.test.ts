import { describe, expect, it } from 'vitest'
import { kMeans } from '#main/workbench/samples/k-means.ts'
import { Random } from '#shared/random.ts'

const at = (...points: (readonly [number, number])[]): Float32Array => Float32Array.from(points.flat())

/** The least sum of squared distances over all ways to put the points into `count` clusters. */
function leastInertia(points: Float32Array, width: number, count: number): number {
  const n = points.length / width
  let least = Number.POSITIVE_INFINITY
  for (let way = 0; way < count ** n; way++) {
    const codes = Array.from({ length: n }, (_, i) => Math.floor(way / count ** i) % count)
    let inertia = 0
    for (let c = 0; c < count; c++) {
      const members = codes.flatMap((code, i) => (code === c ? [i] : []))
      for (let k = 0; k < width; k++) {
        const mean = members.reduce((sum, i) => sum + points[i * width + k], 0) / Math.max(1, members.length)
        for (const i of members) inertia += (points[i * width + k] - mean) ** 2
      }
    }
    least = Math.min(least, inertia)
  }
  return least
}

describe('k-means', () => {
  it('finds groups that lie apart, numbers them by size and names the points in their middle', () => {
    const points = at([0, 0], [9, 9], [0, 2], [0, 1], [9, 7], [9, 8.1], [0, 0.8], [-50, 3])
    const { codes, counts, nearest } = kMeans(points, 2, 3, Random.of(1, 'test'))
    expect([...codes]).toEqual([0, 1, 0, 0, 1, 1, 0, 2])
    expect(counts).toEqual([4, 3, 1])
    // Centres (0, 0.95), (9, 8.033) and the point itself.
    expect(nearest).toEqual([[3, 6, 0, 2], [5, 1, 4], [7]])
  })

  it('comes to the best of all partitions of a few points', () => {
    for (let seed = 0; seed < 20; seed++) {
      const random = Random.of(seed, 'points')
      const points = Float32Array.from({ length: 16 }, () => Math.round(20 * random.uniform()))
      const { inertia } = kMeans(points, 2, 2, Random.of(1, 'test'))
      expect(inertia, `seed ${seed}`).toBeLessThanOrEqual(1.25 * leastInertia(points, 2, 2) + 1e-9)
    }
  })

  it('gives the same clusters for the same seed', () => {
    const random = Random.of(3, 'points')
    const points = Float32Array.from({ length: 900 }, () => random.normal())
    const run = (seed: number) => kMeans(points, 3, 7, Random.of(seed, 'test'))
    expect(run(1)).toEqual(run(1))
    expect(run(1).counts.reduce((sum, count) => sum + count)).toBe(300)
    expect(run(1).counts).toEqual(run(1).counts.toSorted((a, b) => b - a))
  })

  it('leaves clusters empty only where there are fewer different points than clusters', () => {
    const same = kMeans(at([1, 1], [1, 1], [1, 1], [2, 2]), 2, 3, Random.of(1, 'test'))
    expect(same.counts.filter((count) => count === 0)).toHaveLength(same.counts.length - new Set(same.codes).size)
    expect(same.inertia).toBe(0)
    const apart = kMeans(at([0, 0], [1, 0], [2, 0], [9, 0]), 2, 4, Random.of(1, 'test'))
    expect(apart.counts).toEqual([1, 1, 1, 1])
  })
})
