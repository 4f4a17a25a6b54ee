import { describe, expect, it } from 'vitest'
import { asUnlearned, goldNames, unlearnedNames, withoutGolds } from '#main/metrics/outcome.ts'
import { compareSamples } from '#main/metrics/per-sample.ts'
import { integers, matrix, outcomeOf, predicting } from './build-outcome.ts'

const outcome = outcomeOf({
  'labels/forget': integers([0, 1, 0]),
  'ids/forget': integers([5, 3, 9]),
  'original/forget/logits': predicting([0, 1, 0], 2),
  'unlearned10/forget/logits': predicting([0, 1, 1], 2),
  'unlearned2/forget/logits': predicting([0, 1, 1], 2),
  'gold10/forget/logits': predicting([1, 1, 1], 2),
  'gold0/forget/logits': predicting([0, 0, 1], 2),
  'gold2/forget/logits': predicting([0, 1, 1], 2),
})

describe('an outcome', () => {
  it('lists golds and repeats by number, not by spelling', () => {
    expect(goldNames(outcome)).toEqual(['gold0', 'gold2', 'gold10'])
    expect(unlearnedNames(outcome)).toEqual(['unlearned2', 'unlearned10'])
  })

  it('scores a gold against the other golds only', () => {
    const scored = asUnlearned(outcome, 'gold2')
    expect(goldNames(scored)).toEqual(['gold0', 'gold10'])
    expect(unlearnedNames(scored)).toEqual(['unlearned'])
    expect(scored.models.get('unlearned')).toBe(outcome.models.get('gold2'))
  })

  it('scores the original in the place of the unlearned model against all golds', () => {
    const scored = asUnlearned(outcome, 'original')
    expect(goldNames(scored)).toHaveLength(3)
    expect(scored.models.get('unlearned')).toBe(outcome.models.get('original'))
    expect(scored.models.has('original')).toBe(true)
  })

  it('drops the gold whose labels the oracle read', () => {
    expect(goldNames(withoutGolds(outcome, ['gold0']))).toEqual(['gold2', 'gold10'])
    expect(goldNames(asUnlearned(outcome, 'original', { dropGolds: ['gold0', 'gold2'] }))).toEqual(['gold10'])
  })

  it('refuses a model that it does not hold', () => {
    expect(() => asUnlearned(outcome, 'gold7')).toThrow('no model "gold7"')
    expect(() => withoutGolds(outcome, ['gold1'])).toThrow('no model "gold1"')
  })
})

describe('compareSamples', () => {
  it('gives each forget sample with every prediction and its divergence from the golds', () => {
    const samples = compareSamples(
      outcomeOf({
        'labels/forget': integers([0, 1]),
        'ids/forget': integers([5, 3]),
        'unlearned/forget/logits': matrix([
          [0, 0],
          [80, 0],
        ]),
        'gold0/forget/logits': matrix([
          [0, 0],
          [0, 80],
        ]),
        'gold1/forget/logits': matrix([
          [1, 1],
          [80, 0],
        ]),
      }),
    )
    expect(samples.map((sample) => sample.id)).toEqual(['5', '3'])
    expect(samples[1].predicted).toEqual({ unlearned: 0, gold0: 1, gold1: 0 })
    expect(samples[0].disagreement).toBeCloseTo(0, 12)
    expect(samples[1].disagreement).toBeCloseTo(Math.LN2 / 2, 9)
  })

  it('has no divergence without a gold', () => {
    const samples = compareSamples(
      outcomeOf({ 'labels/forget': integers([1]), 'unlearned/forget/logits': matrix([[0, 1]]) }),
    )
    expect(samples).toEqual([{ position: 0, id: null, label: 1, predicted: { unlearned: 1 }, disagreement: null }])
  })
})
