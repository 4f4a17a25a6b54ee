import { describe, expect, it } from 'vitest'
import { describePower, describeStatistics } from '#main/shell/cli/statistics-text.ts'
import { FixtureWorkbench } from '#test/support/fixture/workbench.ts'

const study = 'st-shirts-over-five-seeds'

describe('the statistics of a study in a terminal', () => {
  it('say under each figure, in its unit, which differences would go unseen', async () => {
    const found = await new FixtureWorkbench('full').api.studies.statistics({ study })
    const comparison = (metric: string) => {
      const item = found.metrics.find((candidate) => candidate.metric === metric)
      if (item === undefined) throw new Error(`no ${metric}`)
      return { ...item, detectable: 0.0312 }
    }
    expect(describePower(comparison('absGap'))).toContain(
      'half of the methods a difference in absGap below about 3.1 points',
    )
    expect(describePower(comparison('jsDivergence'))).toContain('below about 0.031 nats')
    expect(describePower({ ...comparison('absGap'), detectable: null })).toBeNull()
    expect(describeStatistics({ ...found, metrics: [comparison('absGap')] }, null)).toContain('about 3.1 points')
  })
  it('give a further figure in its own unit, with the direction that it has', async () => {
    const { api } = new FixtureWorkbench('full')
    const kl = describeStatistics(await api.studies.statistics({ study, metric: 'klToGold' }), 'klToGold')
    expect(kl).toMatch(/^klToGold \(nats; lower is better/m)
    // Of the fixture's profiles: 3.1 times .097.
    expect(kl).toMatch(/^none +0\.301 /m)
    const auc = describeStatistics(await api.studies.statistics({ study, metric: 'mia.loss.auc' }), 'mia.loss.auc')
    expect(auc).toMatch(/^mia\.loss\.auc \(near the gold’s is better; the gold’s 0\.5/m)
  })
})
