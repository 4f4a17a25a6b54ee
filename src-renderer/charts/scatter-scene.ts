import type { ColourTokens } from '../theme/tokens.ts'
import { chartFont } from './chart-style.ts'

export type MarkShape = 'circle' | 'triangle'

/** A point ready to draw; `x` and `y` in the units of the axes. */
export interface ScatterPoint {
  readonly id: number
  readonly x: number
  readonly y: number
  readonly shape: MarkShape
  readonly fill: string
  /** A ring around the mark. */
  readonly ring: string | null
}

export interface ScatterAxis {
  readonly label: string
  readonly low: number
  readonly high: number
  readonly ticks: readonly number[]
}

export interface ScatterLayout {
  readonly width: number
  readonly height: number
  readonly x: ScatterAxis
  readonly y: ScatterAxis
}

export type Primitive =
  | {
      readonly kind: 'line'
      readonly x1: number
      readonly y1: number
      readonly x2: number
      readonly y2: number
      readonly colour: string
    }
  | {
      readonly kind: 'text'
      readonly x: number
      readonly y: number
      readonly text: string
      readonly colour: string
      readonly size: number
      readonly align: 'left' | 'center' | 'right'
      readonly vertical?: boolean
    }
  | {
      readonly kind: 'mark'
      readonly x: number
      readonly y: number
      readonly shape: MarkShape
      readonly size: number
      readonly fill: string
      readonly ring: string | null
    }

export const scatterMargin = { left: 58, right: 14, top: 12, bottom: 44 } as const
const markRadius = 3.6

/** Round steps (1, 2, 5 times a power of ten) that cover the values with a little room. */
export function niceAxis(label: string, values: readonly number[]): ScatterAxis {
  const finite = values.filter(Number.isFinite)
  const least = finite.reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY)
  const most = finite.reduce((high, value) => Math.max(high, value), Number.NEGATIVE_INFINITY)
  if (finite.length === 0) return { label, low: 0, high: 1, ticks: [0, 1] }
  const span = most > least ? most - least : Math.abs(most) || 1
  const raw = span / 5
  const power = 10 ** Math.floor(Math.log10(raw))
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= raw) ?? 10) * power
  const low = Math.floor((least - span * 0.02) / step) * step
  const high = Math.ceil((most + span * 0.02) / step) * step
  // What can't be negative starts at 0.
  const start = least >= 0 ? Math.max(0, low) : low
  const count = Math.round((high - start) / step)
  return { label, low: start, high, ticks: Array.from({ length: count + 1 }, (_, i) => start + i * step) }
}

export function place(
  layout: ScatterLayout,
  point: { readonly x: number; readonly y: number },
): readonly [number, number] {
  const { left, right, top, bottom } = scatterMargin
  const width = layout.width - left - right
  const height = layout.height - top - bottom
  return [
    left + ((point.x - layout.x.low) / (layout.x.high - layout.x.low)) * width,
    top + (1 - (point.y - layout.y.low) / (layout.y.high - layout.y.low)) * height,
  ]
}

/** The point nearest to a place on the picture, within `reach` pixels. */
export function nearest(
  layout: ScatterLayout,
  points: readonly ScatterPoint[],
  at: readonly [number, number],
  reach = 10,
): ScatterPoint | null {
  let best: ScatterPoint | null = null
  let least = reach
  for (const point of points) {
    const [x, y] = place(layout, point)
    const distance = Math.hypot(x - at[0], y - at[1])
    if (distance <= least) {
      least = distance
      best = point
    }
  }
  return best
}

/** Everything that is to be drawn, in order; a canvas paints it, an SVG writes it. */
export function scatterScene(
  layout: ScatterLayout,
  points: readonly ScatterPoint[],
  colours: ColourTokens,
): readonly Primitive[] {
  const { left, right, top, bottom } = scatterMargin
  const [x1, x2, y1, y2] = [left, layout.width - right, top, layout.height - bottom]
  const digits = (axis: ScatterAxis): number => {
    const [first = 0, second = 1] = axis.ticks
    return Math.max(0, -Math.floor(Math.log10(second - first || 1)))
  }
  const scene: Primitive[] = []
  const text = (
    x: number,
    y: number,
    content: string,
    colour: string,
    align: 'left' | 'center' | 'right',
    vertical = false,
  ): void => {
    scene.push({ kind: 'text', x, y, text: content, colour, size: 11, align, vertical })
  }
  for (const tick of layout.x.ticks) {
    const [x] = place(layout, { x: tick, y: layout.y.low })
    scene.push({ kind: 'line', x1: x, y1, x2: x, y2, colour: colours.chartGrid })
    text(x, y2 + 16, tick.toFixed(digits(layout.x)), colours.muted, 'center')
  }
  for (const tick of layout.y.ticks) {
    const [, y] = place(layout, { x: layout.x.low, y: tick })
    scene.push({ kind: 'line', x1, y1: y, x2, y2: y, colour: colours.chartGrid })
    text(x1 - 8, y + 4, tick.toFixed(digits(layout.y)), colours.muted, 'right')
  }
  scene.push({ kind: 'line', x1, y1: y2, x2, y2, colour: colours.chartAxis })
  scene.push({ kind: 'line', x1, y1, x2: x1, y2, colour: colours.chartAxis })
  text((x1 + x2) / 2, layout.height - 8, layout.x.label, colours.text, 'center')
  text(14, (y1 + y2) / 2, layout.y.label, colours.text, 'center', true)
  for (const point of points) {
    const [x, y] = place(layout, point)
    scene.push({ kind: 'mark', x, y, shape: point.shape, size: markRadius, fill: point.fill, ring: point.ring })
  }
  return scene
}

/** Corners of the mark, its weight in the middle. */
export function triangleCorners({
  x,
  y,
  size,
}: {
  readonly x: number
  readonly y: number
  readonly size: number
}): readonly (readonly [number, number])[] {
  const r = size * 1.25
  return [
    [x, y - r],
    [x + r * 0.92, y + r * 0.72],
    [x - r * 0.92, y + r * 0.72],
  ]
}

/** The same scene as a standalone SVG document. */
export function sceneToSvg(scene: readonly Primitive[], width: number, height: number, background: string): string {
  const round = (value: number): string => String(Math.round(value * 100) / 100)
  const body = scene.map((item) => {
    if (item.kind === 'line')
      return `<line x1="${round(item.x1)}" y1="${round(item.y1)}" x2="${round(item.x2)}" y2="${round(item.y2)}" stroke="${item.colour}"/>`
    if (item.kind === 'text') {
      const anchor = { left: 'start', center: 'middle', right: 'end' }[item.align]
      const turn = item.vertical ? ` transform="rotate(-90 ${round(item.x)} ${round(item.y)})"` : ''
      return `<text x="${round(item.x)}" y="${round(item.y)}" font-size="${item.size}" fill="${item.colour}" text-anchor="${anchor}"${turn}>${escapeXml(item.text)}</text>`
    }
    const ring = item.ring === null ? '' : ` stroke="${item.ring}" stroke-width="1.5"`
    if (item.shape === 'circle')
      return `<circle cx="${round(item.x)}" cy="${round(item.y)}" r="${item.size}" fill="${item.fill}"${ring}/>`
    return `<polygon points="${triangleCorners(item)
      .map(([x, y]) => `${round(x)},${round(y)}`)
      .join(' ')}" fill="${item.fill}"${ring}/>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${escapeXml(chartFont)}"><rect width="100%" height="100%" fill="${background}"/>${body.join('')}</svg>`
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
