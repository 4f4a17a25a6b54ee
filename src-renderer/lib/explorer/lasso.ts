/** Which of many points lie in what was drawn around them; all in the pixels of the picture. */

export type Vertex = readonly [x: number, y: number]

/** Vertices nearer to the last than this say nothing more than the hand's trembling. */
const leastStep = 2

/** A further vertex of a lasso, if it is far enough from the last. */
export function addVertex(path: readonly Vertex[], next: Vertex): readonly Vertex[] {
  const last = path.at(-1)
  if (last !== undefined && Math.hypot(next[0] - last[0], next[1] - last[1]) < leastStep) return path
  return [...path, next]
}

/**
 * Positions of the points inside a closed polygon, by the even-odd rule: a horizontal ray from the point crosses its
 * edges an odd number of times. Edges are sorted into rows of pixels first, so that a point meets few of them.
 * `places` is [n, 2].
 */
export function insidePolygon(places: Float32Array, polygon: readonly Vertex[]): Int32Array {
  if (polygon.length < 3) return new Int32Array()
  const ys = polygon.map(([, y]) => y)
  const top = Math.floor(Math.min(...ys))
  const bottom = Math.floor(Math.max(...ys))
  const rows: number[][] = Array.from({ length: bottom - top + 1 }, () => [])
  polygon.forEach(([, y], i) => {
    const [, nextY] = polygon[(i + 1) % polygon.length]
    if (y === nextY) return
    const last = Math.floor(Math.max(y, nextY)) - top
    for (let row = Math.floor(Math.min(y, nextY)) - top; row <= last; row++) rows[row].push(i)
  })
  const inside: number[] = []
  for (let point = 0; point < places.length / 2; point++) {
    const [x, y] = [places[2 * point], places[2 * point + 1]]
    const edges = rows[Math.floor(y) - top]
    if (edges === undefined) continue
    let odd = false
    for (const i of edges) {
      const [x1, y1] = polygon[i]
      const [x2, y2] = polygon[(i + 1) % polygon.length]
      if (y1 > y !== y2 > y && x < x1 + ((y - y1) / (y2 - y1)) * (x2 - x1)) odd = !odd
    }
    if (odd) inside.push(point)
  }
  return Int32Array.from(inside)
}

/** Positions of the points within a rectangle given by two opposite corners, edges included. */
export function insideBox(places: Float32Array, [x1, y1]: Vertex, [x2, y2]: Vertex): Int32Array {
  const [left, right, top, bottom] = [Math.min(x1, x2), Math.max(x1, x2), Math.min(y1, y2), Math.max(y1, y2)]
  const inside: number[] = []
  for (let point = 0; point < places.length / 2; point++) {
    const [x, y] = [places[2 * point], places[2 * point + 1]]
    if (x >= left && x <= right && y >= top && y <= bottom) inside.push(point)
  }
  return Int32Array.from(inside)
}

/** The point nearest to a place within `reach` pixels, or -1. */
export function nearestPlace(places: Float32Array, [x, y]: Vertex, reach: number): number {
  let best = -1
  let least = reach * reach
  for (let point = 0; point < places.length / 2; point++) {
    const [dx, dy] = [places[2 * point] - x, places[2 * point + 1] - y]
    const square = dx * dx + dy * dy
    if (square > least) continue
    least = square
    best = point
  }
  return best
}
