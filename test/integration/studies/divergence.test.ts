import { expect, it } from 'vitest'
import { createStudy, newBench, runStudy, withDataset } from '../jobs/tiny-study.ts'

it('a method that diverges fails its run with method, epoch and last loss, and the others are finished', async () => {
  await using bench = await withDataset(await newBench(), 40)
  const study = await createStudy(bench, {
    methods: ['none', 'fine-tune', 'rewind'],
    golds: 1,
    settings: {
      epochs: 1,
      batchSize: 16,
      'rewind.epoch': 1,
      'rewind.epochs': 1,
      'fine-tune.epochs': 4,
      'fine-tune.lr': 10,
    },
  })
  const { result } = await runStudy(bench, study)
  const states = Object.fromEntries(result.runs.map((run) => [run.method, run.state]))
  expect(states).toEqual({ none: 'succeeded', 'fine-tune': 'failed', rewind: 'succeeded' })
  expect(result.stages.failed).toBe(1)
  const failed = result.runs.find((run) => run.method === 'fine-tune')
  expect(failed?.error).toMatchObject({
    code: 'diverged',
    message: expect.stringMatching(
      /^fine-tune: The training diverged in epoch \d of 4: .* \((the last sound loss was [\d.e+]+|in its first step)\)\.$/,
    ),
    details: { method: 'fine-tune' },
  })
  expect(failed?.outcomePath).toBeNull()
})
