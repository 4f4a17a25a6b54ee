import { describe, expect, it } from 'vitest'
import { completeMethodOptions, parseMethodOptions } from '#main/compute/methods.ts'
import { candidatesOf, tunedConfig, tuningConfig } from '#main/workbench/studies/tuning.ts'
import { baseMethodOf } from '#shared/domain/method-variant.ts'
import type { Run, Study, StudyConfig } from '#shared/domain/study.ts'
import { AppError } from '#shared/errors.ts'
import type { RunId, StudyId } from '#shared/ids.ts'
import { exampleConfig } from '../jobs/example-study.ts'

const methods = ['gold', 'none', 'tmu', 'tmu-soft', 'rewind', 'fine-tune', 'count-matched-random']
const config: StudyConfig = {
  ...exampleConfig({ methods, methodParams: completeMethodOptions(methods, {}) }),
  seeds: [1, 2],
}
const study: Study = {
  id: 's' as StudyId,
  name: 'mine',
  config,
  engine: null,
  state: 'new',
  attacks: null,
  createdAt: '',
}
const run = (method: string, seed: number, avgGap: number, state: Run['state'] = 'succeeded'): Run =>
  ({
    id: `${method}${seed}` as RunId,
    method,
    seed,
    state,
    metrics: state === 'succeeded' ? { avgGap: { value: avgGap, ci: null, n: 9 } } : null,
  }) as Run

describe('candidates', () => {
  it('are as many as the budget, the study’s own first, each allowed and none twice', () => {
    const params = parseMethodOptions('fine-tune', {})
    const found = candidatesOf('fine-tune', params, 8)
    expect(found).toHaveLength(8)
    expect(found[0]).toEqual({})
    expect(new Set(found.map((candidate) => JSON.stringify(candidate))).size).toBe(8)
    for (const candidate of found) {
      const { lr, epochs } = parseMethodOptions('fine-tune', { ...params, ...candidate })
      expect(lr).toBeGreaterThanOrEqual(0.001)
      expect(lr).toBeLessThanOrEqual(0.1)
      expect([5, 10, 20]).toContain(epochs)
    }
    expect(candidatesOf('fine-tune', params, 8)).toEqual(found)
  })

  it('of a method without a strength are its own settings alone', () => {
    expect(candidatesOf('gold', {}, 8)).toEqual([{}])
  })
})

describe('a tuning study', () => {
  it('is the twin problem with the same budget for every method that needs no twin and follows nobody', () => {
    const found = tuningConfig(study, undefined, 4, 1)
    expect(found.problem).toBe('twin')
    expect(found.goldSeeds).toEqual([])
    expect(found.seeds).toEqual([1])
    const counts = Object.fromEntries(
      [...Map.groupBy(found.methods, baseMethodOf)].map(([id, ids]) => [id, ids.length]),
    )
    // TMU-soft has a twin of its own; rewind's checkpoints of M_o never saw H_c, as a request's have seen F.
    expect(counts).toEqual({ none: 1, tmu: 4, 'fine-tune': 4 })
  })

  it('refuses what the study hasn’t, and a study in which nothing can be tuned', () => {
    expect(() => tuningConfig(study, ['scrub'], 4, 1)).toThrow(AppError)
    const bare = { ...study, config: { ...config, methods: ['gold', 'none', 'tmu-soft'] } }
    expect(() => tuningConfig(bare, undefined, 4, 1)).toThrow(/No method/)
  })
})

