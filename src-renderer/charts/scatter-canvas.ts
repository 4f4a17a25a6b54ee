import { chartFont } from './chart-style.ts'
import { type Primitive, triangleCorners } from './scatter-scene.ts'

/** Paints a scene; `context` is scaled to CSS pixels already. */
export function paintScene(
  context: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D,
  scene: readonly Primitive[],
): void {
  for (const item of scene) {
    if (item.kind === 'line') {
      context.strokeStyle = item.colour
      context.lineWidth = 1
      context.beginPath()
      context.moveTo(Math.round(item.x1) + 0.5, Math.round(item.y1) + 0.5)
      context.lineTo(Math.round(item.x2) + 0.5, Math.round(item.y2) + 0.5)
      context.stroke()
    } else if (item.kind === 'text') {
      context.save()
      context.fillStyle = item.colour
      context.font = `${item.size}px ${chartFont}`
      context.textAlign = item.align
      context.translate(item.x, item.y)
      if (item.vertical) context.rotate(-Math.PI / 2)
      context.fillText(item.text, 0, 0)
      context.restore()
    } else paintMark(context, item)
  }
}

function paintMark(
  context: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D,
  mark: Extract<Primitive, { kind: 'mark' }>,
): void {
  context.beginPath()
  if (mark.shape === 'circle') context.arc(mark.x, mark.y, mark.size, 0, 2 * Math.PI)
  else {
    for (const [i, [x, y]] of triangleCorners(mark).entries()) {
      if (i === 0) context.moveTo(x, y)
      else context.lineTo(x, y)
    }
    context.closePath()
  }
  context.fillStyle = mark.fill
  context.fill()
  if (mark.ring !== null) {
    context.strokeStyle = mark.ring
    context.lineWidth = 1.5
    context.stroke()
  }
}
