import { type AttackSubset, type AttackSummary, attackSubsets } from '#shared/domain/attack.ts'
import { isPresent, type Metric } from '#shared/domain/metrics.ts'
import { formatNumber } from '#shared/units.ts'
import { table } from './output.ts'

/**
 * One line a figure of each attack on a run (or method), its headline first, and what golds come to; then the headlines
 * by easy and hard, why figures are absent, and what a reader must know of those there are.
 */
export function describeAttacks(rows: readonly AttackSummary[]): string {
  if (rows.length === 0) return ''
  const lines = rows.flatMap(({ attack, method, seed, state, figures, floor, error }) => {
    const head = [attack, method, seed === null ? '–' : seed]
    const named = Object.entries(figures)
    if (named.length === 0) return [[...head, '–', error ?? state, '–', '–']]
    return named.map(([name, metric]) => [...head, name, ...cells(metric), goldCell(floor[name])])
  })
  const tables = rows.flatMap(({ figures, subsets }) => [
    figures,
    ...Object.values(subsets ?? {}).map((part) => part.figures),
  ])
  const reasons = new Set(
    tables.flatMap((figures) =>
      Object.values(figures).flatMap((metric) => ('absent' in metric ? [metric.absent] : [])),
    ),
  )
  const notes = rows.flatMap((row) =>
    (row.notes ?? []).flatMap((note) => (reasons.has(note) ? [] : [`${row.attack}: ${note}`])),
  )
  return [
    'Attacks and slow metrics (compare each figure with the gold beside it, not with chance):',
    table(['ATTACK', 'METHOD', 'SEED', 'FIGURE', 'VALUE (95 % CI)', 'N', 'GOLD'], lines),
    ...describeParts(rows),
    ...[...reasons, ...new Set(notes)].map((note) => `  note: ${note}`),
  ].join('\n')
}

const partNames: Readonly<Record<AttackSubset, string>> = {
  trueEasy: 'TRUE EASY',
  trueHard: 'TRUE HARD',
  predictedEasy: 'PREDICTED EASY',
  predictedHard: 'PREDICTED HARD',
}

/** A headline a line, a part of F a column. */
function describeParts(rows: readonly AttackSummary[]): readonly string[] {
  const lines = rows.flatMap(({ attack, method, seed, figures, subsets = {} }) =>
    Object.keys(figures)
      .filter((name) => attackSubsets.some((part) => subsets[part]?.figures[name] !== undefined))
      .map((name) => [
        ...[attack, method, seed === null ? '–' : seed, name],
        ...attackSubsets.map((part) => partCell(subsets[part]?.figures[name], subsets[part]?.floor[name])),
      ]),
  )
  if (lines.length === 0) return []
  return [
    'By easy and hard (number of images; true: by what most golds get right, and their own figure):',
    table(['ATTACK', 'METHOD', 'SEED', 'FIGURE', ...attackSubsets.map((part) => partNames[part])], lines),
  ]
}

function partCell(metric: Metric | undefined, floor: Metric | undefined): string {
  if (metric === undefined) return '–'
  if (!isPresent(metric)) return 'absent'
  const gold = isPresent(floor) ? `, gold ${figure(floor.value)}` : ''
  return `${figure(metric.value)} (n ${metric.n}${gold})`
}

function cells(metric: Metric): readonly [string, string | number] {
  if (!isPresent(metric)) return ['absent', '–']
  const { value, ci, n } = metric
  const interval = ci === null ? '' : ` (${figure(ci[0])} to ${figure(ci[1])})`
  return [`${figure(value)}${interval}`, n]
}

function goldCell(metric: Metric | undefined): string {
  return isPresent(metric) ? figure(metric.value) : '–'
}

function figure(value: number): string {
  return formatNumber(value, Number.isInteger(value) ? 0 : 3)
}
