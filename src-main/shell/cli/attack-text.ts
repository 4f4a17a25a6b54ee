import type { AttackSummary } from '#shared/domain/attack.ts'
import { isPresent, type Metric } from '#shared/domain/metrics.ts'
import { formatNumber } from '#shared/units.ts'
import { table } from './output.ts'

/** One line a figure of each attack on a run (or method), its headline first, and what golds come to. */
export function describeAttacks(rows: readonly AttackSummary[]): string {
  if (rows.length === 0) return ''
  const lines = rows.flatMap(({ attack, method, seed, state, figures, floor, error }) => {
    const head = [attack, method, seed === null ? '–' : seed]
    const named = Object.entries(figures)
    if (named.length === 0) return [[...head, '–', error ?? state, '–', '–']]
    return named.map(([name, metric]) => [...head, name, ...cells(metric), goldCell(floor[name])])
  })
  const reasons = rows.flatMap(({ figures }) =>
    Object.values(figures).flatMap((metric) => ('absent' in metric ? [metric.absent] : [])),
  )
  return [
    'Attacks and slow metrics (compare each figure with the gold beside it, not with chance):',
    table(['ATTACK', 'METHOD', 'SEED', 'FIGURE', 'VALUE (95 % CI)', 'N', 'GOLD'], lines),
    ...[...new Set(reasons)].map((reason) => `  note: ${reason}`),
  ].join('\n')
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
