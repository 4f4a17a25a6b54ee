import type { EChartsOption } from 'echarts/types/dist/shared'
import type { CurvePoint } from '#shared/domain/stage.ts'
import type { CostLedger } from '#shared/domain/study.ts'
import type { PredictorReport } from '#shared/domain/tmu.ts'
import type { TableData } from '../lib/csv.ts'
import { roleOfMethod } from '../lib/roles.ts'
import type { ColourTokens } from '../theme/tokens.ts'
import { baseOption, categoryAxisStyle, valueAxisStyle } from './chart-style.ts'

export interface CurveWords {
  readonly epoch: string
  readonly loss: string
  readonly accuracy: string
  readonly learningRate: string
  readonly description: string
}

export function curveData(curve: readonly CurvePoint[], words: CurveWords): TableData {
  return {
    columns: [
      { id: 'epoch', label: words.epoch },
      { id: 'loss', label: words.loss },
      { id: 'accuracy', label: words.accuracy },
      { id: 'learningRate', label: words.learningRate },
    ],
    rows: curve.map(({ epoch, loss, accuracy, learningRate }) => [epoch, loss, accuracy, learningRate]),
  }
}

/** Training loss (left) and accuracy (right) by epoch. */
export function curveOption(curve: readonly CurvePoint[], words: CurveWords, colours: ColourTokens): EChartsOption {
  const last = curve.at(-1)?.epoch ?? 1
  const axis = valueAxisStyle(colours)
  return {
    ...baseOption(colours, words.description),
    grid: { left: 44, right: 48, top: 26, bottom: 36 },
    tooltip: { ...baseOption(colours, '').tooltip, trigger: 'axis' },
    xAxis: {
      type: 'value',
      name: words.epoch,
      nameLocation: 'middle',
      nameGap: 24,
      min: 0,
      max: Math.max(1, last),
      minInterval: 1,
      ...axis,
      splitLine: { show: false },
    },
    yAxis: [
      {
        type: 'value',
        name: words.loss,
        min: 0,
        ...axis,
        nameTextStyle: { color: colours.unlearned, fontSize: 11, align: 'left', padding: [0, 0, 0, -30] },
      },
      {
        type: 'value',
        name: words.accuracy,
        min: 0,
        max: 100,
        ...axis,
        splitLine: { show: false },
        axisLabel: { color: colours.muted, fontSize: 11, formatter: '{value} %' },
        nameTextStyle: { color: colours.aligned, fontSize: 11, align: 'right', padding: [0, -36, 0, 0] },
      },
    ],
    series: [
      {
        type: 'line',
        name: words.loss,
        data: curve.map((point) => [point.epoch, point.loss]),
        symbol: 'circle',
        symbolSize: 4,
        showSymbol: curve.length < 40,
        lineStyle: { width: 2, color: colours.unlearned },
        itemStyle: { color: colours.unlearned },
      },
      {
        type: 'line',
        name: words.accuracy,
        yAxisIndex: 1,
        data: curve.map((point) => [point.epoch, point.accuracy * 100]),
        symbol: 'rect',
        symbolSize: 4,
        showSymbol: curve.length < 40,
        lineStyle: { width: 2, type: 'dashed', color: colours.aligned },
        itemStyle: { color: colours.aligned },
      },
    ],
  }
}

export interface ReliabilityWords {
  readonly from: string
  readonly to: string
  readonly n: string
  readonly predicted: string
  readonly observed: string
  readonly ideal: string
  readonly description: string
}

/** Empty bins have nothing to draw and are left out of the data as well. */
export function reliabilityData(report: PredictorReport, words: ReliabilityWords): TableData {
  return {
    columns: [
      { id: 'from', label: words.from },
      { id: 'to', label: words.to },
      { id: 'n', label: words.n },
      { id: 'meanPredicted', label: words.predicted },
      { id: 'easyShare', label: words.observed },
    ],
    rows: report.reliability
      .filter((bin) => bin.n > 0)
      .map((bin) => [bin.from, bin.to, bin.n, bin.meanPredicted, bin.easyShare]),
  }
}

