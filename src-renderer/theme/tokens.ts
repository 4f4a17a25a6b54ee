/**
 * The one set of colours for style sheets and charts. A role (original, gold, unlearned, twin) keeps its
 * colour everywhere; roles and directions start from Okabe and Ito's palette, moved until text reaches
 * 4.5:1 and marks 3:1 on the surfaces they stand on (held by a test).
 */
export interface ColourTokens {
  /** Behind everything. */
  readonly canvas: string
  /** Panels, tables, cards. */
  readonly surface: string
  /** Rails, headers, wells. */
  readonly sunken: string
  /** A row under the pointer, a selected row. */
  readonly hover: string
  readonly selected: string
  /** Hairlines between things; decoration only. */
  readonly line: string
  /** Edges of controls: 3:1. */
  readonly edge: string
  readonly text: string
  readonly muted: string
  /** Primary buttons and the focus ring: ink, so that no role's colour is spent on controls. */
  readonly ink: string
  readonly onInk: string

  readonly original: string
  readonly gold: string
  /** Amber proper, for lines and marks; too light for small text. */
  readonly goldMark: string
  readonly unlearned: string
  readonly twin: string
  /** Under-forgotten, over-forgotten, aligned. */
  readonly under: string
  readonly over: string
  readonly aligned: string
  readonly hard: string
  readonly easy: string
  /** The gold-gold floor band. */
  readonly floor: string

  readonly danger: string
  readonly dangerSurface: string
  readonly warning: string
  readonly warningSurface: string
  readonly success: string
  readonly successSurface: string
  readonly running: string

  readonly chartGrid: string
  readonly chartAxis: string
  readonly shadow: string
}

export type ThemeName = 'light' | 'dark'

export const tokens: Readonly<Record<ThemeName, ColourTokens>> = {
  light: {
    canvas: '#f4f5f7',
    surface: '#ffffff',
    sunken: '#eceef1',
    hover: '#f1f3f5',
    selected: '#e3e8ee',
    line: '#d9dde3',
    edge: '#858d99',
    text: '#1a1e25',
    muted: '#535b68',
    ink: '#27303d',
    onInk: '#ffffff',
    original: '#5d6675',
    gold: '#8a5b00',
    goldMark: '#c08600',
    unlearned: '#0a5fa5',
    twin: '#83503f',
    under: '#b34500',
    over: '#8b4a86',
    aligned: '#00704f',
    hard: '#27303d',
    easy: '#9aa3b0',
    floor: '#d3d8df',
    danger: '#a8261c',
    dangerSurface: '#fcecea',
    warning: '#7d5600',
    warningSurface: '#fdf3dc',
    success: '#00704f',
    successSurface: '#e2f4ec',
    running: '#0a5fa5',
    chartGrid: '#e4e7eb',
    chartAxis: '#858d99',
    shadow: 'rgba(20, 26, 36, 0.16)',
  },
  dark: {
    canvas: '#12151a',
    surface: '#1a1e25',
    sunken: '#0d1014',
    hover: '#222831',
    selected: '#2b333f',
    line: '#2c333d',
    edge: '#6d7786',
    text: '#e7eaef',
    muted: '#a5aebb',
    ink: '#dfe4ea',
    onInk: '#12151a',
    original: '#a3abb7',
    gold: '#e8ae33',
    goldMark: '#e8ae33',
    unlearned: '#63b1ee',
    twin: '#cf9d8a',
    under: '#f58a52',
    over: '#d39ad0',
    aligned: '#3fc59a',
    hard: '#e7eaef',
    easy: '#727c8b',
    floor: '#3a424e',
    danger: '#f58d84',
    dangerSurface: '#3a1e1c',
    warning: '#e8ae33',
    warningSurface: '#352a12',
    success: '#3fc59a',
    successSurface: '#12312a',
    running: '#63b1ee',
    chartGrid: '#272d36',
    chartAxis: '#6d7786',
    shadow: 'rgba(0, 0, 0, 0.55)',
  },
}

/** Every token as a custom property: `--canvas`, `--on-ink`, …; dark by choice or by the system's wish. */
export function tokensToCss(): string {
  const declarations = (theme: ThemeName): string =>
    Object.entries(tokens[theme])
      .map(([name, value]) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}: ${value};`)
      .join(' ')
  return [
    `:root { color-scheme: light; ${declarations('light')} }`,
    `:root[data-theme='dark'] { color-scheme: dark; ${declarations('dark')} }`,
    `@media (prefers-color-scheme: dark) { :root:not([data-theme]) { color-scheme: dark; ${declarations('dark')} } }`,
  ].join('\n')
}
