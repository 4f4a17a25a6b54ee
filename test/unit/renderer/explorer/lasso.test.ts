import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addVertex,
  insideBox,
  insidePolygon,
  nearestPlace,
  type Vertex,
} from '../../../../src-renderer/lib/explorer/lasso.ts'
import { fitViewport, pixelOf, placesOf, zoomAt } from '../../../../src-renderer/lib/explorer/points.ts'

const places = Float32Array.of(5, 5, 15, 5, 5, 15, 15, 15, 9.9, 9.9)

describe('a lasso', () => {
  it.each<readonly [string, readonly Vertex[], readonly number[]]>([
    [
      'a square',
      [
        [0, 0],
        [10, 0],
        [10, 10],
        [0, 10],
      ],
      [0, 4],
    ],
    [
      'a square drawn the other way round',
      [
        [0, 10],
        [10, 10],
        [10, 0],
        [0, 0],
      ],
      [0, 4],
    ],
    [
      'a triangle',
      [
        [0, 0],
        [30, 0],
        [0, 30],
      ],
      [0, 1, 2, 4],
    ],
    [
      'a U, which leaves out its gap',
      [
        [0, 0],
        [20, 0],
        [20, 20],
        [12, 20],
        [12, 8],
        [8, 8],
        [8, 20],
        [0, 20],
      ],
      [0, 1, 2, 3],
    ],
    [
      'a line',
      [
        [0, 0],
        [20, 20],
      ],
      [],
    ],
    [
      'something far away',
      [
        [100, 100],
        [120, 100],
        [110, 120],
      ],
      [],
    ],
  ])('round %s', (_what, polygon, inside) => {
    expect([...insidePolygon(places, polygon)]).toEqual(inside)
  })

  it('that crosses itself holds what it goes round an odd number of times', () => {
    const bow: readonly Vertex[] = [
      [0, 0],
      [20, 20],
      [20, 0],
      [0, 20],
    ]
    expect([...insidePolygon(Float32Array.of(3, 10, 17, 10, 10, 3), bow)]).toEqual([0, 1])
  })

  it('round a convex shape holds what lies on the inner side of every edge', () =>
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.double({ min: -9, max: 9, noNaN: true }), fc.double({ min: -9, max: 9, noNaN: true })), {
          maxLength: 40,
        }),
        fc.integer({ min: 3, max: 9 }),
        (points, corners) => {
          const polygon = Array.from(
            { length: corners },
            (_, i): Vertex => [6 * Math.cos((2 * Math.PI * i) / corners), 6 * Math.sin((2 * Math.PI * i) / corners)],
          )
          const flat = Float32Array.from(points.flat())
          const sides = (x: number, y: number): readonly number[] =>
            polygon.map(([x1, y1], i) => {
              const [x2, y2] = polygon[(i + 1) % corners]
              return (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)
            })
          const clear = points.every((_, i) =>
            sides(flat[2 * i], flat[2 * i + 1]).every((side) => Math.abs(side) > 1e-4),
          )
          fc.pre(clear)
          const expected = points.flatMap((_, i) =>
            sides(flat[2 * i], flat[2 * i + 1]).every((side) => side > 0) ? [i] : [],
          )
          expect([...insidePolygon(flat, polygon)]).toEqual(expected)
        },
      ),
      { seed: 6 },
    ))

  it('leaves out the trembling of a hand', () => {
    const path = addVertex([[0, 0]], [1, 1])
    expect(path).toHaveLength(1)
    expect(addVertex(path, [3, 0])).toHaveLength(2)
  })
})

describe('a box and a click', () => {
  it('take what lies within, whichever corner was first', () => {
    expect([...insideBox(places, [0, 20], [8, 0])]).toEqual([0, 2])
  })

  it('find the nearest point within reach', () => {
    expect(nearestPlace(places, [14, 14], 10)).toBe(3)
    expect(nearestPlace(places, [100, 100], 10)).toBe(-1)
  })
})

describe('the view of a map', () => {
  const points = Float32Array.of(0, 0, 10, 0, 10, 5)

  it('holds every point, one scale both ways, y upwards', () => {
    const placed = placesOf(points, fitViewport(points, 228, 128), 228, 128)
    expect([...placed]).toEqual([14, 114, 214, 114, 214, 14])
  })

  it('keeps the place under the pointer when it comes nearer', () => {
    const view = zoomAt(fitViewport(points, 228, 128), 0.5, [214, 114], 228, 128)
    const placed = placesOf(points, view, 228, 128)
    expect([placed[2], placed[3]]).toEqual([214, 114])
    expect(placed[0]).toBe(14 - 200)
  })

  it('paints a colour as the screen reads it', () => {
    expect(pixelOf('#112233')).toBe(0xff332211)
  })
})
