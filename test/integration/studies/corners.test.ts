/** `npm run test:corners` runs all corners; here are the two that reach most of what can't be had. */
import { describe, expect, it } from 'vitest'
import { corners, runCorner } from '#test/support/corner-study.ts'

describe('a study of every method and attack', () => {
  it('forgets one colour image, and says which figures cannot be had of one', async () => {
    const { result, failed, wrong, reasons } = await runCorner(corners[0], 'wasm')
    expect(failed).toEqual([])
    expect(wrong).toEqual([])
    // One image is no distribution: its accuracy is 0 or 1, and nothing can be said of its spread.
    for (const { method, metrics } of result.runs) {
      expect(metrics?.['forgetAccuracy'], method).toMatchObject({ n: 1, ci: null })
    }
    expect(new Set(result.verdicts.map(({ label }) => label))).toEqual(new Set(['cannot tell']))
    for (const reason of reasons) expect(reason).toMatch(/^[A-Z].*\w+ .*\.$/s)
    expect(reasons.join('\n')).toContain('Debiased CKA needs 4 samples.')
    expect(reasons.join('\n')).toContain('With n = 1 a TPR at 1 % cannot be resolved')
  })

  it('attacks a method that forgot one image, or three, with the usual number of shadow models', async () => {
    for (const count of [1, 3]) {
      const forget = { kind: 'random-count', count } as const
      const methods = ['gold', 'none', 'fine-tune']
      const corner = { ...corners[0], forget, methods, attacks: ['ulira'], shadows: 8 } as const
      const { result, failed, wrong } = await runCorner(corner, 'wasm')
      expect(failed).toEqual([])
      expect(wrong).toEqual([])
      expect(result.attacks.map(({ method }) => method)).toEqual(['none', 'fine-tune'])
      for (const { figures } of result.attacks) expect(figures['auc']).toMatchObject({ n: count, ci: null })
    }
  })

  it('forgets some of each of a hundred classes', async () => {
    const some = ['gold', 'none', 'fine-tune', 'tmu', 'tmu-soft', 'salun', 'scrub', 'count-matched-random']
    const attacks = ['population', 'lira', 'cka', 'relearn'] as const
    const { failed, wrong } = await runCorner({ ...corners[4], methods: some, attacks }, 'wasm')
    expect(failed).toEqual([])
    expect(wrong).toEqual([])
  })
})
