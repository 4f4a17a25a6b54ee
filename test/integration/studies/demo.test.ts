import { describe, expect, it } from 'vitest'
import { demoMethodOptions, demoMethods } from '#main/compute/methods.ts'
import { newBench } from '../jobs/tiny-study.ts'

describe('the demo', () => {
  it('is made once: real images, 300 shirts to forget, its methods, one seed and two golds', async () => {
    await using bench = await newBench()
    const { api } = bench
    // Two windows at once make one study.
    const [study, again] = await Promise.all([api.demo.prepare({ fast: false }), api.demo.prepare({ fast: false })])
    expect(again).toEqual(study)
    const dataset = await api.datasets.get({ dataset: study.config.datasetId })
    expect(dataset).toMatchObject({ shape: [28, 28, 1] })
    const forgetSet = await api.forgetSets.get({ forgetSet: study.config.forgetSetId })
    expect(forgetSet).toMatchObject({ count: 300, rule: { kind: 'class', className: 'Shirt' } })
    expect(study.config).toMatchObject({
      architecture: 'tiny-cnn',
      recipe: { epochs: 30, batchSize: 64, optimizer: 'adam', lr: 3e-3, schedule: 'cosine' },
      twinRecipe: { epochs: 10, lr: 1e-3 },
      earlyEpoch: 2,
      methods: demoMethods,
      seeds: [1],
      goldSeeds: [1001, 1002],
    })
    expect(demoMethods).toHaveLength(13)
    for (const method of demoMethods) {
      const options = demoMethodOptions[method] ?? {}
      expect(study.config.methodParams[method]).toMatchObject(options)
    }

    // The fast form is another study of the same images.
    const fast = await api.demo.prepare({ fast: true })
    expect(fast.id).not.toBe(study.id)
    expect(fast.config).toMatchObject({ datasetId: dataset.id, forgetSetId: forgetSet.id, recipe: { epochs: 24 } })
    expect(await api.datasets.list(undefined)).toHaveLength(1)

    const plan = await api.studies.plan({ study: study.id })
    expect(plan.trains).toEqual({ originals: 1, golds: 2, twins: 1, shadows: 0 })
    // 30 epochs of 4,600 members: the 138,000 sample-visits of the prototype.
    expect(plan.stages.find((stage) => stage.kind === 'train-original')?.estimate.visitsBackward).toBe(138_000)
    expect(plan.seconds).toBeGreaterThan(0)
  })
})
