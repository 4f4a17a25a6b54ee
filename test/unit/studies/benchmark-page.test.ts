import { describe, expect, it } from 'vitest'
import { problems } from '#test/bench/science/problems.ts'
import { benchmarkPage } from '#test/bench/science/table.ts'
import { FixtureWorkbench } from '#test/support/fixture/workbench.ts'

describe('the page of the benchmark', () => {
  it('says what was computed, how long that took, and what its differences are too coarse for', async () => {
    const { api } = new FixtureWorkbench('full')
    const study = await api.studies.get({ study: 'st-shirts-over-five-seeds' })
    const result = await api.studies.result({ study: study.id })
    const statistics = await api.studies.statistics({ study: study.id, reference: 'tmu' })
    const [problem] = problems
    const page = benchmarkPage('npm run bench:science', [{ problem, study, result, runs: result.runs, statistics }])
    // 9 classes of 857 and 1,715 ships.
    expect(page).toContain('The CIFAR-10 subset has 9,428 images')
    // The fixture's ledger: 42 stages of 912 seconds in all.
    expect(page).toContain('Work: 15 min 12 s of stages on wasm (42 stages).')
    expect(page).toMatch(/^- For half of the methods a difference in absGap below about \d+\.\d points/m)
  })
})
