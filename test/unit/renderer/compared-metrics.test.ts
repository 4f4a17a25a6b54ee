import { describe, expect, it } from 'vitest'
import { evaluate } from '#main/metrics/evaluate.ts'
import { comparedMetrics, furtherMetrics, unitOf, usualMetrics } from '#shared/domain/statistics.ts'
import { metricInfo } from '../../../src-renderer/lib/metric-catalogue.ts'
import { integers, outcomeOf, predicting } from '../metrics/build-outcome.ts'

describe('the figures that methods are compared in', () => {
  it('are all that an evaluation has but floors, each once, the usual ones first', async () => {
    const outcome = outcomeOf({
      'labels/forget': integers([0, 1]),
      'unlearned/forget/logits': predicting([0, 1], 2),
      'gold0/forget/logits': predicting([0, 0], 2),
    })
    const { metrics } = await evaluate(outcome, { seed: 1, draws: 0 })
    const names = comparedMetrics.map(({ name }) => name)
    expect(names.toSorted()).toEqual(
      Object.keys(metrics)
        .filter((name) => !/Floor$/.test(name))
        .toSorted(),
    )
    expect(comparedMetrics).toEqual([...usualMetrics, ...furtherMetrics])
    expect(usualMetrics).toHaveLength(9)
  })

  it('have titles in the window and are written there as in a terminal', () => {
    const units = { share: 'share', gap: 'share', distance: 'share', nats: 'nats', number: 'number' }
    for (const { name } of comparedMetrics) {
      const known = metricInfo.get(name)
      expect(known, name).toBeDefined()
      // The gap of two areas is a number to the window and points to a terminal.
      if (known !== undefined && name !== 'mia.gap') expect(units[known.kind], name).toBe(unitOf(name))
    }
  })
})
