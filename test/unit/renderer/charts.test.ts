import { parse } from 'csv-parse/sync'
import { describe, expect, it } from 'vitest'
import type { MetricTable } from '#shared/domain/metrics.ts'
import type { Run } from '#shared/domain/study.ts'
import type { RunId, StudyId } from '#shared/ids.ts'
import {
  type BoardWords,
  boardData,
  boardLayout,
  boardOption,
  boardRows,
} from '../../../src-renderer/charts/alignment-board.ts'
import {
  type CostWords,
  type CurveWords,
  costData,
  costOption,
  curveData,
  curveOption,
  type ReliabilityWords,
  reliabilityData,
  reliabilityOption,
} from '../../../src-renderer/charts/simple-charts.ts'
import { type TableData, toCsv } from '../../../src-renderer/lib/csv.ts'
import { methodRows } from '../../../src-renderer/lib/method-rows.ts'
import { tokens } from '../../../src-renderer/theme/tokens.ts'

const read = (table: TableData): readonly Record<string, string>[] =>
  parse(toCsv(table), { columns: true, skip_empty_lines: true }) as Record<string, string>[]
interface DrawnSeries {
  readonly name: string
  readonly data: readonly (readonly number[] | { readonly value: readonly number[] | number; readonly name?: string })[]
  readonly markLine?: { readonly data: readonly { readonly xAxis: number }[] }
  readonly markArea?: { readonly data: readonly (readonly { readonly xAxis: number }[])[] }
}
const seriesOf = (option: { series?: unknown }, name: string): DrawnSeries => {
  const found = (option.series as readonly DrawnSeries[]).find((series) => series.name === name)
  if (found === undefined) throw new Error(`There is no series ${name}.`)
  return found
}
const coordinates = (series: DrawnSeries): readonly (readonly number[])[] =>
  series.data.map((item) => {
    const value = 'value' in item ? item.value : item
    return typeof value === 'number' ? [value] : value
  })

const metrics = (gap: number, agreement: number): MetricTable => ({
  gap: { value: gap, ci: [gap - 0.031, gap + 0.029], n: 300 },
  easyHardAgreement: { value: agreement, ci: [agreement - 0.04, agreement + 0.04], n: 300 },
  agreement: { value: agreement - 0.02, ci: null, n: 8 },
  jsDivergence: { value: 0.0537, ci: [0.04, 0.07], n: 300 },
  gapFloor: { value: 0.02, ci: [0, 0.05], n: 300 },
})
const run = (method: string, seed: number, table: MetricTable | null): Run => ({
  id: `${method}-${seed}` as RunId,
  studyId: 's' as StudyId,
  studyName: 's',
  method,
  seed,
  state: 'succeeded',
  metrics: table,
  cost: null,
  error: null,
  outcomePath: null,
  createdAt: '',
  finishedAt: null,
})
const runs = [
  run('tmu', 1, metrics(0.0123456789, 0.86)),
  run('tmu', 2, metrics(0.03, 0.88)),
  run('none', 1, metrics(0.226, 0.77)),
  run('broken', 1, { gap: { absent: 'It failed.' } }),
]
const boardWords: BoardWords = {
  headings: { gap: 'Gap', easyHardAgreement: 'Alike', agreement: 'Same', jsDivergence: 'JS' },
  method: 'Method',
  gold: 'gold',
  floor: 'golds',
  underForgotten: 'under',
  overForgotten: 'over',
  low: 'low',
  high: 'high',
  seeds: 'seeds',
  description: 'board',
  gap: String,
  gapTick: String,
  value: (_metric, value) => String(value),
}

describe('the alignment board', () => {
  const rows = boardRows(
    methodRows(runs, () => 0),
    (method) => ({ title: method, family: 'tmu' }),
  )
  const option = boardOption(rows, runs, boardWords, tokens.light, boardLayout(rows.length, 1200))
  const csv = read(boardData(rows, boardWords))

  it('exports exactly the gaps that it draws, in fractions', () => {
    const drawn = coordinates(seriesOf(option, 'gap')).map(([x]) => x)
    // Categories are drawn from the bottom; a row without the figure has no mark.
    const exported = csv.toReversed().flatMap((row) => (row['gap'] === '' ? [] : [Number(row['gap']) * 100]))
    expect(drawn).toEqual(exported)
    expect(exported).toHaveLength(2)
  })

  it('exports exactly the intervals that it draws', () => {
    const drawn = coordinates(seriesOf(option, 'gap interval')).map(([, low, high]) => [low, high])
    const exported = csv
      .toReversed()
      .flatMap((row) => (row['gap.low'] === '' ? [] : [[Number(row['gap.low']) * 100, Number(row['gap.high']) * 100]]))
    expect(drawn).toEqual(exported)
  })

  it('draws single seeds as dots without bars, and no interval where there is none', () => {
    expect(coordinates(seriesOf(option, 'gap seeds')).map(([x]) => x)).toEqual([0.0123456789 * 100, 3])
    // `agreement` has no interval at n = 8; TMU's two seeds have one of their own.
    expect(coordinates(seriesOf(option, 'agreement interval'))).toHaveLength(1)
  })

  it('draws the gold line at 0 within the floor band', () => {
    const gap = seriesOf(option, 'gap')
    expect(gap.markLine?.data).toEqual([{ xAxis: 0 }])
    expect(gap.markArea?.data).toEqual([[{ xAxis: -2 }, { xAxis: 2 }]])
  })

  it('keeps the gold line in the middle', () => {
    const [axis] = option.xAxis as readonly { readonly min: number; readonly max: number }[]
    expect(axis?.min).toBe(-(axis?.max ?? 0))
    expect(axis?.max).toBeGreaterThan(25.5)
  })

  it('stacks the other figures below the gap where the window is narrow, and nothing overlaps', () => {
    for (const width of [380, 560, 619, 640, 780, 899, 900, 1400, 2800]) {
      const { places, height } = boardLayout(13, width)
      for (const place of places) {
        expect(place.left + place.width, `${width}`).toBeLessThanOrEqual(width)
        expect(place.top + 13 * 30).toBeLessThanOrEqual(height)
        expect(place.width).toBeGreaterThan(60)
      }
      for (const [i, a] of places.entries())
        for (const b of places.slice(i + 1)) if (a.top === b.top) expect(a.left + a.width).toBeLessThanOrEqual(b.left)
    }
  })
})

