import { describe, expect, it } from 'vitest'
import {
  nearest,
  niceAxis,
  place,
  type ScatterLayout,
  type ScatterPoint,
  scatterScene,
  sceneToSvg,
} from '../../../src-renderer/charts/scatter-scene.ts'
import { tokens } from '../../../src-renderer/theme/tokens.ts'

const point = (id: number, x: number, y: number, ring: string | null = null): ScatterPoint => ({
  id,
  x,
  y,
  shape: id % 2 === 0 ? 'circle' : 'triangle',
  fill: '#123456',
  ring,
})
const layout: ScatterLayout = { width: 400, height: 300, x: niceAxis('x', [0, 1]), y: niceAxis('y <&>', [0, 10]) }

describe('axes', () => {
  it('have round steps that cover all values', () => {
    const axis = niceAxis('df', [0.213, 0.574])
    expect(axis.low).toBeLessThanOrEqual(0.213)
    expect(axis.high).toBeGreaterThanOrEqual(0.574)
    expect(axis.ticks.map((tick) => Number(tick.toFixed(6)))).toEqual([0.2, 0.3, 0.4, 0.5, 0.6])
  })

  it('start at 0 for what cannot be negative, and stand without values', () => {
    expect(niceAxis('cf', [0.001, 4]).low).toBe(0)
    expect(niceAxis('none', []).ticks).toEqual([0, 1])
    expect(niceAxis('one', [3]).high).toBeGreaterThan(3)
  })
})

describe('the scatter plot', () => {
  it('draws every point as a mark of its own', () => {
    const points = [point(1, 0.2, 3), point(2, 0.8, 9, '#abcdef')]
    const marks = scatterScene(layout, points, tokens.light).filter((item) => item.kind === 'mark')
    expect(marks.map(({ shape, ring }) => [shape, ring])).toEqual([
      ['triangle', null],
      ['circle', '#abcdef'],
    ])
  })

  it('finds the point under the pointer, and none far from all', () => {
    const points = [point(1, 0.2, 3), point(2, 0.21, 3.1), point(3, 0.9, 9)]
    const [x, y] = place(layout, { x: 0.9, y: 9 })
    expect(nearest(layout, points, [x + 3, y - 3])?.id).toBe(3)
    expect(nearest(layout, points, [x - 100, y])).toBeNull()
  })

  it('writes the same scene as SVG, with its words escaped', () => {
    const scene = scatterScene(layout, [point(1, 0.2, 3), point(2, 0.8, 9)], tokens.light)
    const svg = sceneToSvg(scene, 400, 300, '#ffffff')
    expect(svg.match(/<circle/g)).toHaveLength(1)
    expect(svg.match(/<polygon/g)).toHaveLength(1)
    expect(svg).toContain('y &lt;&amp;&gt;')
    expect(svg).not.toContain('NaN')
  })
})
