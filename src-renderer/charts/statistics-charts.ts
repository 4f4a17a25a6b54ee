import type { CustomSeriesRenderItem, EChartsOption, LabelLayoutOptionCallback } from 'echarts/types/dist/shared'
import { isPresent } from '#shared/domain/metrics.ts'
import type { MetricComparison, ParetoPoint } from '#shared/domain/statistics.ts'
import { formatPValue } from '#shared/units.ts'
import type { TableData } from '../lib/csv.ts'
import { roleOfMethod } from '../lib/roles.ts'
import type { SweepCurve } from '../lib/sweep-curves.ts'
import type { ColourTokens } from '../theme/tokens.ts'
import { baseOption, categoryAxisStyle, valueAxisStyle } from './chart-style.ts'

export interface DifferenceWords {
  readonly method: string
  readonly difference: string
  readonly low: string
  readonly high: string
  readonly p: string
  readonly floor: string
  readonly equal: string
  readonly description: string
  readonly title: (method: string) => string
  readonly value: (difference: number) => string
}

interface DrawnDifference {
  readonly method: string
  readonly value: number
  readonly imagesCi: readonly [number, number] | null
  readonly seedsCi: readonly [number, number] | null
  readonly p: number | null
  readonly differs: boolean
}

function drawn(comparison: MetricComparison): readonly DrawnDifference[] {
  return comparison.differences.flatMap(({ method, difference, imagesCi, seedsCi, pHolm, differs }) =>
    isPresent(difference) ? [{ method, value: difference.value, imagesCi, seedsCi, p: pHolm, differs }] : [],
  )
}

export function differenceData(comparison: MetricComparison, words: DifferenceWords): TableData {
  return {
    columns: [
      { id: 'method', label: words.method },
      { id: 'difference', label: words.difference },
      { id: 'images.low', label: `${words.low}, F` },
      { id: 'images.high', label: `${words.high}, F` },
      { id: 'seeds.low', label: words.low },
      { id: 'seeds.high', label: words.high },
      { id: 'p', label: words.p },
    ],
    rows: drawn(comparison).map((row) => [
      row.method,
      row.value,
      row.imagesCi?.[0] ?? null,
      row.imagesCi?.[1] ?? null,
      row.seedsCi?.[0] ?? null,
      row.seedsCi?.[1] ?? null,
      row.p,
    ]),
  }
}

const rowHeight = 28

export function differenceHeight(comparison: MetricComparison): number {
  return 66 + Math.max(1, drawn(comparison).length) * rowHeight
}

