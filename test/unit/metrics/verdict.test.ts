import { describe, expect, it } from 'vitest'
import { verdictOf } from '#main/metrics/verdict.ts'
import type { Gate, Verdict } from '#shared/domain/metrics.ts'
import type { Found } from './build-evaluation.ts'
import { absent, around, evaluationWith, oneGold } from './build-evaluation.ts'

function judge(found: Found = {}, options: { margin?: number; gate?: Gate; classRemoval?: boolean } = {}): Verdict {
  return verdictOf({ method: 'tmu', seed: 3, evaluation: evaluationWith(found), ...options })
}

function failing(verdict: Verdict): string[] {
  return verdict.checks.filter((check) => check.passed === false).map((check) => check.name)
}

describe('the verdict', () => {
  it('is aligned when every rule is met', () => {
    const verdict = judge()
    expect(verdict).toMatchObject({ method: 'tmu', seed: 3, value: 'pass', label: 'aligned', noFloor: false })
    expect(verdict.decidingCount).toBeNull()
    expect(verdict.checks.map((check) => check.name)).toEqual([
      'gap',
      'easyHardAgreement',
      'controlDifference',
      'retainAccuracy',
      'evaluationAccuracy',
    ])
    expect(verdict.checks.every((check) => check.passed)).toBe(true)
    expect(verdict.sentence).toBe(
      'The unlearned model still knows 22 of the 70 images the golds have forgotten and is aligned: ' +
        'gap +1.0 pts (90 % CI −1.5 to +3.5) within ±5.0 pts.',
    )
  })

  it.each<[why: string, found: Found, value: Verdict['value'], label: Verdict['label'], failed: string[]]>([
    ['the gap lies wholly above the margin', { gap: around(0.1, 0.04) }, 'fail', 'under-forgotten', ['gap']],
    ['the gap lies wholly below it', { gap: around(-0.1, 0.04) }, 'fail', 'over-forgotten', ['gap']],
    ['the gap touches the margin from above', { gap: around(0.09, 0.05) }, 'inconclusive', 'cannot tell', ['gap']],
    ['the gap touches it from below', { gap: around(0.02, 0.05) }, 'inconclusive', 'cannot tell', ['gap']],
    [
      'the 95 % CI leaves the margin and the 90 % CI does not',
      { gap: { value: 0, n: 300, ci: [-0.055, 0.055], ci90: [-0.045, 0.045] } },
      'pass',
      'aligned',
      [],
    ],
    [
      'the right number of the wrong images was forgotten',
      { gap: around(-0.014, 0.03), agreement: around(0.7, 0.05) },
      'inconclusive',
      'cannot tell',
      ['easyHardAgreement'],
    ],
    [
      "agreement's lower bound is just met",
      { agreement: { value: 0.88, n: 300, ci: [0.84, 0.92] } },
      'pass',
      'aligned',
      [],
    ],
    [
      "agreement's lower bound is just missed",
      { agreement: { value: 0.88, n: 300, ci: [0.8399, 0.92] } },
      'inconclusive',
      'cannot tell',
      ['easyHardAgreement'],
    ],
    [
      'as many labels at random do as well',
      { paired: around(0.02, 0.03) },
      'inconclusive',
      'cannot tell',
      ['controlDifference'],
    ],
    ['there is no such control', { paired: null }, 'pass', 'aligned', []],
    ['retain accuracy is wholly lost', { retain: around(-0.12, 0.02) }, 'fail', 'utility-lost', ['retainAccuracy']],
    [
      'evaluation accuracy is wholly lost',
      { evaluation: around(-0.12, 0.02) },
      'fail',
      'utility-lost',
      ['evaluationAccuracy'],
    ],
    ['retain accuracy may be lost', { retain: around(-0.05, 0.02) }, 'inconclusive', 'cannot tell', ['retainAccuracy']],
    ['evaluation accuracy is unknown', { evaluation: absent }, 'inconclusive', 'cannot tell', ['evaluationAccuracy']],
    [
      'the gap and the utility are off',
      { gap: around(-0.2, 0.04), retain: around(-0.12, 0.02) },
      'fail',
      'over-forgotten',
      ['gap', 'retainAccuracy'],
    ],
  ])('when %s', (_why, found, value, label, failed) => {
    const verdict = judge(found)
    expect([verdict.value, verdict.label]).toEqual([value, label])
    expect(failing(verdict)).toEqual(failed)
  })

  it('is aligned without a control that is matched to the method, and says why there is none', () => {
    const evaluation = evaluationWith({ paired: null })
    const verdict = verdictOf({ method: 'tmu-soft', seed: 3, evaluation, uncontrolled: 'it has no labels' })
    expect(verdict.label).toBe('aligned')
    const rule = verdict.checks.find(({ name }) => name === 'controlDifference')
    expect(rule).toMatchObject({ passed: null, value: null, note: 'it has no labels' })
  })

  it('says what is still known, and what was lost', () => {
    expect(judge({ ...oneGold, gap: around(0.103, 0.04) }).sentence).toBe(
      'The unlearned model still knows 31 of the 92 images the gold has forgotten: under-forgotten, ' +
        'gap +10.3 pts (95 % CI +6.3 to +14.3) beyond ±5.0 pts (one gold, no floor).',
    )
    expect(judge({ gap: around(-0.1, 0.04), evidence: { hardCount: 92, lost: 50 } }).sentence).toMatch(
      /^The unlearned model has lost 50 of the 208 images the golds still know: over-forgotten/,
    )
    expect(judge({ retain: around(-0.12, 0.02) }).sentence).toBe(
      'The unlearned model has lost accuracy on retained images: −12.0 pts against the golds ' +
        '(95 % CI −14.0 to −10.0), beyond ±5.0 pts.',
    )
  })

  it('speaks of a removed class as such', () => {
    const removal = judge(
      { gap: around(0.1, 0.04), evidence: { goldCount: 2, hardCount: 300, stillKnown: 31, lost: 0 } },
      { classRemoval: true },
    )
    expect(removal.sentence).toMatch(
      /^The unlearned model still recognises 31 of the 300 images of the removed class the golds have forgotten/,
    )
  })

  describe('its margin', () => {
    it("is the plan's when golds are nearer to each other", () => {
      expect(judge({}, { margin: 0.08 }).margin).toBe(0.08)
      expect(judge().margin).toBe(0.05)
    })

    it('is the upper bound of the gold-gold gap where that is larger', () => {
      const gap = around(0.04, 0.03)
      expect(judge({ gap }).value).toBe('inconclusive')
      const wide = judge({ gap, gapFloor: { value: 0.03, ci: [0, 0.07], n: 300 } })
      expect(wide).toMatchObject({ margin: 0.07, value: 'pass', noFloor: false })
    })

    it("is the plan's alone with one gold, which is said", () => {
      const verdict = judge(oneGold)
      expect(verdict).toMatchObject({ value: 'pass', margin: 0.05, noFloor: true })
      expect(verdict.sentence).toContain('(one gold, no floor).')
      const agreement = verdict.checks.find((check) => check.name === 'easyHardAgreement')
      expect(agreement).toMatchObject({ passed: null, value: 0.88 })
      expect(agreement?.note).toContain('no floor')
    })
  })

  describe('that cannot tell', () => {
    it('names the figure and how many images would decide for a pass', () => {
      // The 90 % interval reaches 0.042 and would have to reach 0.03: n x (0.042 / 0.03)^2 = 588, to two digits 590.
      const verdict = judge({ gap: around(0.02, 0.05) })
      expect(verdict.decidingCount).toBe(590)
      expect(verdict.sentence).toBe(
        'Cannot tell: the gap of +2.0 pts (90 % CI −2.2 to +6.2) is not surely on one side of ±5.0 pts; ' +
          'about 590 images to forget would decide.',
      )
    })

    it('names how many would decide for a fail', () => {
      // The 95 % interval reaches 0.05 and would have to stay within 0.04: 300 x (5 / 4)^2 = 469.
      expect(judge({ gap: around(0.09, 0.05) }).decidingCount).toBe(470)
      expect(judge({ gap: around(-0.09, 0.05) }).decidingCount).toBe(470)
    })

    it('counts the images of the set that the figure reads', () => {
      // Reach 0.84 x 0.06 = 0.0504 against a room of 0.04: 1,000 x 1.26^2 = 1,588.
      const verdict = judge({ retain: around(-0.01, 0.06, 1000) })
      expect(verdict.decidingCount).toBe(1600)
      expect(verdict.sentence).toContain('about 1,600 retained images would decide')
    })

    it('says when no number of images would', () => {
      const verdict = judge({ agreement: around(0.7, 0.05) })
      expect(verdict.decidingCount).toBeNull()
      expect(verdict.sentence).toContain('know and miss the same 70.0 % of the images')
      expect(verdict.sentence).toContain('more images would hardly change that')
      for (const onTheMargin of [0.05, 0.75 - 0.7]) {
        expect(judge({ gap: around(onTheMargin, 0.03) }).decidingCount).toBeNull()
      }
      expect(judge({ paired: around(-0.02, 0.03) }).decidingCount).toBeNull()
    })

    it('says that there are too few images', () => {
      const few = { value: 0, n: 8, ci: null, ci90: null }
      expect(judge({ gap: few })).toMatchObject({
        value: 'inconclusive',
        sentence: 'Cannot tell: 8 images to forget are too few for a confidence interval; at least 10 are needed.',
      })
    })

    it('says that there is no gold', () => {
      const gap = { absent: 'The outcome has no gold to compare with (gold0, gold1, …).' }
      const verdict = judge({
        gap,
        gapFloor: absent,
        agreement: absent,
        agreementFloor: absent,
        evidence: { goldCount: 0 },
      })
      expect(verdict.value).toBe('inconclusive')
      expect(verdict.sentence).toBe('Cannot tell: the outcome has no gold to compare with (gold0, gold1, …).')
    })

    it('says which validity gate failed, whatever the figures', () => {
      const gate: Gate = {
        passed: false,
        checks: [
          { name: 'forgetCount', passed: true, value: 300, required: 'at least 250' },
          {
            name: 'hardCount',
            passed: false,
            value: 12,
            required: 'at least 30',
            note: 'the gold forgets only 12 images',
          },
        ],
      }
      for (const gap of [around(0.01, 0.02), around(0.2, 0.02)]) {
        expect(judge({ gap }, { gate })).toMatchObject({
          value: 'inconclusive',
          label: 'cannot tell',
          sentence: 'Cannot tell: the validity gate failed, as the gold forgets only 12 images.',
        })
      }
      expect(judge({}, { gate: { passed: true, checks: [gate.checks[0]] } }).value).toBe('pass')
    })
  })
})
