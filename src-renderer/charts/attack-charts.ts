import type { CustomSeriesRenderItem, EChartsOption } from 'echarts/types/dist/shared'
import type { LayerFigure, RelearnCurve, RocPoint } from '#shared/domain/attack.ts'
import { isPresent } from '#shared/domain/metrics.ts'
import type { TableData } from '../lib/csv.ts'
import type { ColourTokens } from '../theme/tokens.ts'
import { baseOption, categoryAxisStyle, valueAxisStyle } from './chart-style.ts'

/** A model's curve; the role decides colour and dash, so that colour is never the only cue. */
export interface RocLine {
  readonly name: string
  readonly role: 'unlearned' | 'gold' | 'original'
  readonly points: readonly RocPoint[]
}

export interface RocWords {
  readonly model: string
  readonly fpr: string
  readonly tpr: string
  readonly chance: string
  readonly description: string
}

export function rocData(lines: readonly RocLine[], words: RocWords): TableData {
  return {
    columns: [
      { id: 'model', label: words.model },
      { id: 'fpr', label: words.fpr },
      { id: 'tpr', label: words.tpr },
    ],
    rows: lines.flatMap(({ name, points }) => points.map(({ fpr, tpr }) => [name, fpr, tpr])),
  }
}

const dashes = { unlearned: 'solid', gold: [7, 4], original: [2, 3] } as const
const width = { unlearned: 2.4, gold: 1.8, original: 1.8 } as const

function colourOf(role: RocLine['role'], colours: ColourTokens): string {
  return role === 'gold' ? colours.goldMark : colours[role]
}

/** Both axes logarithmic: what an attacker gets right while he may hardly ever be wrong. */
export function rocOption(lines: readonly RocLine[], words: RocWords, colours: ColourTokens): EChartsOption {
  const rates = lines.flatMap(({ points }) => points.flatMap(({ fpr }) => (fpr > 0 ? [fpr] : [])))
  // A rate of 0 has no place on a logarithmic axis: the axis begins at the least that n can show.
  const least = 10 ** Math.floor(Math.log10(Math.min(0.1, ...rates)))
  const axis = (name: string) => ({
    type: 'log' as const,
    min: least,
    max: 1,
    name,
    nameLocation: 'middle' as const,
    ...valueAxisStyle(colours),
    axisLabel: {
      color: colours.muted,
      fontSize: 11,
      formatter: (value: number) => `${Number((value * 100).toPrecision(2))} %`,
    },
  })
  return {
    ...baseOption(colours, words.description),
    grid: { left: 62, right: 24, top: 34, bottom: 46 },
    legend: { top: 0, left: 50, textStyle: { color: colours.muted, fontSize: 11 }, itemWidth: 24 },
    xAxis: { ...axis(words.fpr), nameGap: 28 },
    yAxis: { ...axis(words.tpr), nameGap: 46 },
    series: [
      {
        type: 'line',
        name: words.chance,
        data: [
          [least, least],
          [1, 1],
        ],
        symbol: 'none',
        silent: true,
        lineStyle: { color: colours.chartAxis, width: 1, type: [1, 3] },
        itemStyle: { color: colours.chartAxis },
      },
      ...lines.map(({ name, role, points }) => ({
        type: 'line' as const,
        name,
        data: points.map(({ fpr, tpr }) => [Math.max(fpr, least), Math.max(tpr, least)]),
        symbol: 'none',
        lineStyle: { color: colourOf(role, colours), width: width[role], type: dashes[role] as 'solid' },
        itemStyle: { color: colourOf(role, colours) },
        emphasis: { disabled: true },
      })),
    ],
    tooltip: {
      ...baseOption(colours, words.description).tooltip,
      trigger: 'axis',
      formatter: (params) => {
        const items = Array.isArray(params) ? params : [params]
        return items
          .map(({ seriesName, value }) => {
            const [fpr, tpr] = value as [number, number]
            return `${seriesName}: ${(100 * tpr).toFixed(1)} % (${words.fpr} ${Number((100 * fpr).toPrecision(2))} %)`
          })
          .join('\n')
      },
    },
  }
}

export interface RelearnWords {
  readonly model: string
  readonly step: string
  readonly accuracy: string
  readonly target: string
  readonly description: string
  readonly name: (model: string) => string
}

export function relearnData(curves: readonly RelearnCurve[], words: RelearnWords): TableData {
  return {
    columns: [
      { id: 'model', label: words.model },
      { id: 'step', label: words.step },
      { id: 'accuracy', label: words.accuracy },
    ],
    rows: curves.flatMap(({ model, accuracy }) => accuracy.map((value, step) => [words.name(model), step, value])),
  }
}

