import type { CustomSeriesRenderItem, EChartsOption, SeriesOption } from 'echarts/types/dist/shared'
import type { Run } from '#shared/domain/study.ts'
import type { MethodInfo } from '#shared/domain/system.ts'
import type { TableData } from '../lib/csv.ts'
import { type Figure, figureOf, floorOf, hasFigure, type MethodRow } from '../lib/method-rows.ts'
import { roleOfMethod } from '../lib/roles.ts'
import type { ColourTokens } from '../theme/tokens.ts'
import { baseOption, categoryAxisStyle, valueAxisStyle } from './chart-style.ts'

/** The figures that are drawn beside each other; a gap alone can be right by luck. */
const panels = [
  { metric: 'gap', floor: 'gapFloor', scale: 100 },
  { metric: 'easyHardAgreement', floor: 'easyHardAgreementFloor', scale: 100 },
  { metric: 'agreement', floor: 'agreementFloor', scale: 100 },
  { metric: 'jsDivergence', floor: 'jsFloor', scale: 1 },
] as const
type PanelMetric = (typeof panels)[number]['metric']

export interface BoardRow {
  readonly method: string
  readonly title: string
  readonly family: MethodInfo['family']
  readonly figures: Readonly<Record<PanelMetric, Figure>>
}

export interface BoardWords {
  readonly headings: Readonly<Record<PanelMetric, string>>
  readonly method: string
  readonly gold: string
  readonly floor: string
  readonly underForgotten: string
  readonly overForgotten: string
  readonly low: string
  readonly high: string
  readonly seeds: string
  readonly description: string
  readonly gap: (value: number) => string
  /** A gap at the axis, where all marks have the same decimals. */
  readonly gapTick: (value: number, decimals: number) => string
  readonly value: (metric: PanelMetric, value: number) => string
}

export function boardRows(
  rows: readonly MethodRow[],
  info: (method: string) => { readonly title: string; readonly family: MethodInfo['family'] },
): readonly BoardRow[] {
  return rows.map(({ method, runs }) => ({
    method,
    ...info(method),
    figures: {
      gap: figureOf(runs, 'gap'),
      easyHardAgreement: figureOf(runs, 'easyHardAgreement'),
      agreement: figureOf(runs, 'agreement'),
      jsDivergence: figureOf(runs, 'jsDivergence'),
    },
  }))
}

/** What is drawn, as a table; fractions and nats, not points. */
export function boardData(rows: readonly BoardRow[], words: BoardWords): TableData {
  return {
    columns: [
      { id: 'method', label: words.method },
      ...panels.flatMap(({ metric }) => [
        { id: metric, label: words.headings[metric] },
        { id: `${metric}.low`, label: words.low },
        { id: `${metric}.high`, label: words.high },
        { id: `${metric}.seeds`, label: words.seeds },
      ]),
    ],
    rows: rows.map((row) => [
      row.method,
      ...panels.flatMap(({ metric }) => {
        const figure = row.figures[metric]
        if (!hasFigure(figure)) return [null, null, null, null]
        return [figure.value, figure.ci?.[0] ?? null, figure.ci?.[1] ?? null, figure.seeds.length]
      }),
    ]),
  }
}

const rowHeight = 30
const head = 46
const foot = 34
const labelWidth = 178
/** Room for the gap in words at the row's end. */
const valueWidth = 64
/** Narrower than this, the other figures stand below the gap instead of beside it. */
const leastForOneBand = 900
/** Narrower than this, each figure stands below the one before. */
const leastForTwoBands = 620

interface BoardPlace {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly labelled: boolean
}

export interface BoardLayout {
  readonly height: number
  readonly places: readonly BoardPlace[]
}