/** Each method minus the reference: thick bar over images, thin one over seeds, the gold-gold floor as a band. */
export function differenceOption(
  comparison: MetricComparison,
  words: DifferenceWords,
  colours: ColourTokens,
): EChartsOption {
  // ECharts counts categories from the bottom.
  const rows = drawn(comparison).toReversed()
  const { floor } = comparison
  const reach = Math.max(
    floor ?? 0,
    ...rows.flatMap(({ value, imagesCi, seedsCi }) => [value, ...(imagesCi ?? []), ...(seedsCi ?? [])].map(Math.abs)),
  )
  const limit = reach === 0 ? 1 : reach * 1.08
  return {
    ...baseOption(colours, words.description),
    grid: { left: 190, right: 30, top: 22, bottom: 44 },
    xAxis: {
      type: 'value',
      // An interval of one degree of freedom would flatten all others: cut, never hidden (the table has it).
      min: -limit,
      max: limit,
      name: words.difference,
      nameLocation: 'middle',
      nameGap: 28,
      ...valueAxisStyle(colours),
      axisLabel: {
        color: colours.muted,
        fontSize: 11,
        hideOverlap: true,
        showMinLabel: false,
        showMaxLabel: false,
        formatter: (value: number) => words.value(value),
      },
    },
    yAxis: {
      type: 'category',
      data: rows.map(({ method }) => words.title(method)),
      ...categoryAxisStyle(colours),
      axisLabel: { color: colours.text, fontSize: 12, width: 172, overflow: 'truncate', margin: 12 },
    },
    series: [
      {
        type: 'custom',
        name: words.low,
        silent: true,
        renderItem: intervals(rows, colours),
        data: rows.map((row, i) => [row.value, i]),
        encode: { x: 0, y: 1 },
        clip: true,
        markLine: {
          silent: true,
          symbol: 'none',
          data: [{ xAxis: 0 }],
          lineStyle: { color: colours.chartAxis, width: 1.5, type: 'solid' },
          label: { formatter: words.equal, position: 'end', color: colours.muted, fontSize: 11, distance: 3 },
        },
        ...(floor === null || floor === 0
          ? {}
          : {
              markArea: {
                silent: true,
                data: [[{ xAxis: -floor }, { xAxis: floor }]],
                itemStyle: { color: colours.floor },
              },
            }),
      },
      {
        type: 'scatter',
        name: words.difference,
        data: rows.map((row, i) => ({
          value: [row.value, i],
          // Filled: it differs; hollow: it may be chance.
          itemStyle: {
            color: row.differs ? colours.unlearned : colours.surface,
            borderColor: colours.unlearned,
            borderWidth: 2,
          },
        })),
        symbolSize: 10,
        tooltip: {
          formatter: (event) => {
            const row = rows[(event as { dataIndex: number }).dataIndex]
            if (row === undefined) return ''
            const p = row.p === null ? '' : `\n${words.p}: ${formatPValue(row.p)}`
            return `${words.title(row.method)}\n${words.difference}: ${words.value(row.value)}${p}`
          },
        },
      },
    ],
  }
}

function intervals(rows: readonly DrawnDifference[], colours: ColourTokens): CustomSeriesRenderItem {
  return (_params, api) => {
    const at = Number(api.value(1))
    const row = rows[at]
    const bar = (ci: readonly [number, number] | null, width: number, opacity: number) => {
      if (ci === null) return []
      const [x1, y] = api.coord([ci[0], at])
      const [x2] = api.coord([ci[1], at])
      return [
        {
          type: 'line' as const,
          shape: { x1, y1: y, x2, y2: y },
          style: { stroke: colours.unlearned, lineWidth: width, opacity },
        },
      ]
    }
    return {
      type: 'group',
      children: row === undefined ? [] : [...bar(row.imagesCi, 6, 0.35), ...bar(row.seedsCi, 1.5, 1)],
    }
  }
}

export interface SweepWords {
  readonly key: string
  readonly metric: string
  readonly low: string
  readonly high: string
  readonly auc: string
  readonly floor: string
  readonly description: string
  readonly value: (amount: number) => string
}

export function sweepData(curve: SweepCurve, words: SweepWords): TableData {
  return {
    columns: [
      { id: 'value', label: words.key },
      { id: 'mean', label: words.metric },
      { id: 'low', label: words.low },
      { id: 'high', label: words.high },
      { id: 'auc', label: words.auc },
    ],
    rows: curve.points.map(({ value, mean, ci, auc }) => [value, mean, ci?.[0] ?? null, ci?.[1] ?? null, auc]),
  }
}