export function relearnOption(
  curves: readonly RelearnCurve[],
  target: number,
  words: RelearnWords,
  colours: ColourTokens,
): EChartsOption {
  const lowest = Math.min(target, ...curves.flatMap(({ accuracy }) => accuracy))
  return {
    ...baseOption(colours, words.description),
    grid: { left: 58, right: 24, top: 34, bottom: 46 },
    legend: { top: 0, left: 50, textStyle: { color: colours.muted, fontSize: 11 }, itemWidth: 24 },
    xAxis: { type: 'value', min: 0, name: words.step, nameLocation: 'middle', nameGap: 28, ...valueAxisStyle(colours) },
    yAxis: {
      type: 'value',
      min: Math.max(0, Math.floor(lowest * 20) / 20 - 0.05),
      max: 1,
      ...valueAxisStyle(colours),
      axisLabel: { color: colours.muted, fontSize: 11, formatter: (value: number) => `${Math.round(value * 100)} %` },
    },
    series: curves.map(({ model, accuracy }, i) => {
      const role = model === 'unlearned' ? 'unlearned' : 'gold'
      return {
        type: 'line',
        name: words.name(model),
        data: accuracy.map((value, step) => [step, value]),
        symbol: 'none',
        lineStyle: { color: colourOf(role, colours), width: width[role], type: dashes[role] as 'solid' },
        itemStyle: { color: colourOf(role, colours) },
        ...(i === 0
          ? {
              markLine: {
                silent: true,
                symbol: 'none',
                data: [{ yAxis: target }],
                lineStyle: { color: colours.original, type: [2, 3], width: 1.5 },
                label: { formatter: words.target, position: 'insideEndTop', color: colours.muted, fontSize: 11 },
              },
            }
          : {}),
      }
    }),
    tooltip: {
      ...baseOption(colours, words.description).tooltip,
      trigger: 'axis',
      formatter: (params) => {
        const items = Array.isArray(params) ? params : [params]
        const [first] = items
        const step = first === undefined ? 0 : (first.value as [number, number])[0]
        return [
          `${words.step} ${step}`,
          ...items.map(
            ({ seriesName, value }) => `${seriesName}: ${(100 * (value as [number, number])[1]).toFixed(1)} %`,
          ),
        ].join('\n')
      },
    },
  }
}

/** Layers of one method on one set. */
export interface CkaRow {
  readonly method: string
  readonly layers: readonly LayerFigure[]
}

export interface CkaWords {
  readonly method: string
  readonly layer: string
  readonly cka: string
  readonly low: string
  readonly high: string
  readonly description: string
  readonly title: (method: string) => string
}

export function ckaData(rows: readonly CkaRow[], words: CkaWords): TableData {
  return {
    columns: [
      { id: 'method', label: words.method },
      { id: 'layer', label: words.layer },
      { id: 'cka', label: words.cka },
      { id: 'low', label: words.low },
      { id: 'high', label: words.high },
    ],
    rows: rows.flatMap(({ method, layers }) =>
      layers.map(({ layer, value }) =>
        isPresent(value)
          ? [method, layer, value.value, value.ci?.[0] ?? null, value.ci?.[1] ?? null]
          : [method, layer, null, null, null],
      ),
    ),
  }
}

const ckaRowHeight = 26

export function ckaHeight(rows: readonly CkaRow[]): number {
  return 64 + Math.max(1, rows.length) * ckaRowHeight
}

/** A strip a method, a cell a layer: perceptually uniform (viridis), with the figure written in. */
export function ckaOption(rows: readonly CkaRow[], words: CkaWords, colours: ColourTokens): EChartsOption {
  // ECharts counts categories from the bottom.
  const drawn = rows.toReversed()
  const layers = [...new Set(drawn.flatMap((row) => row.layers.map(({ layer }) => layer)))]
  const cells = drawn.flatMap(({ layers: own }, y) =>
    own.flatMap(({ layer, value }) => (isPresent(value) ? [[layers.indexOf(layer), y, value.value]] : [])),
  )
  const lowest = Math.min(0.9, ...cells.map(([, , value]) => value))
  return {
    ...baseOption(colours, words.description),
    grid: { left: 170, right: 20, top: 10, bottom: 40 },
    xAxis: { type: 'category', data: layers, ...categoryAxisStyle(colours) },
    yAxis: {
      type: 'category',
      data: drawn.map(({ method }) => words.title(method)),
      ...categoryAxisStyle(colours),
      axisLabel: { color: colours.text, fontSize: 12, width: 152, overflow: 'truncate', margin: 10 },
    },
    series: [
      {
        type: 'custom',
        name: words.cka,
        data: cells,
        encode: { x: 0, y: 1 },
        renderItem: cell(lowest),
        tooltip: {
          formatter: (event) => {
            const [x, y, value] = (event as unknown as { value: [number, number, number] }).value
            return `${words.title(drawn[y]?.method ?? '')}, ${layers[x] ?? ''}\n${words.cka} ${value.toFixed(3)}`
          },
        },
      },
    ],
  }
}

function cell(lowest: number): CustomSeriesRenderItem {
  return (_params, api) => {
    const value = Number(api.value(2))
    const [x, y] = api.coord([api.value(0), api.value(1)])
    const [w, h] = api.size?.([1, 1]) as [number, number]
    const share = Math.max(0, Math.min(1, (value - lowest) / Math.max(1e-9, 1 - lowest)))
    const [red, green, blue] = viridis(share)
    return {
      type: 'group',
      children: [
        {
          type: 'rect',
          shape: { x: x - w / 2 + 1, y: y - h / 2 + 1, width: w - 2, height: h - 2, r: 2 },
          style: { fill: `rgb(${red}, ${green}, ${blue})` },
        },
        {
          type: 'text',
          style: {
            text: value.toFixed(2),
            x,
            y,
            align: 'center',
            verticalAlign: 'middle',
            // The ramp is dark below its middle, whatever the theme.
            fill: share > 0.55 ? '#10131a' : '#ffffff',
            fontSize: 11,
          },
        },
      ],
    }
  }
}

/** Five anchors of matplotlib's viridis, linear between them. */
const anchors = [
  [68, 1, 84],
  [59, 82, 139],
  [33, 145, 140],
  [94, 201, 98],
  [253, 231, 37],
] as const

export function viridis(share: number): readonly [number, number, number] {
  const at = Math.max(0, Math.min(1, share)) * (anchors.length - 1)
  const below = Math.min(anchors.length - 2, Math.floor(at))
  const part = at - below
  const [a, b] = [anchors[below], anchors[below + 1]]
  if (a === undefined || b === undefined) return anchors[0]
  const mix = (i: 0 | 1 | 2): number => Math.round(a[i] + (b[i] - a[i]) * part)
  return [mix(0), mix(1), mix(2)]
}
