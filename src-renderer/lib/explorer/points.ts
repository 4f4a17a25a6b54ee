/** Maps of samples: places on the picture, and the picture itself, pixel by pixel. */

export interface PointMap {
  /** Sample of each point, ascending. */
  readonly ids: Int32Array
  /** [ids, 2], in the map's own units. */
  readonly points: Float32Array
}

/** What part of the map is on the picture: units a pixel, and the unit place at the picture's centre. */
export interface Viewport {
  readonly scale: number
  readonly x: number
  readonly y: number
}

export const pictureMargin = 14

/** Everything on the picture, one scale both ways. */
export function fitViewport(points: Float32Array, width: number, height: number): Viewport {
  let [left, right, bottom, top] = [Infinity, -Infinity, Infinity, -Infinity]
  for (let i = 0; i < points.length; i += 2) {
    left = Math.min(left, points[i])
    right = Math.max(right, points[i])
    bottom = Math.min(bottom, points[i + 1])
    top = Math.max(top, points[i + 1])
  }
  if (left > right) return { scale: 1, x: 0, y: 0 }
  const scale = Math.max(
    (right - left) / Math.max(1, width - 2 * pictureMargin),
    (top - bottom) / Math.max(1, height - 2 * pictureMargin),
    1e-9,
  )
  return { scale, x: (left + right) / 2, y: (bottom + top) / 2 }
}

/** [n, 2] in pixels; y grows downwards. */
export function placesOf(points: Float32Array, view: Viewport, width: number, height: number): Float32Array {
  const places = new Float32Array(points.length)
  for (let i = 0; i < points.length; i += 2) {
    places[i] = (points[i] - view.x) / view.scale + width / 2
    places[i + 1] = height / 2 - (points[i + 1] - view.y) / view.scale
  }
  return places
}

/** Nearer or further by a factor; the place under the pointer stays where it is. */
export function zoomAt(
  view: Viewport,
  factor: number,
  [px, py]: readonly [number, number],
  width: number,
  height: number,
): Viewport {
  const scale = view.scale * factor
  const [dx, dy] = [px - width / 2, height / 2 - py]
  return { scale, x: view.x + dx * (view.scale - scale), y: view.y + dy * (view.scale - scale) }
}

/** `#rrggbb` as a pixel of ImageData on a little-endian machine. */
export function pixelOf(colour: string): number {
  const rgb = Number.parseInt(colour.slice(1), 16)
  return (0xff000000 | ((rgb & 0xff) << 16) | (rgb & 0xff00) | (rgb >> 16)) >>> 0
}

export interface Paint {
  readonly width: number
  readonly height: number
  /** Device pixels a CSS pixel. */
  readonly ratio: number
  /** Pixel value of each point. */
  readonly colours: Uint32Array
  readonly background: number
  /** Of points outside the filter, and around selected ones. */
  readonly dim: number
  readonly ring: number
}

/**
 * Draws all points: those outside the filter dim and small, those inside over them, selected ones on top, larger and
 * ringed, so that colour is never the only cue. `pixels` is [height * ratio, width * ratio].
 */
export function paintPoints(
  pixels: Uint32Array,
  places: Float32Array,
  ids: Int32Array,
  matching: Uint8Array,
  selected: Uint8Array,
  { width, height, ratio, colours, background, dim, ring }: Paint,
): void {
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)]
  pixels.fill(background)
  const square = (x: number, y: number, half: number, colour: number): void => {
    const [left, right] = [Math.max(0, Math.round(x - half)), Math.min(w, Math.round(x + half))]
    const bottom = Math.min(h, Math.round(y + half))
    for (let row = Math.max(0, Math.round(y - half)); row < bottom; row++) {
      if (right > left) pixels.fill(colour, row * w + left, row * w + right)
    }
  }
  const size = (ids.length > 20_000 ? 1 : ids.length > 3000 ? 1.5 : 2.5) * ratio
  for (let point = 0; point < ids.length; point++) {
    if (matching[ids[point]] === 0) square(places[2 * point] * ratio, places[2 * point + 1] * ratio, size * 0.75, dim)
  }
  for (let point = 0; point < ids.length; point++) {
    const id = ids[point]
    if (matching[id] === 1 && selected[id] === 0) {
      square(places[2 * point] * ratio, places[2 * point + 1] * ratio, size, colours[point])
    }
  }
  for (let point = 0; point < ids.length; point++) {
    if (selected[ids[point]] === 0) continue
    const [x, y] = [places[2 * point] * ratio, places[2 * point + 1] * ratio]
    square(x, y, size + 1.5 * ratio, ring)
    square(x, y, size + 0.5 * ratio, colours[point])
  }
}