/** Where the four panels stand on a chart of this width, CSS pixels. */
export function boardLayout(rowCount: number, width: number): BoardLayout {
  const band = head + foot + Math.max(1, rowCount) * rowHeight
  const space = 26
  if (width < leastForTwoBands) {
    const whole = Math.max(80, width - labelWidth - valueWidth)
    return {
      height: 4 * band,
      places: [0, 1, 2, 3].map((i) => ({ left: labelWidth, top: i * band + head, width: whole, labelled: true })),
    }
  }
  const oneBand = width >= leastForOneBand
  const gapWidth = oneBand ? Math.round((width - labelWidth - valueWidth) * 0.42) : width - labelWidth - valueWidth
  const from = oneBand ? labelWidth + gapWidth + valueWidth + space : labelWidth
  const small = Math.floor((width - from - 20 - 2 * space) / 3)
  return {
    height: oneBand ? band : 2 * band,
    places: [
      { left: labelWidth, top: head, width: gapWidth, labelled: true },
      ...[0, 1, 2].map((i) => ({
        left: from + i * (small + space),
        top: oneBand ? head : band + head,
        width: small,
        labelled: !oneBand && i === 0,
      })),
    ],
  }
}

/** Alignment board: one row a method, the gold line at 0 with the gold-gold floor, agreement and JS beside it. */
export function boardOption(
  rows: readonly BoardRow[],
  runs: readonly Run[],
  words: BoardWords,
  colours: ColourTokens,
  layout: BoardLayout,
): EChartsOption {
  // ECharts counts categories from the bottom.
  const drawn = rows.toReversed()
  const names = drawn.map((row) => row.title)
  const { places } = layout
  const ranges: Readonly<Record<PanelMetric, AxisRange>> = {
    gap: symmetric(rows, floorOf(runs, 'gapFloor')?.high ?? 0),
    easyHardAgreement: extent('easyHardAgreement', rows, runs),
    agreement: extent('agreement', rows, runs),
    jsDivergence: extent('jsDivergence', rows, runs),
  }
  return {
    ...baseOption(colours, words.description),
    title: panels.map(({ metric }, i) => ({
      text: words.headings[metric],
      left: places[i]?.left,
      top: (places[i]?.top ?? head) - head + 2,
      padding: 0,
      textStyle: {
        fontSize: 12,
        fontWeight: 600,
        color: colours.text,
        lineHeight: 14,
        // A long one takes two lines: the next panel's begins where this panel ends.
        width: (places[i]?.width ?? 0) + 12,
        overflow: 'break',
      },
    })),
    grid: places.map(({ left, top, width }) => ({ left, top, width, height: Math.max(1, rows.length) * rowHeight })),
    xAxis: panels.map(({ metric }, i) => ({
      type: 'value',
      gridIndex: i,
      ...valueAxisStyle(colours),
      ...ranges[metric],
      axisLabel: {
        color: colours.muted,
        fontSize: 11,
        alignMinLabel: 'left',
        alignMaxLabel: 'right',
        hideOverlap: true,
        formatter: (value: number) =>
          metric === 'gap'
            ? words.gapTick(value, Number.isInteger(ranges.gap.interval) ? 0 : 1)
            : words.value(metric, value),
      },
    })),
    yAxis: [
      ...panels.map((_panel, i) => ({
        type: 'category' as const,
        gridIndex: i,
        data: names,
        ...categoryAxisStyle(colours),
        axisLabel: {
          show: places[i]?.labelled ?? false,
          color: colours.text,
          fontSize: 12,
          width: 164,
          overflow: 'truncate' as const,
          margin: 12,
        },
        splitLine: { show: true, lineStyle: { color: colours.chartGrid } },
      })),
      {
        // The gap in words at the row's end: a direct label that no error bar can cover.
        type: 'category' as const,
        gridIndex: 0,
        position: 'right' as const,
        data: drawn.map((row) => (hasFigure(row.figures.gap) ? words.gap(row.figures.gap.value * 100) : '\u2013')),
        ...categoryAxisStyle(colours),
        axisLabel: { color: colours.text, fontSize: 12, margin: 8 },
      },
    ],
    series: panels.flatMap((panel, i) => panelSeries(panel, i, ranges[panel.metric], drawn, runs, words, colours)),
  }
}

