import { describe, expect, it } from 'vitest'
import { nearestNeighbours } from '#main/workbench/datasets/nearest-neighbours.ts'
import { fuzzyGraph, layOut, startingPlaces } from '#main/workbench/samples/umap.ts'
import { Random } from '#shared/random.ts'

describe('the fuzzy graph', () => {
  it('gives the nearest neighbour 1, all of a point log2(k + 1), and joins both directions', () => {
    // Points 0, 1, 3 on a line, two neighbours each.
    const indices = Int32Array.of(1, 2, 0, 2, 1, 0)
    const distances = Float32Array.of(1, 3, 1, 2, 2, 3)
    const { from, to, weights } = fuzzyGraph(indices, distances, 2)
    const of = (i: number, j: number): number => weights[from.findIndex((first, at) => first === i && to[at] === j)]
    expect(from).toHaveLength(6)
    // Each point's second neighbour weighs log2(3) - 1 for it; nearest ones weigh 1, and 1 + w - w = 1.
    const second = Math.log2(3) - 1
    expect(of(0, 1)).toBeCloseTo(1, 4)
    expect(of(1, 2)).toBeCloseTo(1, 4)
    expect(of(0, 2)).toBeCloseTo(2 * second - second * second, 4)
    for (const [i, j] of [
      [0, 1],
      [1, 2],
      [0, 2],
    ])
      expect(of(j, i)).toBe(of(i, j))
  })
})

describe('the layout', () => {
  /** Three clouds far apart in ten dimensions; points i, i + 3, … are of one. */
  async function laidOut(seed: number): Promise<Float32Array> {
    const width = 10
    const made = Random.of(5, 'clouds')
    const rows = Float32Array.from({ length: 300 * width }, (_, at) => {
      const cloud = Math.floor(at / width) % 3
      return (at % width === cloud ? 40 : 0) + made.normal()
    })
    const { indices, distances } = await nearestNeighbours(rows, width, 15)
    const random = Random.of(seed, 'umap')
    const places = startingPlaces(rows, width, random)
    expect([...layOut(places, fuzzyGraph(indices, distances, 15), 100, random)]).toHaveLength(100)
    return places
  }

  it('keeps what is alike together and what is not apart', async () => {
    const places = await laidOut(1)
    const distance = (i: number, j: number): number =>
      Math.hypot(places[2 * i] - places[2 * j], places[2 * i + 1] - places[2 * j + 1])
    for (let i = 0; i < 300; i++) {
      const order = Array.from({ length: 300 }, (_, j) => j).sort((p, q) => distance(i, p) - distance(i, q))
      expect(order.slice(0, 16).filter((j) => j % 3 === i % 3).length).toBe(16)
    }
    expect(places.every(Number.isFinite)).toBe(true)
  })

  it('comes from the seed alone', async () => {
    expect(await laidOut(2)).toEqual(await laidOut(2))
    expect(await laidOut(2)).not.toEqual(await laidOut(3))
  })
})
