/** What the attack results come to in tables and charts. */
import type { AttackId, AttackInfo, AttackResults, AttackRow } from '#shared/domain/attack.ts'
import { isPresent, type Metric } from '#shared/domain/metrics.ts'
import type { MessageKey } from '../messages/locales.ts'

/** The figure that stands for an attack where there is room for one. */
export const headlines: Readonly<Record<AttackId, string>> = {
  population: 'auc',
  streisand: 'auc',
  lira: 'online.auc',
  rmia: 'auc',
  ulira: 'auc',
  relearn: 'ain',
  klom: 'forget',
  'forgetting-quality': 'final',
  cka: 'forget',
  weights: 'toGoldRelative',
}

/** A cell of the table: the mean over the seeds that were attacked. */
export interface AttackCell {
  readonly attack: AttackId
  readonly method: string
  readonly figure: Metric | null
  /** How many seeds the figure is a mean of; 0 for one of the whole method. */
  readonly seeds: number
  /** Not finished: planned, running, failed, … */
  readonly state: AttackRow['state'] | null
  readonly error: string | null
}

/** One figure of one attack on one method. Over several seeds: their mean, without an interval. */
export function cellOf(
  { rows }: Pick<AttackResults, 'rows'>,
  attack: AttackId,
  method: string,
  figure = headlines[attack],
): AttackCell {
  const found = rows.filter((row) => row.attack === attack && row.method === method)
  const open = found.find((row) => row.state !== 'succeeded')
  const base = { attack, method, seeds: 0, state: null, error: null }
  if (found.length === 0) return { ...base, figure: null }
  if (open !== undefined) return { ...base, figure: null, state: open.state, error: open.error }
  const metrics = found.map((row) => row.report?.figures[figure] ?? { absent: figure })
  return { ...base, figure: meanOf(metrics), seeds: found.filter((row) => row.seed !== null).length }
}

export function meanOf(metrics: readonly Metric[]): Metric {
  const [first] = metrics
  if (first === undefined) return { absent: '' }
  if (metrics.length === 1) return first
  const present = metrics.filter((metric) => isPresent(metric))
  if (present.length < metrics.length) return metrics.find((metric) => !isPresent(metric)) ?? first
  const value = present.reduce((sum, metric) => sum + metric.value, 0) / present.length
  return { value, ci: null, n: Math.min(...present.map(({ n }) => n)) }
}

/** Methods with any row, in the window's order. */
export function attackedMethods({ rows }: AttackResults, rank: (method: string) => number): readonly string[] {
  return [...new Set(rows.map((row) => row.method))].toSorted((a, b) => rank(a) - rank(b) || a.localeCompare(b))
}

/** The row of an attack at a seed; the method's own where the attack is on methods; else any seed's. */
export function rowFor(
  results: AttackResults,
  attack: AttackId,
  method: string,
  seed: number | null,
): AttackRow | null {
  const rows = results.rows.filter((row) => row.attack === attack && row.method === method)
  return rows.find((row) => row.seed === seed) ?? rows[0] ?? null
}

/** In the groups in which they are offered: what they train decides what they cost. */
export function attacksByCost(infos: readonly AttackInfo[]): readonly {
  readonly trains: AttackInfo['trains']
  readonly attacks: readonly AttackInfo[]
}[] {
  return (['nothing', 'shadows', 'models'] as const).map((trains) => ({
    trains,
    attacks: infos.filter((info) => info.trains === trains),
  }))
}

/** Figures that have a name in the message catalogue; a dot would be a level of it. */
const namedFigures = [
  'auc',
  'online.auc',
  'offline.auc',
  'balancedAccuracy',
  'online.balancedAccuracy',
  'offline.balancedAccuracy',
  'tprAtFpr01',
  'online.tprAtFpr01',
  'offline.tprAtFpr01',
  'tprAtFpr001',
  'online.tprAtFpr001',
  'offline.tprAtFpr001',
  'above',
  'aboveExcess',
  'ain',
  'steps',
  'goldSteps',
  'forget',
  'retain',
  'evaluation',
  'forgetFloor',
  'final',
  'quality',
  'retainRatio',
  'evaluationRatio',
  'qualityFloor',
  'toGold',
  'toGoldRelative',
  'toOriginal',
] as const

/** The message that names a figure; null for one that has none. */
export function figureMessage(name: string): MessageKey | null {
  const known = namedFigures.find((figure) => figure === name)
  return known === undefined ? null : (`attacks.figure.${known.replace('.', '-')}` as MessageKey)
}
