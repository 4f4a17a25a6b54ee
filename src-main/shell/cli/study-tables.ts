/** A study's figures as tables, one row a figure: what pandas, R and spreadsheets read without further ado. */
import type { AttackResults, AttackRow } from '#shared/domain/attack.ts'
import { isPresent, type Metric, type MetricTable } from '#shared/domain/metrics.ts'
import type { StudyResult } from '#shared/domain/study.ts'

export type Table = readonly (readonly (string | number | null)[])[]

/** File name -> table; one that would be empty is left out. */
export function studyTables(result: StudyResult, attacks: AttackResults): Readonly<Record<string, Table>> {
  const tables = {
    'metrics.csv': metricRows(result),
    'verdicts.csv': verdictRows(result),
    'attacks.csv': attackRows(attacks),
    'attack-curves.csv': curveRows(attacks),
    'relearning.csv': relearningRows(attacks),
    'layers.csv': layerRows(attacks),
  }
  return Object.fromEntries(Object.entries(tables).filter(([, rows]) => rows.length > 1))
}

const figureColumns = ['value', 'ci95_low', 'ci95_high', 'n', 'absent'] as const

function figureCells(metric: Metric): readonly (string | number | null)[] {
  if (!isPresent(metric)) return [null, null, null, null, metric.absent]
  return [metric.value, metric.ci?.[0] ?? null, metric.ci?.[1] ?? null, metric.n, null]
}

function metricRows({ runs }: StudyResult): Table {
  return [
    ['run', 'method', 'seed', 'state', 'metric', ...figureColumns],
    ...runs.flatMap(({ id, method, seed, state, metrics }) =>
      Object.entries(metrics ?? {}).map(([name, metric]) => [id, method, seed, state, name, ...figureCells(metric)]),
    ),
  ]
}

function verdictRows({ verdicts }: StudyResult): Table {
  return [
    ['method', 'seed', 'value', 'label', 'margin', 'sentence'],
    ...verdicts.map(({ method, seed, value, label, margin, sentence }) => [
      method,
      seed,
      value,
      label,
      margin,
      sentence,
    ]),
  ]
}

function attackRows({ rows, floors }: AttackResults): Table {
  const lines = ({ attack, method, seed, state, report }: AttackRow): Table => {
    const ofPart = (part: string, figures: MetricTable): Table =>
      Object.entries(figures).map(([name, metric]) => {
        const floor = part === 'all' ? floors[attack]?.[name] : undefined
        return [attack, method, seed, state, part, name, ...figureCells(metric), isPresent(floor) ? floor.value : null]
      })
    if (report === null) return [[attack, method, seed, state, 'all', null, null, null, null, null, null, null]]
    return [
      ...ofPart('all', report.figures),
      ...Object.entries(report.subsets).flatMap(([part, figures]) => ofPart(part, figures)),
    ]
  }
  return [
    ['attack', 'method', 'seed', 'state', 'part', 'figure', ...figureColumns, 'gold'],
    ...rows.flatMap((row) => lines(row)),
  ]
}

function curveRows({ rows }: AttackResults): Table {
  return [
    ['attack', 'method', 'seed', 'variant', 'fpr', 'tpr'],
    ...rows.flatMap(({ attack, method, seed, report }) =>
      Object.entries(report?.roc ?? {}).flatMap(([variant, points]) =>
        points.map(({ fpr, tpr }) => [attack, method, seed, variant, fpr, tpr]),
      ),
    ),
  ]
}

function relearningRows({ rows }: AttackResults): Table {
  return [
    ['method', 'seed', 'model', 'step', 'accuracy'],
    ...rows.flatMap(({ method, seed, report }) =>
      (report?.relearning?.curves ?? []).flatMap(({ model, accuracy }) =>
        accuracy.map((value, step) => [method, seed, model, step, value]),
      ),
    ),
  ]
}

function layerRows({ rows }: AttackResults): Table {
  return [
    ['attack', 'method', 'seed', 'layer', 'set', ...figureColumns],
    ...rows.flatMap(({ attack, method, seed, report }) =>
      (report?.layers ?? []).map(({ layer, set, value }) => [attack, method, seed, layer, set, ...figureCells(value)]),
    ),
  ]
}
