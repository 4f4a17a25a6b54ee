import { counted } from '#main/formats/text.ts'
import { isPresent } from '#shared/domain/metrics.ts'
import { type ComparedMetric, type MetricComparison, type StudyStatistics, unitOf } from '#shared/domain/statistics.ts'
import { formatPValue } from '#shared/units.ts'
import { table } from './output.ts'

/** What a study's methods are worth against each other, for people. `metric` null: every figure that was compared. */
export function describeStatistics(found: StudyStatistics, metric: ComparedMetric | null): string {
  if (found.reference === null) return 'Nothing to compare yet: fewer than two methods have finished.'
  const { reference } = found
  return [
    `Compared with ${reference}: ${counted(found.seeds, 'seed')}, ${counted(found.golds, 'gold')}, ${counted(found.forgetCount, 'image')} to forget.`,
    ...found.metrics
      .filter((item) => metric === null || item.metric === metric)
      .map((item) => describeMetric(item, reference, found.methods)),
    describeFront(found),
    ...found.notes,
  ]
    .filter((part) => part !== '')
    .join('\n\n')
}

/** What the comparison is too coarse for, in the figure's own unit; null: there is no interval. */
export function describePower({ metric, detectable }: MetricComparison): string | null {
  if (detectable === null) return null
  const unit = unitOf(metric)
  const least =
    unit === 'share'
      ? `${(100 * detectable).toFixed(1)} points`
      : `${detectable.toFixed(3)}${unit === 'nats' ? ' nats' : ''}`
  return (
    `For half of the methods a difference in ${metric} below about ${least} would often go unseen ` +
    '(80 % power, before Holm’s correction).'
  )
}

function describeMetric(item: MetricComparison, reference: string, methods: readonly string[]): string {
  const unit = unitOf(item.metric)
  const scale = unit === 'share' ? 100 : 1
  const digits = scale === 1 ? 3 : 1
  const number = (value: number): string => (value * scale).toFixed(digits)
  const signed = (value: number): string => `${value < 0 ? '−' : '+'}${number(Math.abs(value))}`
  const range = (ci: readonly [number, number] | null): string =>
    ci === null ? '–' : `${signed(ci[0])} to ${signed(ci[1])}`
  const reasons: string[] = []
  const rows = methods.flatMap((method) => {
    const figure = item.figures.find((candidate) => candidate.method === method)
    const mean = figure !== undefined && isPresent(figure.figure) ? number(figure.figure.value) : '–'
    const difference = item.differences.find((candidate) => candidate.method === method)
    if (difference === undefined) return method === reference ? [[method, mean, '(reference)', '', '', '', '']] : []
    if (!isPresent(difference.difference)) {
      reasons.push(`${method}: ${difference.difference.absent}`)
      return [[method, mean, 'n/a', '', '', '', '']]
    }
    const p = difference.pHolm
    return [
      [
        method,
        mean,
        signed(difference.difference.value),
        range(difference.imagesCi),
        range(difference.seedsCi),
        p === null ? '–' : formatPValue(p),
        difference.differs ? 'yes' : 'no',
      ],
    ]
  })
  const words = {
    lower: 'lower is better',
    higher: 'higher is better',
    zero: 'near 0 is better',
    gold: 'near the gold’s is better',
  }[item.direction]
  const inUnit = { share: '%, differences in points; ', nats: 'nats; ', number: '' }[unit]
  const gold = item.direction === 'gold' && item.gold !== null ? `; the gold’s ${number(item.gold)}` : ''
  const power = describePower(item)
  const floor = item.floor === null ? '' : `; gold-gold floor ${number(item.floor)}`
  return [
    `${item.metric} (${inUnit}${words}${gold}${floor})`,
    table(['METHOD', 'MEAN', 'DIFFERENCE', 'CI OVER IMAGES', 'CI OVER SEEDS', 'P (HOLM)', 'DIFFERS'], rows),
    ...reasons,
    ...(power === null ? [] : [power]),
  ].join('\n')
}

function describeFront({ pareto }: StudyStatistics): string {
  const on = (front: 'onCostFront' | 'onUtilityFront'): string =>
    pareto.flatMap((point) => (point[front] ? [point.method] : [])).join(', ')
  if (pareto.length === 0) return ''
  return `Pareto front of absolute gap and cost: ${on('onCostFront')}.\nOf absolute gap and accuracy lost: ${on('onUtilityFront')}.`
}
