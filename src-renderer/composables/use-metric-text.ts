import type { Figure } from '../lib/method-rows.ts'
import { hasFigure } from '../lib/method-rows.ts'
import { type MetricInfo, metricInfo } from '../lib/metric-catalogue.ts'
import { useFormat } from './use-format.ts'
import { useMessages } from './use-messages.ts'

/** Figures in words: one place decides units and digits of each metric. */
export function useMetricText() {
  const { t } = useMessages()
  const format = useFormat()

  function info(name: string): MetricInfo | null {
    return metricInfo.get(name) ?? null
  }
  function label(name: string): string {
    const known = info(name)
    return known === null ? name : t(known.label)
  }
  function help(name: string) {
    const known = info(name)
    if (known === null) return undefined
    return {
      definition: t(known.definition),
      ...(known.formula === undefined ? {} : { formula: known.formula }),
      ...(known.source === undefined ? {} : { source: known.source }),
    }
  }
  function value(name: string, amount: number): string {
    switch (info(name)?.kind) {
      case 'share':
        return format.percent(amount)
      case 'gap':
        return format.gap(amount)
      case 'distance':
        return format.points(amount)
      default:
        return format.number(amount, 3)
    }
  }
  function interval(name: string, ci: readonly [number, number]): string {
    const kind = info(name)?.kind
    if (kind === 'gap') return format.interval([ci[0] * 100, ci[1] * 100], 1)
    if (kind === 'share' || kind === 'distance')
      return t('common.range', { low: format.number(ci[0] * 100, 1), high: format.number(ci[1] * 100, 1) })
    return t('common.range', { low: format.number(ci[0], 3), high: format.number(ci[1], 3) })
  }
  /** Where an interval comes from, for titles: over images, or over seeds. */
  function origin(figure: Figure): string {
    if (!hasFigure(figure)) return figure.absent
    if (figure.ci === null) return t(figure.over === 'seeds' ? 'metrics.seedsNoCi' : 'metrics.imagesNoCi', {}, figure.n)
    return t(figure.over === 'seeds' ? 'metrics.overSeeds' : 'metrics.overImages', {}, figure.n)
  }
  return { info, label, help, value, interval, origin }
}
