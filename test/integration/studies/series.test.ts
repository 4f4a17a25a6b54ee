import { describe, expect, it } from 'vitest'
import { isPresent } from '#shared/domain/metrics.ts'
import { type Bench, datasetName, forgetSetName, newBench, runStudy, withDataset } from '../jobs/tiny-study.ts'

const input = {
  name: 'sizes',
  dataset: datasetName,
  forgetSet: forgetSetName,
  methods: ['gold', 'none', 'fine-tune', 'tmu'],
  seeds: 1,
  golds: 2,
  settings: { epochs: 3, 'fine-tune.epochs': 1, 'tmu.epochs': 1 },
}

const idsOf = async ({ api }: Bench, study: string): Promise<readonly number[]> => {
  const { config } = await api.studies.get({ study })
  return await api.forgetSets.ids({ forgetSet: config.forgetSetId })
}

describe('a series of studies', () => {
  it('has one for each size of F, smaller ones within larger ones, and trains only golds again', async () => {
    await using bench = await withDataset(await newBench())
    const { api } = bench
    // The forget set has 40 % of the class; the rule allows more than it chose.
    const own = (await api.forgetSets.list(undefined))[0]
    const sizes = [own.count, 6, own.count + 5]
    const made = await api.studies.createSeries({ ...input, sizes })
    expect(made.map(({ name }) => name)).toEqual([`sizes-6`, `sizes-${own.count}`, `sizes-${own.count + 5}`])
    const [small, same, large] = await Promise.all(made.map(({ id }) => idsOf(bench, id)))
    expect([small.length, same.length, large.length]).toEqual([6, own.count, own.count + 5])
    expect(large).toEqual(expect.arrayContaining([...same]))
    expect(same).toEqual(expect.arrayContaining([...small]))
    expect(made[1].config.forgetSetId).toBe(own.id)

    await runStudy(bench, made[0].id)
    const { trains } = await api.studies.plan({ study: made[1].id })
    expect(trains).toMatchObject({ originals: 0, twins: 0, golds: 2 })
    await runStudy(bench, made[1].id)

    const series = await api.studies.series({ series: 'sizes' })
    expect(series.studies.map(({ forgetCount, state }) => [forgetCount, state])).toEqual([
      [6, 'succeeded'],
      [own.count, 'succeeded'],
      [own.count + 5, 'new'],
    ])
    for (const { statistics } of series.studies.slice(0, 2)) {
      const gaps = statistics.metrics.find(({ metric }) => metric === 'absGap')?.figures ?? []
      expect(gaps.filter(({ figure }) => isPresent(figure)).map(({ method }) => method)).toEqual(
        expect.arrayContaining(['none', 'fine-tune', 'tmu']),
      )
    }
    expect(series.studies[2].statistics.methods).toEqual([])
  })

  it('draws from the images themselves where the rule has no number of its own', async () => {
    await using bench = await withDataset(await newBench())
    const { api } = bench
    const rule = {
      kind: 'minus',
      from: { kind: 'class', className: 'down', fraction: 1 },
      without: { kind: 'random', fraction: 0.5 },
    } as const
    const base = await api.forgetSets.create({ name: 'half', dataset: datasetName, split: 'default', seed: 1, rule })
    const made = await api.studies.createSeries({ ...input, forgetSet: 'half', sizes: [3, 7] })
    const [small, large] = await Promise.all(made.map(({ id }) => idsOf(bench, id)))
    const all = await api.forgetSets.ids({ forgetSet: 'half' })
    expect(all).toEqual(expect.arrayContaining([...large]))
    expect(large).toEqual(expect.arrayContaining([...small]))
    expect([small.length, large.length]).toEqual([3, 7])

    const attempt = (changes: object) =>
      api.studies.createSeries({ ...input, forgetSet: 'half', sizes: [3, 7], ...changes })
    await expect(attempt({})).rejects.toMatchObject({ code: 'already-exists' })
    await expect(attempt({ name: 'more', sizes: [3, base.count + 1] })).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringContaining(`there are ${base.count} images`),
    })
    // What is refused leaves nothing behind.
    const before = await api.forgetSets.list(undefined)
    await expect(attempt({ name: 'wrong', sizes: [4, 5], methods: ['nothing'] })).rejects.toMatchObject({
      code: 'bad-input',
    })
    expect(await api.forgetSets.list(undefined)).toEqual(before)
    await expect(api.studies.series({ series: 'size' })).rejects.toMatchObject({
      code: 'not-found',
      hint: expect.stringContaining('sizes'),
    })
  })
})