/** A figure by the values of one parameter, with its interval; the predictor's AUC on the right axis where there is one. */
export function sweepOption(
  curve: SweepCurve,
  floor: number | null,
  words: SweepWords,
  colours: ColourTokens,
): EChartsOption {
  const { points } = curve
  const style = valueAxisStyle(colours)
  const values = points.map(({ value }) => value)
  const hasAuc = points.some(({ auc }) => auc !== null)
  return {
    ...baseOption(colours, words.description),
    tooltip: { ...baseOption(colours, '').tooltip, trigger: 'axis' },
    grid: { left: 66, right: hasAuc ? 60 : 24, top: 30, bottom: 46 },
    // Values side by side: sweeps are seldom evenly spaced, and every one of them must be legible.
    xAxis: {
      type: 'category',
      data: values,
      name: words.key,
      nameLocation: 'middle',
      nameGap: 28,
      ...categoryAxisStyle(colours),
      nameTextStyle: { color: colours.muted, fontSize: 11 },
    },
    yAxis: [
      {
        type: 'value',
        name: words.metric,
        ...style,
        nameTextStyle: { color: colours.unlearned, fontSize: 11, align: 'left', padding: [0, 0, 0, -50] },
        axisLabel: { ...style.axisLabel, formatter: (value: number) => words.value(value) },
      },
      {
        type: 'value',
        name: words.auc,
        show: hasAuc,
        min: 0.4,
        max: 1,
        ...style,
        splitLine: { show: false },
        nameTextStyle: { color: colours.twin, fontSize: 11, align: 'right', padding: [0, -44, 0, 0] },
      },
    ],
    series: [
      {
        type: 'custom',
        name: words.low,
        silent: true,
        tooltip: { show: false },
        // The ends too, so that the axis has room for them.
        data: points.map(({ mean, ci }, i) => [i, mean, ci?.[0] ?? mean, ci?.[1] ?? mean]),
        encode: { x: 0, y: [1, 2, 3] },
        renderItem: (_params, api) => {
          const at = Number(api.value(0))
          const ci = points[at]?.ci ?? null
          if (ci === null) return { type: 'group', children: [] }
          const [x, y1] = api.coord([at, ci[0]])
          const [, y2] = api.coord([at, ci[1]])
          return { type: 'line', shape: { x1: x, y1, x2: x, y2 }, style: { stroke: colours.unlearned, lineWidth: 1.5 } }
        },
      },
      {
        type: 'line',
        name: words.metric,
        data: points.map(({ mean }) => mean),
        symbol: 'circle',
        symbolSize: 8,
        lineStyle: { width: curve.numeric ? 2 : 0, color: colours.unlearned },
        itemStyle: { color: colours.unlearned },
        ...(floor === null
          ? {}
          : {
              markLine: {
                silent: true,
                symbol: 'none',
                data: [{ yAxis: floor }],
                lineStyle: { color: colours.goldMark, width: 1.5, type: 'dashed' },
                label: { formatter: words.floor, position: 'insideEndTop', color: colours.gold, fontSize: 11 },
              },
            }),
      },
      ...(hasAuc
        ? [
            {
              type: 'line' as const,
              name: words.auc,
              yAxisIndex: 1,
              data: points.map(({ auc }) => auc),
              symbol: 'rect',
              symbolSize: 7,
              lineStyle: { width: curve.numeric ? 2 : 0, type: 'dashed' as const, color: colours.twin },
              itemStyle: { color: colours.twin },
            },
          ]
        : []),
    ],
  }
}

export type ParetoAxis = 'cost' | 'utility'

export interface ParetoWords {
  readonly method: string
  readonly absGap: string
  readonly axis: string
  readonly front: string
  readonly description: string
  readonly title: (method: string) => string
  readonly value: (amount: number) => string
  readonly gap: (amount: number) => string
}

interface FrontPoint {
  readonly method: string
  readonly x: number
  readonly y: number
  readonly onFront: boolean
}

function frontPoints(points: readonly ParetoPoint[], axis: ParetoAxis): readonly FrontPoint[] {
  return points.flatMap(({ method, absGap, cost, utilityLoss, onCostFront, onUtilityFront }) => {
    if (axis === 'cost') return [{ method, x: cost, y: absGap, onFront: onCostFront }]
    return utilityLoss === null ? [] : [{ method, x: utilityLoss, y: absGap, onFront: onUtilityFront }]
  })
}

export function paretoData(points: readonly ParetoPoint[], axis: ParetoAxis, words: ParetoWords): TableData {
  return {
    columns: [
      { id: 'method', label: words.method },
      { id: axis, label: words.axis },
      { id: 'absGap', label: words.absGap },
      { id: 'onFront', label: words.front },
    ],
    rows: frontPoints(points, axis).map(({ method, x, y, onFront }) => [method, x, y, onFront ? 1 : 0]),
  }
}