/** Share of easy twin samples against what was predicted; on the diagonal the probabilities can be believed. */
export function reliabilityOption(
  report: PredictorReport,
  words: ReliabilityWords,
  colours: ColourTokens,
): EChartsOption {
  const bins = report.reliability.filter((bin) => bin.n > 0)
  const most = Math.max(1, ...bins.map((bin) => bin.n))
  const axis = { type: 'value' as const, min: 0, max: 1, interval: 0.25, ...valueAxisStyle(colours) }
  return {
    ...baseOption(colours, words.description),
    grid: { left: 52, right: 16, top: 12, bottom: 44 },
    xAxis: { ...axis, name: words.predicted, nameLocation: 'middle', nameGap: 26 },
    yAxis: { ...axis, name: words.observed, nameLocation: 'middle', nameGap: 36 },
    series: [
      {
        type: 'line',
        name: words.ideal,
        silent: true,
        symbol: 'none',
        data: [
          [0, 0],
          [1, 1],
        ],
        lineStyle: { color: colours.chartAxis, type: 'dashed', width: 1 },
      },
      {
        type: 'line',
        name: words.observed,
        data: bins.map((bin) => ({
          value: [bin.meanPredicted, bin.easyShare],
          symbolSize: 5 + 11 * Math.sqrt(bin.n / most),
        })),
        symbol: 'circle',
        lineStyle: { color: colours.twin, width: 1.5 },
        itemStyle: { color: colours.twin },
        tooltip: {
          formatter: (event) => {
            const bin = bins[(event as { dataIndex: number }).dataIndex]
            if (bin === undefined) return ''
            return `${words.predicted}: ${bin.meanPredicted.toFixed(2)}\n${words.observed}: ${bin.easyShare.toFixed(2)}\n${words.n}: ${bin.n}`
          },
        },
      },
    ],
  }
}

export interface CostWords {
  readonly method: string
  readonly backward: string
  readonly forward: string
  readonly seconds: string
  readonly gold: string
  readonly description: string
  readonly title: (method: string) => string
  readonly visits: (value: number) => string
}

export function costData(ledger: CostLedger, words: CostWords): TableData {
  const rows = costRows(ledger)
  return {
    columns: [
      { id: 'method', label: words.method },
      { id: 'visitsBackward', label: words.backward },
      { id: 'visitsForward', label: words.forward },
      { id: 'seconds', label: words.seconds },
    ],
    rows: rows.map(({ method, cost }) => [method, cost.visitsBackward, cost.visitsForward, cost.seconds]),
  }
}

function costRows(ledger: CostLedger) {
  return [
    ...(ledger.gold === null ? [] : [{ method: 'gold', cost: ledger.gold }]),
    ...Object.entries(ledger.perRequest)
      .filter(([method]) => method !== 'gold')
      .map(([method, cost]) => ({ method, cost })),
  ]
}

export function costHeight(ledger: CostLedger): number {
  return 60 + costRows(ledger).length * 26
}

/** Backward sample-visits of one request, the gold's as the line to beat. */
export function costOption(ledger: CostLedger, words: CostWords, colours: ColourTokens): EChartsOption {
  const rows = costRows(ledger).toReversed()
  const colour = (method: string): string => {
    const role = roleOfMethod(method)
    return role === 'gold' ? colours.goldMark : colours[role]
  }
  return {
    ...baseOption(colours, words.description),
    grid: { left: 178, right: 90, top: 20, bottom: 34 },
    xAxis: {
      type: 'value',
      min: 0,
      name: words.backward,
      nameLocation: 'middle',
      nameGap: 22,
      ...valueAxisStyle(colours),
      axisLabel: { color: colours.muted, fontSize: 11, formatter: (value: number) => words.visits(value) },
    },
    yAxis: {
      type: 'category',
      data: rows.map(({ method }) => words.title(method)),
      ...categoryAxisStyle(colours),
      axisLabel: { color: colours.text, fontSize: 12, width: 164, overflow: 'truncate', margin: 12 },
    },
    series: [
      {
        type: 'bar',
        name: words.backward,
        barWidth: 12,
        data: rows.map(({ method, cost }) => ({ value: cost.visitsBackward, itemStyle: { color: colour(method) } })),
        label: {
          show: true,
          position: 'right',
          color: colours.text,
          fontSize: 11,
          formatter: ({ value }) => words.visits(Number(value)),
        },
        ...(ledger.gold === null
          ? {}
          : {
              markLine: {
                silent: true,
                symbol: 'none',
                data: [{ xAxis: ledger.gold.visitsBackward }],
                lineStyle: { color: colours.goldMark, width: 1.5, type: 'dashed' },
                label: { formatter: words.gold, position: 'end', color: colours.gold, fontSize: 11, distance: 3 },
              },
            }),
      },
    ],
  }
}