describe('what tuning found', () => {
  const tuning: Study = { ...study, name: 'mine tuning', config: tuningConfig(study, ['tmu', 'fine-tune'], 3, 2) }
  const [own, second, third] = tuning.config.methods.filter((id) => baseMethodOf(id) === 'fine-tune')
  const [tmu, tmuSecond] = tuning.config.methods.filter((id) => baseMethodOf(id) === 'tmu')
  const runs = [
    run(own, 1, 0.2),
    run(own, 2, 0.2),
    run(second, 1, 0.1),
    run(second, 2, 0.2),
    // The best at one seed diverged at the other.
    run(third, 1, 0.01),
    run(third, 2, 0, 'failed'),
    run(tmu, 1, 0.3),
    run(tmu, 2, 0.3),
    run(tmuSecond, 1, 0.25),
    run(tmuSecond, 2, 0.25),
  ]

  it('is the lowest mean over all seeds, and is marked with the budget and the scores', () => {
    const { config: found } = tunedConfig(study, tuning, runs)
    expect(found.methodParams['fine-tune']).toEqual(tuning.config.methodParams[second])
    expect(found.tuned?.['fine-tune']).toEqual({
      study: 'mine tuning',
      tried: 3,
      score: 0.15000000000000002,
      defaultScore: 0.2,
    })
    expect(found.problem).toBeUndefined()
    expect(found.methodParams['rewind']).toEqual(config.methodParams['rewind'])
  })

  it('holds for the controls that follow the method', () => {
    const { config: found } = tunedConfig(study, tuning, runs)
    const { lr } = tuning.config.methodParams[tmuSecond] ?? {}
    expect(lr).not.toBe(config.methodParams['tmu']?.['lr'])
    expect(found.methodParams['tmu']?.['lr']).toBe(lr)
    expect(found.methodParams['count-matched-random']?.['lr']).toBe(lr)
  })

  describe('is nothing', () => {
    const ids = tuning.config.methods.filter((id) => baseMethodOf(id) !== 'none')
    const everywhere = (make: (id: string, seed: number) => Run): Run[] =>
      ids.flatMap((id) => [make(id, 1), make(id, 2)])
    const refusal = (given: readonly Run[]): unknown => {
      try {
        return tunedConfig(study, tuning, given)
      } catch (error) {
        return error
      }
    }
    const diverged = (id: string, seed: number): Run => ({
      ...run(id, seed, 0, 'failed'),
      error: { code: 'diverged', message: 'The training diverged in epoch 2 of 5: the loss has exploded to 2e+4.' },
    })

    it('before a run has finished, and then says to run it', () => {
      expect(refusal([])).toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('it has no finished run'),
        hint: 'Run it first.',
      })
    })

    it('while no setting is measured at every seed', () => {
      const some = ids.map((id) => run(id, 1, 0.1))
      expect(refusal(some)).toMatchObject({ code: 'conflict', message: expect.stringContaining('3 of its 6 runs') })
    })

    it('where the criterion is absent, and then says why it is', () => {
      const reason = 'Class 3 has no evaluation samples.'
      const absent = everywhere((id, seed) => ({ ...run(id, seed, 0), metrics: { avgGap: { absent: reason } } }))
      expect(refusal(absent)).toMatchObject({
        code: 'unsupported',
        message: expect.stringMatching(/avgGap, .* can't be had: Class 3 has no evaluation samples\.$/),
        hint: expect.not.stringContaining('Run it'),
      })
    })

    it('where every setting diverged at some seed, and then names the divergence', () => {
      const failed = everywhere((id, seed) => (seed === 2 ? diverged(id, seed) : run(id, seed, 0.1)))
      expect(refusal(failed)).toMatchObject({
        code: 'diverged',
        message: expect.stringMatching(/every setting that was tried diverged .*epoch 2 of 5.*2e\+4\.$/),
        hint: expect.stringContaining('lower learning rate'),
      })
    })

    it('for one method of several: it keeps its settings, which is said', () => {
      const mixed = everywhere((id, seed) =>
        baseMethodOf(id) === 'tmu' ? run(id, seed, 0.1) : seed === 1 ? run(id, seed, 0.1) : diverged(id, seed),
      )
      const { config: found, notes } = tunedConfig(study, tuning, mixed)
      expect(found.tuned).toHaveProperty('tmu')
      expect(found.methodParams['fine-tune']).toEqual(config.methodParams['fine-tune'])
      expect(notes).toEqual([expect.stringMatching(/^fine-tune keeps its settings: every setting .* diverged/)])
    })
  })
})
