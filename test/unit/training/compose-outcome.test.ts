import { describe, expect, it } from 'vitest'
import { composeOutcome } from '#main/compute/worker/evaluate/compose-outcome.ts'

const labels = Int32Array.of(0, 1, 1, 0, 1)
const predictions = (ids: number[], logits: number[]) => ({
  'ids/forget': { shape: [ids.length], data: Int32Array.from(ids) },
  'forget/logits': { shape: [ids.length, 2], data: Float32Array.from(logits) },
  'twin/logits': { shape: [1, 2], data: Float32Array.of(0, 1) },
})
const sets = new Map([['forget', Int32Array.of(1, 3)]] as const)

describe('composing an outcome', () => {
  it("gives each set its ids and labels, and each model's predictions its name", () => {
    const unlearned = predictions([1, 3], [1, 2, 3, 4])
    const arrays = composeOutcome({ labels, sets, models: new Map([['unlearned', unlearned]]) })
    expect(Object.keys(arrays)).toEqual(['ids/forget', 'labels/forget', 'unlearned/forget/logits'])
    expect(arrays['labels/forget'].data).toEqual(Int32Array.of(1, 0))
    expect(arrays['ids/forget'].data).toEqual(Int32Array.of(1, 3))
    expect(arrays['unlearned/forget/logits']).toBe(unlearned['forget/logits'])
  })

  it('refuses predictions of other samples, or of the same in another order', () => {
    for (const ids of [[1, 4], [3, 1], [1]]) {
      const models = new Map([['gold0', predictions(ids, [1, 2, 3, 4])]])
      expect(() => composeOutcome({ labels, sets, models })).toThrow(
        'The predictions of gold0 on forget are of other samples',
      )
    }
  })

  it('refuses a sample that the data set has no label for', () => {
    const outside = new Map([['forget', Int32Array.of(1, 5)]] as const)
    expect(() => composeOutcome({ labels, sets: outside, models: new Map() })).toThrow('no sample 5 among the 5')
  })
})