describe('the training curve', () => {
  const words: CurveWords = {
    epoch: 'Epoch',
    loss: 'Loss',
    accuracy: 'Accuracy',
    learningRate: 'Rate',
    description: '',
  }
  const curve = [1, 2, 3].map((epoch) => ({
    epoch,
    loss: 2 / epoch,
    accuracy: 1 - 1 / (epoch + 1),
    learningRate: 0.003 / epoch,
  }))

  it('exports the points that it draws, and the learning rate beside them', () => {
    const csv = read(curveData(curve, words))
    const option = curveOption(curve, words, tokens.dark)
    expect(coordinates(seriesOf(option, 'Loss'))).toEqual(csv.map((row) => [Number(row['epoch']), Number(row['loss'])]))
    expect(coordinates(seriesOf(option, 'Accuracy'))).toEqual(
      csv.map((row) => [Number(row['epoch']), Number(row['accuracy']) * 100]),
    )
    expect(csv.map((row) => Number(row['learningRate']))).toEqual(curve.map((point) => point.learningRate))
  })
})

describe('the reliability curve', () => {
  const words: ReliabilityWords = {
    from: 'From',
    to: 'To',
    n: 'n',
    predicted: 'Predicted',
    observed: 'Easy',
    ideal: 'Ideal',
    description: '',
  }
  const report = {
    n: 12,
    easy: 8,
    hard: 4,
    auc: 0.8,
    brier: 0.1,
    featureAuc: {},
    reliability: [
      { from: 0, to: 0.5, n: 4, meanPredicted: 0.21, easyShare: 0.25 },
      { from: 0.5, to: 0.75, n: 0, meanPredicted: 0, easyShare: 0 },
      { from: 0.75, to: 1, n: 8, meanPredicted: 0.9, easyShare: 0.875 },
    ],
  }

  it('leaves empty bins out of picture and data alike', () => {
    const csv = read(reliabilityData(report, words))
    const drawn = coordinates(seriesOf(reliabilityOption(report, words, tokens.light), 'Easy'))
    expect(drawn).toEqual(csv.map((row) => [Number(row['meanPredicted']), Number(row['easyShare'])]))
    expect(drawn).toHaveLength(2)
  })
})

describe('the cost chart', () => {
  const words: CostWords = {
    method: 'Method',
    backward: 'Backward',
    forward: 'Forward',
    seconds: 'Seconds',
    gold: 'one gold',
    description: '',
    title: (id) => id,
    visits: String,
  }
  const cost = (visitsBackward: number) => ({ seconds: 1, visitsForward: 2, visitsBackward })
  const ledger = {
    total: { stages: 0, ...cost(0) },
    perDataset: cost(1),
    perClass: cost(2),
    reused: {
      perDataset: { stages: 0, ...cost(0) },
      perClass: { stages: 0, ...cost(0) },
      golds: { stages: 0, ...cost(0) },
    },
    perRequest: { tmu: cost(26_000), rewind: cost(13_200) },
    gold: cost(129_000),
    breakEven: {},
  }

  it('exports the bars that it draws, the gold first', () => {
    const csv = read(costData(ledger, words))
    const drawn = coordinates(seriesOf(costOption(ledger, words, tokens.light), 'Backward')).flat()
    expect(drawn.toReversed()).toEqual(csv.map((row) => Number(row['visitsBackward'])))
    expect(csv.map((row) => row['method'])).toEqual(['gold', 'tmu', 'rewind'])
  })
})

describe('CSV', () => {
  it('quotes what needs it, keeps full precision and leaves absent values empty', () => {
    const table: TableData = {
      columns: [
        { id: 'a', label: 'A' },
        { id: 'b', label: 'B' },
      ],
      rows: [
        ['x,"y"\nz', 0.1 + 0.2],
        [null, true],
      ],
    }
    expect(toCsv(table)).toBe('a,b\r\n"x,""y""\nz",0.30000000000000004\r\n,true\r\n')
  })

  it('defuses texts that a spreadsheet would run', () => {
    const table: TableData = { columns: [{ id: 'a', label: 'A' }], rows: [['=1+1'], [-3], ['-x']] }
    expect(toCsv(table)).toBe("a\r\n'=1+1\r\n-3\r\n'-x\r\n")
  })
})
