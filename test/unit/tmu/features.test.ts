import { describe, expect, it } from 'vitest'
import { distanceToClassCore } from '#main/compute/worker/features/distance.ts'
import { crossEntropy, softCrossEntropy, softmax } from '#main/compute/worker/features/logits.ts'

const rest = async () => {}

function rows(labels: readonly number[], ...features: readonly (readonly number[])[]) {
  return { features: Float32Array.from(features.flat()), labels: Int32Array.from(labels), width: features[0].length }
}

describe('DF, the distance to the class core', () => {
  it('is 0 for a sample among its own copies, whatever their length', async () => {
    const samples = rows([1], [3, 4])
    const references = rows([1, 1, 1, 1, 1, 1], [3, 4], [6, 8], [3, 4], [3, 4], [3, 4], [-3, 4])
    const [distance] = await distanceToClassCore(samples, references, 5, rest)
    expect(distance).toBeCloseTo(0, 12)
  })

  it('averages the nearest of its own class only', async () => {
    const samples = rows([0], [1, 0])
    // Of class 0: at right angles (distance sqrt 2) and opposite (2); the copy belongs to class 1.
    const references = rows([0, 0, 1], [0, 5], [-2, 0], [1, 0])
    const mean = async (neighbours: number) => (await distanceToClassCore(samples, references, neighbours, rest))[0]
    expect(await mean(1)).toBeCloseTo(Math.SQRT2, 12)
    expect(await mean(2)).toBeCloseTo((Math.SQRT2 + 2) / 2, 12)
    expect(await mean(5)).toBeCloseTo((Math.SQRT2 + 2) / 2, 12)
  })

  it('is absent where no reference has the label', async () => {
    const [distance] = await distanceToClassCore(rows([7], [1, 0]), rows([0], [1, 0]), 5, rest)
    expect(distance).toBeNaN()
  })

  it('stays finite where a feature is all zeros', async () => {
    const [distance] = await distanceToClassCore(rows([0], [0, 0]), rows([0], [0, 2]), 5, rest)
    expect(distance).toBe(1)
  })
})

describe('CF, the cross-entropy', () => {
  it('is ln K for a uniform model', () => {
    const uniform = Float32Array.of(3, 3, 3, 3, -1, -1, -1, -1)
    for (const value of crossEntropy(uniform, Int32Array.of(0, 2), 4)) expect(value).toBeCloseTo(Math.log(4), 12)
  })

  it('stays exact where a probability underflows', () => {
    expect([...crossEntropy(Float32Array.of(0, 2000), Int32Array.of(0), 2)]).toEqual([2000])
  })
})

describe('the soft cross-entropy', () => {
  it('against the model\u2019s own softmax is its entropy', () => {
    const logits = Float32Array.of(Math.log(1), Math.log(3))
    const entropy = -(0.25 * Math.log(0.25) + 0.75 * Math.log(0.75))
    expect(softCrossEntropy(logits, softmax(logits, 2), 2)[0]).toBeCloseTo(entropy, 6)
  })

  it('of raw logits as targets changes with a constant, of their softmax it does not', () => {
    const logits = [0.5, -1, 2]
    const moved = logits.map((z) => z + 7)
    const attacked = [1, 0, 0.5]
    const attackedMoved = attacked.map((z) => z + 7)
    const bySoftmax = (a: number[], z: number[]) => softCrossEntropy(a, softmax(z, 3), 3)[0]
    expect(bySoftmax(attackedMoved, moved)).toBeCloseTo(bySoftmax(attacked, logits), 10)
    const raw = softCrossEntropy(attacked, logits, 3)[0]
    expect(Math.abs(softCrossEntropy(attackedMoved, moved, 3)[0] - raw)).toBeGreaterThan(1)
  })
})
