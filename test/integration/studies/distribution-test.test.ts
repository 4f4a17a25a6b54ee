import { expect, it } from 'vitest'
import { createStudy, newBench, withDataset } from '../jobs/tiny-study.ts'

it('F is compared with every twin pool that the study\u2019s methods take, corrupted and of another class too', async () => {
  await using bench = await withDataset(await newBench(), 500)
  const study = await createStudy(bench, {
    methods: ['none', 'tmu', 'cf-quantile', 'tmu-soft', 'tmu-map', 'fine-tune'],
    settings: {
      epochs: 4,
      'tmu-soft.twinCorruption': 'contrast',
      'tmu-soft.twinSeverity': 5,
      'tmu-map.twinClass': 1,
    },
  })
  const tests = await bench.api.studies.distributionTest({ study })
  // Controls have the twin pool of tmu; the others here have no twin problem.
  expect(tests.map(({ methods }) => methods)).toEqual([['tmu', 'cf-quantile'], ['tmu-soft'], ['tmu-map']])
  const [plain, corrupted, other] = tests.map(({ report }) => report)
  expect(plain.p).toBeGreaterThan(0.05)
  expect(corrupted.p).toBeLessThan(0.05)
  expect(other.p).toBeLessThan(0.05)
  expect(corrupted.auc).toBeGreaterThan(plain.auc)

  const without = await createStudy(bench, { name: 'no twin', methods: ['none', 'fine-tune'] })
  const alone = await bench.api.studies.distributionTest({ study: without })
  expect(alone).toEqual([{ methods: [], report: plain }])
})
