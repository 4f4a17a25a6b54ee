import { describe, expect, it } from 'vitest'
import { exposureShift, shiftedOwn } from '#main/compute/worker/tmu/exposure.ts'

/** Rows of two classes whose own label has these probabilities. */
function rows(...own: readonly (readonly [label: number, probability: number])[]) {
  return {
    labels: Int32Array.from(own, ([label]) => label),
    logits: Float32Array.from(
      own.flatMap(([label, p]) => (label === 0 ? [Math.log(p), Math.log(1 - p)] : [Math.log(1 - p), Math.log(p)])),
    ),
  }
}
const odds = (p: number): number => Math.log(p / (1 - p))

describe('what a checkpoint has learned of samples that it was trained on', () => {
  it('is the difference of log-odds where all rows of a side are alike', () => {
    const shift = exposureShift(rows([0, 0.9], [0, 0.9]), rows([0, 0.6]), Int32Array.of(0), 2)
    expect(shift).toBeCloseTo(odds(0.6) - odds(0.9), 6)
  })

  it('brings the mean probability of the own label to that of unseen samples', () => {
    const seen = rows([0, 0.95], [0, 0.5], [0, 0.8])
    const shift = exposureShift(seen, rows([0, 0.4], [0, 0.9]), Int32Array.of(0, 0, 0), 2)
    const moved = shiftedOwn(seen, shift, 2)
    const mean = [0, 1, 2].reduce((sum, i) => sum + 1 / (1 + Math.exp(moved[2 * i + 1] - moved[2 * i])) / 3, 0)
    expect(mean).toBeCloseTo(0.65, 5)
  })

  it('counts a label as often as the samples to forget have it', () => {
    const seen = rows([0, 0.9], [1, 0.8], [1, 0.8], [1, 0.8])
    const unseen = rows([0, 0.5], [0, 0.5], [1, 0.8])
    const of = (...mix: readonly number[]): number => exposureShift(seen, unseen, Int32Array.from(mix), 2)
    expect(of(0)).toBeCloseTo(odds(0.5) - odds(0.9), 6)
    expect(of(1)).toBe(0)
    // Three times as many of the label that shows nothing.
    expect(of(0, 1, 1, 1)).toBeGreaterThan(of(0, 1))
  })

  it('is nothing where unseen samples are better known, or have no label in common', () => {
    expect(exposureShift(rows([0, 0.6]), rows([0, 0.7]), Int32Array.of(0), 2)).toBe(0)
    expect(exposureShift(rows([0, 0.9]), rows([1, 0.5]), Int32Array.of(0), 2)).toBe(0)
  })

  it('is bounded where unseen samples are as good as never recognised', () => {
    expect(exposureShift(rows([0, 0.99]), rows([0, 1e-12]), Int32Array.of(0), 2)).toBeCloseTo(-8, 6)
  })

  it('leaves other classes\u2019 logits and the given rows as they were', () => {
    const given = rows([0, 0.7], [1, 0.6])
    const before = given.logits.slice()
    const moved = shiftedOwn(given, -1, 2)
    expect(given.logits).toEqual(before)
    const expected = [-1, 0, 0, -1]
    moved.forEach((z, i) => expect(z - before[i]).toBeCloseTo(expected[i], 6))
  })
})