/**
 * Methods that cost the same stand in a heap: each name goes right of its point, and up from there until it covers no
 * other. The front goes on to the right of its points, so that their names stand above it.
 */
function namesApart(isOnFront: (index: number) => boolean): LabelLayoutOptionCallback {
  const line = 13
  let placed: { readonly x: number; readonly y: number; readonly width: number }[] = []
  return ({ dataIndex = 0, rect, labelRect: { width } }) => {
    // Each drawing begins anew.
    if (dataIndex === 0) placed = []
    const x = rect.x + rect.width + 7
    let y = rect.y + rect.height / 2 - (isOnFront(dataIndex) ? line * 0.7 : 0)
    const isCovered = (): boolean =>
      placed.some((other) => x < other.x + other.width && other.x < x + width && Math.abs(y - other.y) < line)
    while (y > line && isCovered()) y -= 1
    placed.push({ x, y, width })
    return { x, y, align: 'left', verticalAlign: 'middle' }
  }
}

/** Absolute gap against what it costs, or against the accuracy it loses: nothing lies below and left of the front. */
export function paretoOption(
  points: readonly ParetoPoint[],
  axis: ParetoAxis,
  words: ParetoWords,
  colours: ColourTokens,
): EChartsOption {
  // From the bottom up: names are laid out in this order.
  const all = frontPoints(points, axis).toSorted((a, b) => a.y - b.y || a.x - b.x)
  const front = all.filter(({ onFront }) => onFront).toSorted((a, b) => a.x - b.x || b.y - a.y)
  const style = valueAxisStyle(colours)
  return {
    ...baseOption(colours, words.description),
    grid: { left: 62, right: 140, top: 20, bottom: 46 },
    xAxis: {
      type: 'value',
      scale: axis === 'utility',
      ...(axis === 'cost' ? { min: 0 } : {}),
      name: words.axis,
      nameLocation: 'middle',
      nameGap: 28,
      ...style,
      axisLabel: { ...style.axisLabel, hideOverlap: true, formatter: (value: number) => words.value(value) },
    },
    yAxis: {
      type: 'value',
      min: 0,
      name: words.absGap,
      nameLocation: 'middle',
      nameGap: 44,
      ...style,
      axisLabel: { ...style.axisLabel, formatter: (value: number) => words.gap(value) },
    },
    series: [
      {
        type: 'line',
        name: words.front,
        silent: true,
        symbol: 'none',
        step: 'end',
        data: front.map(({ x, y }) => [x, y]),
        lineStyle: { color: colours.aligned, width: 1.5, type: 'dashed' },
      },
      {
        type: 'scatter',
        name: words.absGap,
        symbolSize: 10,
        data: all.map(({ method, x, y, onFront }) => {
          const role = roleOfMethod(method)
          const colour = role === 'gold' ? colours.goldMark : colours[role]
          return {
            name: words.title(method),
            value: [x, y],
            itemStyle: { color: onFront ? colour : colours.surface, borderColor: colour, borderWidth: 2 },
          }
        }),
        label: {
          show: true,
          position: 'right',
          formatter: '{b}',
          color: colours.text,
          fontSize: 11,
          width: 150,
          overflow: 'truncate',
        },
        labelLayout: namesApart((index) => all[index]?.onFront === true),
        labelLine: { show: true, length2: 4, lineStyle: { color: colours.chartAxis, width: 1 } },
        tooltip: {
          formatter: (event) => {
            const point = all[(event as { dataIndex: number }).dataIndex]
            if (point === undefined) return ''
            return `${words.title(point.method)}\n${words.absGap}: ${words.gap(point.y)}\n${words.axis}: ${words.value(point.x)}`
          },
        },
      },
    ],
  }
}
