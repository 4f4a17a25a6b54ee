import { describe, expect, it } from 'vitest'
import { contrastRatio } from '../../../src-renderer/theme/contrast.ts'
import { type ColourTokens, tokens, tokensToCss } from '../../../src-renderer/theme/tokens.ts'

const text: readonly (keyof ColourTokens)[] = [
  'text',
  'muted',
  'ink',
  'original',
  'gold',
  'unlearned',
  'twin',
  'under',
  'over',
  'aligned',
  'running',
]
const backgrounds: readonly (keyof ColourTokens)[] = ['canvas', 'surface', 'sunken', 'hover', 'selected']

/** Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB. */
const deficiencies: Readonly<Record<string, readonly (readonly number[])[]>> = {
  'full colour vision': [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
}

const dot = (row: readonly number[], column: readonly number[]): number =>
  row.reduce((sum, weight, i) => sum + weight * (column[i] ?? 0), 0)

/** CIELAB (D65) of a colour as someone with the deficiency sees it. */
function lab(colour: string, deficiency: readonly (readonly number[])[]): readonly number[] {
  const linear = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  })
  const seen = deficiency.map((row) => Math.min(1, Math.max(0, dot(row, linear))))
  const [x = 0, y = 0, z = 0] = [
    dot([0.4124564, 0.3575761, 0.1804375], seen) / 0.95047,
    dot([0.2126729, 0.7151522, 0.072175], seen),
    dot([0.0193339, 0.119192, 0.9503041], seen) / 1.08883,
  ].map((t) => (t > 216 / 24389 ? Math.cbrt(t) : (t * 24389) / 27 / 116 + 16 / 116))
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)]
}

function difference(first: string, second: string, deficiency: readonly (readonly number[])[]): number {
  const [a, b] = [lab(first, deficiency), lab(second, deficiency)]
  return Math.hypot(...a.map((value, i) => value - (b[i] ?? 0)))
}

describe('contrast', () => {
  it('knows the two ends of the scale', () => {
    expect(contrastRatio('#000000', '#ffffff')).toBeCloseTo(21, 10)
    expect(contrastRatio('#777777', '#777777')).toBe(1)
    // The grey that WCAG's own tutorials give as the first one to pass on white.
    expect(contrastRatio('#767676', '#ffffff')).toBeCloseTo(4.54, 2)
  })
})

describe.each(['light', 'dark'] as const)('%s theme', (name) => {
  const theme = tokens[name]

  it.each(text)('writes %s at 4.5:1 or more on every background', (token) => {
    for (const background of backgrounds)
      expect(contrastRatio(theme[token], theme[background]), background).toBeGreaterThanOrEqual(4.5)
  })

  it('writes messages at 4.5:1 or more on their own surfaces and on panels', () => {
    for (const [token, surface] of [
      ['danger', 'dangerSurface'],
      ['warning', 'warningSurface'],
      ['success', 'successSurface'],
      ['text', 'dangerSurface'],
      ['text', 'warningSurface'],
      ['text', 'successSurface'],
      ['danger', 'surface'],
      ['warning', 'surface'],
      ['onInk', 'ink'],
    ] as const)
      expect(contrastRatio(theme[token], theme[surface]), `${token} on ${surface}`).toBeGreaterThanOrEqual(4.5)
  })

  it('draws marks and edges of controls at 3:1 or more', () => {
    for (const token of ['edge', 'hard', 'chartAxis', 'original', 'goldMark', 'unlearned', 'twin'] as const)
      expect(contrastRatio(theme[token], theme.surface), token).toBeGreaterThanOrEqual(3)
    expect(contrastRatio(theme.edge, theme.canvas)).toBeGreaterThanOrEqual(3)
  })

  it.each(Object.keys(deficiencies))('keeps roles apart, and directions apart, under %s', (deficiency) => {
    for (const group of [
      ['original', 'goldMark', 'unlearned', 'twin'],
      ['under', 'over', 'aligned'],
    ] as const)
      for (const first of group)
        for (const second of group)
          if (first !== second)
            expect(
              difference(theme[first], theme[second], deficiencies[deficiency] ?? []),
              `${first} and ${second}`,
            ).toBeGreaterThan(10)
  })
})

it('gives style sheets exactly the tokens that charts use', () => {
  const css = tokensToCss()
  for (const [name, value] of Object.entries(tokens.dark))
    expect(css).toContain(`--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}: ${value};`)
})