function panelSeries(
  { metric, floor: floorMetric, scale }: (typeof panels)[number],
  axis: number,
  range: AxisRange,
  rows: readonly BoardRow[],
  runs: readonly Run[],
  words: BoardWords,
  colours: ColourTokens,
): SeriesOption[] {
  const floor = floorOf(runs, floorMetric)
  const place = { xAxisIndex: axis, yAxisIndex: axis }
  const figures = rows.map((row) => ({ row, figure: row.figures[metric] }))
  const bars = figures.flatMap(({ row, figure }, at) =>
    hasFigure(figure) && figure.ci !== null
      ? [{ value: [at, figure.ci[0] * scale, figure.ci[1] * scale], itemStyle: { color: colourOf(row, colours) } }]
      : [],
  )
  const dots = figures.flatMap(({ row, figure }, at) =>
    hasFigure(figure)
      ? [
          {
            value: [figure.value * scale, at],
            name: row.title,
            symbol: symbolOf(row),
            symbolSize: row.family === 'control' ? 10 : 9,
            itemStyle: markStyle(row, colours),
          },
        ]
      : [],
  )
  const seeds = figures.flatMap(({ row, figure }, at) =>
    hasFigure(figure) && figure.over === 'seeds'
      ? figure.seeds.map(({ value }) => ({ value: [value * scale, at], itemStyle: { color: colourOf(row, colours) } }))
      : [],
  )
  return [
    {
      type: 'custom',
      name: `${metric} interval`,
      ...place,
      silent: true,
      renderItem: intervalBar,
      encode: { x: [1, 2], y: 0 },
      data: bars,
      z: 2,
    },
    {
      type: 'scatter',
      name: `${metric} seeds`,
      ...place,
      silent: true,
      symbolSize: 4,
      data: seeds,
      z: 3,
      itemStyle: { opacity: 0.65 },
    },
    {
      type: 'scatter',
      name: metric,
      ...place,
      data: dots,
      z: 4,
      tooltip: {
        formatter: (event) => {
          const { dataIndex } = event as { dataIndex: number }
          const shown = figures.filter(({ figure }) => hasFigure(figure))[dataIndex]
          if (shown === undefined || !hasFigure(shown.figure)) return ''
          return `${shown.row.title}\n${words.headings[metric]}: ${describe(metric, shown.figure, words)}`
        },
      },
      ...(metric === 'gap'
        ? gapReference(floor, words, colours)
        : floorReference(metric, floor, scale, range, words, colours)),
    },
  ]
}

function describe(metric: PanelMetric, figure: Extract<Figure, { value: number }>, words: BoardWords): string {
  const scale = metric === 'jsDivergence' ? 1 : 100
  const write = (value: number): string =>
    metric === 'gap' ? words.gap(value * scale) : words.value(metric, value * scale)
  const interval = figure.ci === null ? '' : ` (95 % CI ${write(figure.ci[0])} \u2026 ${write(figure.ci[1])})`
  return `${write(figure.value)}${interval}`
}

/** The gold at 0 and the band in which two golds lie from each other. */
function gapReference(floor: { readonly value: number } | null, words: BoardWords, colours: ColourTokens) {
  return {
    markLine: {
      silent: true,
      symbol: 'none',
      data: [{ xAxis: 0 }],
      lineStyle: { color: colours.goldMark, width: 2, type: 'solid' as const },
      label: {
        show: true,
        position: 'end' as const,
        formatter: words.gold,
        color: colours.gold,
        fontSize: 11,
        fontWeight: 600 as const,
        distance: 3,
      },
    },
    ...(floor === null
      ? {}
      : {
          markArea: {
            silent: true,
            itemStyle: { color: colours.floor, opacity: 0.55 },
            data: [[{ xAxis: -floor.value * 100 }, { xAxis: floor.value * 100 }]] as [
              { xAxis: number },
              { xAxis: number },
            ][],
          },
        }),
  }
}

