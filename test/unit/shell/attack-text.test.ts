import { describe, expect, it } from 'vitest'
import { describeAttacks } from '#main/shell/cli/attack-text.ts'
import type { AttackSummary } from '#shared/domain/attack.ts'

const streisand: AttackSummary = {
  attack: 'streisand',
  method: 'tmu',
  seed: 1,
  state: 'succeeded',
  figures: {
    auc: { value: 0.612, ci: [0.55, 0.671], n: 300 },
    balancedAccuracy: { value: 0.58, ci: null, n: 300 },
    tprAtFpr01: { absent: 'Too few non-members.' },
    tprAtFpr001: { absent: 'Too few non-members.' },
    above: { value: 0.043, ci: null, n: 300 },
    aboveExcess: { value: 0.021, ci: null, n: 300 },
  },
  floor: { auc: { value: 0.503, ci: null, n: 300 }, above: { value: 0.022, ci: null, n: 300 } },
  error: null,
}

/** Lines that begin with a row's head, split where columns are apart. */
function linesOf(text: string, ...head: readonly string[]): readonly (readonly string[])[] {
  return text
    .split('\n')
    .map((line) => line.trim().split(/ {2,}/))
    .filter((cells) => head.every((cell, i) => cells[i] === cell))
}

describe('attacks in a terminal', () => {
  it('show every figure, with its interval and the gold beside it', () => {
    const text = describeAttacks([streisand])
    expect(linesOf(text, 'streisand', 'tmu', '1')).toEqual([
      ['streisand', 'tmu', '1', 'auc', '0.612 (0.550 to 0.671)', '300', '0.503'],
      ['streisand', 'tmu', '1', 'balancedAccuracy', '0.580', '300', '–'],
      ['streisand', 'tmu', '1', 'tprAtFpr01', 'absent', '–', '–'],
      ['streisand', 'tmu', '1', 'tprAtFpr001', 'absent', '–', '–'],
      ['streisand', 'tmu', '1', 'above', '0.043', '300', '0.022'],
      ['streisand', 'tmu', '1', 'aboveExcess', '0.021', '300', '–'],
    ])
    expect(text.match(/note: Too few non-members\./g)).toHaveLength(1)
  })

  it('show the headline by easy and hard, where it is known', () => {
    const of = (value: number, n: number) => ({ auc: { value, ci: null, n } })
    const text = describeAttacks([
      {
        ...streisand,
        subsets: {
          trueEasy: { figures: of(0.71, 200), floor: of(0.6, 200) },
          trueHard: { figures: of(0.42, 90), floor: {} },
          predictedHard: { figures: { auc: { absent: 'No image is hard.' } }, floor: {} },
        },
      },
      { ...streisand, method: 'none' },
    ])
    const [, parts] = text.split('By easy and hard')
    expect(linesOf(parts, 'streisand')).toEqual([
      ['streisand', 'tmu', '1', 'auc', '0.710 (n 200, gold 0.600)', '0.420 (n 90)', '–', 'absent'],
    ])
    expect(parts).toContain('note: No image is hard.')
    expect(describeAttacks([streisand])).not.toContain('By easy and hard')
  })

  it('say once what a reader must know of the figures, and of which attack', () => {
    const notes = ['Too few non-members.', '4 of the 8 shadow models learned none of F.']
    const text = describeAttacks([
      { ...streisand, attack: 'ulira', notes },
      { ...streisand, attack: 'ulira', method: 'none', notes },
    ])
    expect(text.split('\n').filter((line) => line.includes('note:'))).toEqual([
      '  note: Too few non-members.',
      '  note: ulira: 4 of the 8 shadow models learned none of F.',
    ])
  })

  it('say why there are no figures', () => {
    const failed: AttackSummary = { ...streisand, figures: {}, state: 'failed', error: 'The worker ended.' }
    expect(linesOf(describeAttacks([failed]), 'streisand')).toEqual([
      ['streisand', 'tmu', '1', '–', 'The worker ended.', '–', '–'],
    ])
    expect(describeAttacks([])).toBe('')
  })
})
