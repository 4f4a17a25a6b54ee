import { describe, expect, it } from 'vitest'
import {
  labelByLateLearning,
  labelByModel,
  labelByThreshold,
  labelCountMatched,
  withHardShare,
  withinBand,
} from '#main/compute/worker/tmu/label-rules.ts'
import { Random } from '#shared/random.ts'

describe('label rules', () => {
  it('call a sample easy from the threshold on', () => {
    expect([...labelByThreshold([0.2, 0.5, 0.49, 0.9], 0.5)]).toEqual([0, 1, 0, 1])
    expect([...labelByThreshold([0.2, 0.5, 0.49, 0.9], 0.95)]).toEqual([0, 0, 0, 0])
    expect([...labelByThreshold([0, 1], 0)]).toEqual([1, 1])
  })

  it('shift all probabilities alike until the wanted share is below the threshold', () => {
    const given = Float64Array.of(0.9, 0.6, 0.99, 0.7, 0.8)
    const odds = (p: number): number => Math.log(p / (1 - p))
    const shifted = withHardShare(given, 0.4, 0.5)
    expect([...labelByThreshold(shifted, 0.5)]).toEqual([1, 0, 1, 0, 1])
    const shift = -(odds(0.7) + odds(0.8)) / 2
    shifted.forEach((p, i) => expect(odds(p)).toBeCloseTo(odds(given[i]) + shift, 9))
    expect([...labelByThreshold(withHardShare(given, 0.4, 0.3), 0.3)]).toEqual([1, 0, 1, 0, 1])
    expect([...labelByThreshold(withHardShare(given, 0, 0.5), 0.5)]).toEqual([1, 1, 1, 1, 1])
    expect([...labelByThreshold(withHardShare(given, 1, 0.5), 0.5)]).toEqual([0, 0, 0, 0, 0])
    // A share of nobody's is rounded: 0.29 of 5 is one.
    expect([...labelByThreshold(withHardShare(given, 0.29, 0.5), 0.5)]).toEqual([1, 0, 1, 1, 1])
    const certain = withHardShare(Float64Array.of(0, 1, 1), 1 / 3, 0.5)
    expect([...labelByThreshold(certain, 0.5)]).toEqual([0, 1, 1])
    expect(certain.every(Number.isFinite)).toBe(true)
  })

  it('call the latest learned samples hard, as large a share as given, the first ones at equal lateness', () => {
    expect([...labelByLateLearning([0.1, 3, 2, 0.5, 2], 0.4)]).toEqual([1, 0, 0, 1, 1])
    expect([...labelByLateLearning([0.1, 3, 2, 0.5], 0)]).toEqual([1, 1, 1, 1])
    expect([...labelByLateLearning([0.1, 3, 2, 0.5], 1)]).toEqual([0, 0, 0, 0])
  })

  it('draw as many hard samples as predicted, elsewhere, the same ones for the same seed', () => {
    const predicted = Uint8Array.from({ length: 200 }, (_, i) => (i < 50 ? 0 : 1))
    const drawn = labelCountMatched(predicted, undefined, Random.of(1, 'a')).easy
    expect(drawn.filter((easy) => easy === 0).length).toBe(50)
    // Of 50 hard ones drawn from 200, 12.5 fall on the predicted ones by chance.
    const shared = drawn.filter((easy, i) => easy === 0 && predicted[i] === 0).length
    expect(shared).toBeGreaterThan(3)
    expect(shared).toBeLessThan(25)
    expect(labelCountMatched(predicted, undefined, Random.of(1, 'a')).easy).toEqual(drawn)
    expect(labelCountMatched(predicted, undefined, Random.of(2, 'a')).easy).not.toEqual(drawn)
  })

  it('leave out what is nearer to the threshold than the band, and as many by chance', () => {
    expect([...withinBand([0.2, 0.45, 0.5, 0.61, 0.7], 0.5, 0.1)]).toEqual([0, 1, 1, 0, 0])
    const easy = Uint8Array.of(0, 0, 1, 1, 1, 0)
    const abstained = Uint8Array.of(1, 0, 1, 0, 0, 0)
    const drawn = labelCountMatched(easy, abstained, Random.of(3, 'a'))
    const left = drawn.abstained ?? new Uint8Array()
    expect(left.filter((value) => value === 1)).toHaveLength(2)
    // Hard and labelled: two; an abstained sample is not one of them.
    expect(drawn.easy.filter((value, i) => value === 0 && left[i] === 0)).toHaveLength(2)
    expect(drawn.easy.filter((value, i) => value === 0 && left[i] === 1)).toHaveLength(0)
  })

  it('call a sample easy where the model predicts its label, ties going to the lowest class', () => {
    const logits = [2, 1, 0, 0, 1, 2, 5, 5, 1]
    expect([...labelByModel(logits, Int32Array.of(0, 1, 0), 3)]).toEqual([1, 0, 1])
    expect([...labelByModel(logits, Int32Array.of(0, 2, 1), 3)]).toEqual([1, 1, 0])
  })
})