/** Where two golds stand to each other: as good as agreement gets. */
function floorReference(
  metric: PanelMetric,
  floor: { readonly value: number } | null,
  scale: number,
  range: AxisRange,
  words: BoardWords,
  colours: ColourTokens,
) {
  if (floor === null) return {}
  // The words lie towards the panel's middle, so that they never reach into the next one.
  const beyondMiddle = floor.value * scale > (range.min + range.max) / 2
  return {
    markLine: {
      silent: true,
      symbol: 'none',
      data: [{ xAxis: floor.value * scale }],
      lineStyle: { color: colours.goldMark, width: 1.5, type: 'dashed' as const },
      label: {
        show: true,
        position: 'end' as const,
        formatter: `${words.floor} ${words.value(metric, floor.value * scale)}`,
        color: colours.gold,
        fontSize: 11,
        distance: 3,
        align: beyondMiddle ? ('right' as const) : ('left' as const),
      },
    },
  }
}

/** A bar with caps from low to high; data are [row, low, high]. */
const intervalBar: CustomSeriesRenderItem = (_params, api) => {
  const row = Number(api.value(0))
  const [x1 = 0, y = 0] = api.coord([Number(api.value(1)), row])
  const [x2 = 0] = api.coord([Number(api.value(2)), row])
  const style = { stroke: String(api.visual('color')), lineWidth: 1.5, fill: 'none' }
  const line = (ax: number, ay: number, bx: number, by: number) => ({
    type: 'line' as const,
    shape: { x1: ax, y1: ay, x2: bx, y2: by },
    style,
  })
  return { type: 'group', children: [line(x1, y, x2, y), line(x1, y - 4, x1, y + 4), line(x2, y - 4, x2, y + 4)] }
}

function colourOf(row: BoardRow, colours: ColourTokens): string {
  const role = roleOfMethod(row.method)
  return role === 'gold' ? colours.goldMark : colours[role]
}

/** Shape says the family: TMU a circle, baselines a square, controls a hollow diamond, the gold a filled diamond. */
function symbolOf(row: BoardRow): string {
  if (row.family === 'reference' || row.family === 'control') return 'diamond'
  return row.family === 'tmu' ? 'circle' : 'rect'
}

function markStyle(row: BoardRow, colours: ColourTokens) {
  const colour = colourOf(row, colours)
  return row.family === 'control'
    ? { color: colours.surface, borderColor: colour, borderWidth: 1.75 }
    : { color: colour, borderColor: colours.surface, borderWidth: 1 }
}

interface AxisRange {
  readonly min: number
  readonly max: number
  readonly interval: number
}

/** The gold line stands in the middle, whatever the values are. */
function symmetric(rows: readonly BoardRow[], floorHigh: number): AxisRange {
  const reach = rows.flatMap(({ figures: { gap } }) =>
    hasFigure(gap) ? [gap.value, ...(gap.ci ?? []), ...gap.seeds.map(({ value }) => value)] : [],
  )
  const most = Math.max(floorHigh, 0.05, ...reach.map(Math.abs)) * 100
  const interval = most < 9 ? 2.5 : most < 18 ? 5 : most < 38 ? 10 : 20
  const limit = Math.ceil((most * 1.04) / interval) * interval
  return { min: -limit, max: limit, interval }
}

/** Agreement ends at 100 %; JS starts at 0. */
function extent(metric: PanelMetric, rows: readonly BoardRow[], runs: readonly Run[]): AxisRange {
  const panel = panels.find((candidate) => candidate.metric === metric)
  const scale = panel?.scale ?? 1
  const floor = panel === undefined ? null : floorOf(runs, panel.floor)
  const values = rows.flatMap(({ figures }) => {
    const figure = figures[metric]
    return hasFigure(figure) ? [figure.value * scale, ...(figure.ci ?? []).map((bound) => bound * scale)] : []
  })
  if (floor !== null) values.push(floor.value * scale)
  if (metric === 'jsDivergence') {
    const interval = Math.max(...values) > 0.25 ? 0.2 : 0.1
    return { min: 0, max: Math.max(interval, Math.ceil(Math.max(0, ...values) / interval) * interval), interval }
  }
  const least = Math.min(100, ...values) - 1
  const interval = least >= 80 ? 10 : least >= 60 ? 20 : 25
  return { min: Math.max(0, 100 - Math.ceil((100 - least) / interval) * interval), max: 100, interval }
}
