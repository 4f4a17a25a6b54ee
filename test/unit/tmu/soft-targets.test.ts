import { describe, expect, it } from 'vitest'
import {
  accuracyByLabel,
  confidenceByLabel,
  priorCorrected,
  sharpened,
  shiftedToShares,
  temperatureOf,
} from '#main/compute/worker/tmu/soft-targets.ts'

const close = (values: Iterable<number>, expected: readonly number[]) => {
  const list = [...values]
  expect(list.length).toBe(expected.length)
  list.forEach((value, i) => expect(value).toBeCloseTo(expected[i], 10))
}

describe('soft targets', () => {
  it('lose of a class what the gold has fewer samples of', () => {
    // 300 of 1000 gone: 0.5 becomes 0.35 of 0.85.
    close(priorCorrected(Float32Array.of(2, 2), [0.7, 1], 1), [0.35 / 0.85, 0.5 / 0.85])
    // Logits twice as large as they ought to be: the odds change by the factor's square.
    close(priorCorrected(Float32Array.of(2, 2), [0.7, 1], 2), [0.49 / 1.49, 1 / 1.49])
  })

  it('find by how much logits are too large for how often they are right', () => {
    // Odds of e^4 to 1 in all four rows, three of them right: an honest 3 to 1 is e^(4 / T) at T = 4 / ln 3.
    const logits = Float32Array.of(4, 0, 4, 0, 0, 4, 4, 0)
    expect(temperatureOf(logits, Int32Array.of(0, 0, 1, 1), 2)).toBeCloseTo(4 / Math.log(3), 8)
    // All right, or all wrong: the ends of the range.
    expect(temperatureOf(logits, Int32Array.of(0, 0, 1, 0), 2)).toBeCloseTo(0.25, 8)
    expect(temperatureOf(logits, Int32Array.of(1, 1, 0, 1), 2)).toBeCloseTo(8, 8)
  })

  it('are sharpened to a power and sum to 1', () => {
    const [a, b] = [0.8 ** 2, 0.2 ** 2]
    close(sharpened(Float64Array.of(0.8, 0.2), 0.5, 2), [a / (a + b), b / (a + b)])
    close(sharpened(Float64Array.of(0.8, 0.2), 1, 2), [0.8, 0.2])
  })

  it('are shifted by one constant until the wanted share predicts the class', () => {
    const q = Float64Array.of(0.9, 0.1, 0.6, 0.4, 0.3, 0.7, 0.2, 0.8)
    const labels = Int32Array.of(0, 0, 0, 0)
    for (const wanted of [0, 1, 2, 3, 4]) {
      const shifted = shiftedToShares(q, labels, new Map([[0, wanted / 4]]), 2)
      expect(accuracyByLabel(shifted, labels, 2).get(0)).toBe(wanted / 4)
      const constants = [0, 1, 2, 3].map(
        (i) => Math.log(shifted[2 * i] / shifted[2 * i + 1]) - Math.log(q[2 * i] / q[2 * i + 1]),
      )
      for (const constant of constants) expect(constant).toBeCloseTo(constants[0], 10)
    }
  })

  it('take shares beyond 0 and 1 as none and all', () => {
    const q = Float64Array.of(0.9, 0.1, 0.2, 0.8)
    const labels = Int32Array.of(0, 0)
    expect(accuracyByLabel(shiftedToShares(q, labels, new Map([[0, 1.3]]), 2), labels, 2).get(0)).toBe(1)
    expect(accuracyByLabel(shiftedToShares(q, labels, new Map([[0, -0.2]]), 2), labels, 2).get(0)).toBe(0)
  })

  it('are shifted per class: rows of another class stay as they are', () => {
    const q = Float64Array.of(0.9, 0.1, 0.7, 0.3)
    const shifted = shiftedToShares(q, Int32Array.of(0, 1), new Map([[1, 1]]), 2)
    close(shifted.subarray(0, 2), [0.9, 0.1])
    expect(shifted[3]).toBeGreaterThan(0.5)
  })

  it('are measured per class', () => {
    const p = Float64Array.of(0.9, 0.1, 0.6, 0.4, 0.3, 0.7)
    const labels = Int32Array.of(0, 1, 1)
    expect([...accuracyByLabel(p, labels, 2)]).toEqual([
      [0, 1],
      [1, 0.5],
    ])
    expect(confidenceByLabel(p, labels, 2).get(1)).toBeCloseTo(0.55, 12)
  })
})
