import type { SheetPlace } from '../../../composables/use-sheets.ts'
import type { ColourTokens } from '../../../theme/tokens.ts'

export interface GridLayout {
  readonly columns: number
  /** CSS pixels of a picture, and of a picture with the gap after it. */
  readonly picture: number
  readonly step: number
}

export const gridPadding = 4

export function layoutOf(width: number, picture: number): GridLayout {
  const step = picture + 4
  return { columns: Math.max(1, Math.floor((width - 2 * gridPadding + 4) / step)), picture, step }
}

export function rowsOf(layout: GridLayout, count: number): number {
  return Math.ceil(count / layout.columns)
}

/** First row in sight, and the one after the last. */
export function rowsInSight(layout: GridLayout, count: number, top: number, height: number): readonly [number, number] {
  const first = Math.max(0, Math.floor((top - gridPadding) / layout.step))
  return [first, Math.min(rowsOf(layout, count), Math.ceil((top + height) / layout.step))]
}

/** The place in the order under a point of the scrolled content, or -1 beside the pictures. */
export function positionAt(layout: GridLayout, count: number, x: number, y: number): number {
  const column = Math.floor((x - gridPadding) / layout.step)
  const row = Math.floor((y - gridPadding) / layout.step)
  const position = row * layout.columns + column
  const inside = column >= 0 && column < layout.columns && row >= 0
  return inside && position < count ? position : -1
}

export interface GridState {
  readonly order: Int32Array
  readonly selected: Uint8Array
  readonly active: number | null
  readonly focused: boolean
  readonly places: ReadonlyMap<number, SheetPlace>
  readonly colours: ColourTokens
}

/**
 * Paints the rows in sight; `context` is scaled to CSS pixels. Selected pictures have a frame and a tick. Returns how
 * many pictures haven't come yet.
 */
export function paintGrid(
  context: CanvasRenderingContext2D,
  layout: GridLayout,
  [width, height]: readonly [number, number],
  top: number,
  { order, selected, active, focused, places, colours }: GridState,
): number {
  const { columns, picture, step } = layout
  context.fillStyle = colours.canvas
  context.fillRect(0, 0, width, height)
  context.imageSmoothingEnabled = false
  const [first, last] = rowsInSight(layout, order.length, top, height)
  let missing = 0
  for (let row = first; row < last; row++) {
    const y = gridPadding + row * step - top
    for (let column = 0; column < columns; column++) {
      const position = row * columns + column
      if (position >= order.length) break
      const sample = order[position]
      const x = gridPadding + column * step
      const place = places.get(sample)
      if (place === undefined) {
        missing++
        context.fillStyle = colours.sunken
        context.fillRect(x, y, picture, picture)
      } else {
        const scale = picture / Math.max(place.width, place.height)
        const [w, h] = [place.width * scale, place.height * scale]
        if (w !== h) {
          context.fillStyle = colours.sunken
          context.fillRect(x, y, picture, picture)
        }
        const [dx, dy] = [x + (picture - w) / 2, y + (picture - h) / 2]
        context.drawImage(place.bitmap, place.x, place.y, place.width, place.height, dx, dy, w, h)
      }
      if (selected[sample] === 1) paintSelected(context, x, y, picture, colours)
      if (sample === active && focused) paintFocus(context, x, y, picture, colours)
    }
  }
  return missing
}

function paintSelected(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  size: number,
  colours: ColourTokens,
): void {
  context.lineWidth = 3
  context.strokeStyle = colours.unlearned
  context.strokeRect(x + 0.5, y + 0.5, size - 1, size - 1)
  const radius = Math.min(8, size / 5)
  context.fillStyle = colours.unlearned
  context.fillRect(x + size - 2 * radius, y, 2 * radius, 2 * radius)
  context.lineWidth = 1.8
  context.strokeStyle = colours.surface
  context.beginPath()
  context.moveTo(x + size - 1.5 * radius, y + radius)
  context.lineTo(x + size - 1.1 * radius, y + 1.4 * radius)
  context.lineTo(x + size - 0.5 * radius, y + 0.6 * radius)
  context.stroke()
}

/** Two lines, dark and light, so that it shows on any picture. */
function paintFocus(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  size: number,
  colours: ColourTokens,
): void {
  context.lineWidth = 2
  context.strokeStyle = colours.ink
  context.strokeRect(x - 2, y - 2, size + 4, size + 4)
  context.strokeStyle = colours.surface
  context.lineWidth = 1
  context.strokeRect(x - 0.5, y - 0.5, size + 1, size + 1)
}
