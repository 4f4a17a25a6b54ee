import { describe, expect, it } from 'vitest'
import { nearestNeighbours, nearestTo } from '#main/workbench/datasets/nearest-neighbours.ts'
import { Random } from '#shared/random.ts'

const width = 6

/** Clouds around a dozen places, as images of a dozen kinds. */
function clouds(count: number): Float32Array {
  const random = Random.of(3, 'clouds')
  const places = Array.from({ length: 12 * width }, () => 8 * random.normal())
  return Float32Array.from({ length: count * width }, (_, at) => {
    const cloud = Math.floor(at / width) % 12
    return places[cloud * width + (at % width)] + random.normal()
  })
}

/** By sorting all of them: nothing of the search itself. */
function sorted(coordinates: Float32Array, of: number, k: number): readonly number[] {
  const row = (at: number): Float32Array => coordinates.subarray(at * width, (at + 1) * width)
  return Array.from({ length: coordinates.length / width }, (_, other) => ({
    other,
    distance: Math.hypot(...row(of).map((value, i) => value - row(other)[i])),
  }))
    .filter(({ other }) => other !== of)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, k)
    .map(({ other }) => other)
}

describe('nearest neighbours', () => {
  it('of a row on a line are the next ones, with their distances, ties by number', () => {
    const line = Float32Array.from([0, 1, 3, 6, 2])
    expect(nearestTo(line, 1, 1, 3)).toEqual([
      { row: 0, distance: 1 },
      { row: 4, distance: 1 },
      { row: 2, distance: 2 },
    ])
    expect(nearestTo(line, 1, 3, 10).map(({ row }) => row)).toEqual([2, 4, 1, 0])
  })

  it('of a small set are exact, nearest first, and never a row itself; what is missing is -1', async () => {
    const coordinates = clouds(400)
    const { indices, distances } = await nearestNeighbours(coordinates, width, 5)
    for (const of of [0, 7, 399]) expect([...indices.subarray(of * 5, of * 5 + 5)]).toEqual(sorted(coordinates, of, 5))
    for (let at = 1; at < 5; at++) expect(distances[at]).toBeGreaterThanOrEqual(distances[at - 1])
    const few = await nearestNeighbours(Float32Array.from([1, 2]), 1, 3)
    expect([...few.indices]).toEqual([1, -1, -1, 0, -1, -1])
    expect([...few.distances]).toEqual([1, Infinity, Infinity, 1, Infinity, Infinity])
  })

  it('of a large set, searched by cells, are nearly all found', async () => {
    const coordinates = clouds(4000)
    const { indices } = await nearestNeighbours(coordinates, width, 10)
    let found = 0
    for (let of = 0; of < 4000; of += 40) {
      const near = new Set(indices.subarray(of * 10, of * 10 + 10))
      found += sorted(coordinates, of, 10).filter((other) => near.has(other)).length
    }
    expect(found / 1000).toBeGreaterThan(0.95)
  })

  it('are the same at every call', async () => {
    const coordinates = clouds(3500)
    expect(await nearestNeighbours(coordinates, width, 4)).toEqual(await nearestNeighbours(coordinates, width, 4))
  })
})
