import { baseMethodOf, variantText } from '#shared/domain/method-variant.ts'
import { isPresent } from '#shared/domain/metrics.ts'
import type { StudySeries, StudyStatistics } from '#shared/domain/statistics.ts'

/** One parameter of one method, at the values that a study has runs of. */
export interface SweepCurve {
  /** METHOD.KEY. */
  readonly key: string
  readonly points: readonly SweepPoint[]
  /** All values are numbers: a curve can be drawn; else the points stand side by side. */
  readonly numeric: boolean
}

export interface SweepPoint {
  readonly method: string
  readonly value: string
  readonly mean: number
  readonly ci: readonly [low: number, high: number] | null
  /** Of the easy/hard predictor on the twin; null: the method has none. */
  readonly auc: number | null
}

/**
 * The curves of a one-factor sweep; variants of several keys at once (a grid) lie on none. `base` gives the value that
 * the method itself has.
 */
export function sweepCurves(
  statistics: StudyStatistics,
  metric: string,
  base: (method: string, key: string) => unknown,
): readonly SweepCurve[] {
  const comparison = statistics.metrics.find((item) => item.metric === metric)
  if (comparison === undefined) return []
  const pointOf = (method: string, value: string): SweepPoint | null => {
    const found = comparison.figures.find((item) => item.method === method)
    if (found === undefined || !isPresent(found.figure)) return null
    return {
      method,
      value,
      mean: found.figure.value,
      ci: found.figure.ci,
      auc: statistics.predictors[method] ?? null,
    }
  }
  const curves = new Map<string, SweepPoint[]>()
  for (const id of statistics.methods) {
    const text = variantText(id)
    const [key, value, ...rest] = text === null || text.includes(',') ? [] : text.split('=')
    if (key === undefined || value === undefined || rest.length > 0) continue
    const point = pointOf(id, value)
    const method = baseMethodOf(id)
    const name = `${method}.${key}`
    if (!curves.has(name)) {
      const own = pointOf(method, String(base(method, key) ?? ''))
      curves.set(name, own === null || own.value === '' ? [] : [own])
    }
    if (point !== null) curves.get(name)?.push(point)
  }
  return [...curves].flatMap(([key, points]) => {
    if (points.length < 2) return []
    const numeric = points.every(({ value }) => value.trim() !== '' && Number.isFinite(Number(value)))
    const sorted = numeric ? points.toSorted((a, b) => Number(a.value) - Number(b.value)) : points
    return [{ key, points: sorted, numeric }]
  })
}

/** A method's figure by the size of F, over the studies of a series; methods with one point have no curve. */
export function seriesCurves({ studies }: StudySeries, metric: string): readonly SweepCurve[] {
  const methods = [...new Set(studies.flatMap(({ statistics }) => statistics.methods))]
  return methods.flatMap((method) => {
    const points = studies.flatMap(({ forgetCount, statistics }): readonly SweepPoint[] => {
      const comparison = statistics.metrics.find((item) => item.metric === metric)
      const found = comparison?.figures.find((item) => item.method === method)
      if (found === undefined || !isPresent(found.figure)) return []
      const { value: mean, ci } = found.figure
      return [{ method, value: String(forgetCount), mean, ci, auc: statistics.predictors[method] ?? null }]
    })
    return points.length < 2 ? [] : [{ key: method, points, numeric: true }]
  })
}
