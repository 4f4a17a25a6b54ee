import { describe, expect, it } from 'vitest'
import { createMlp, mlpLogits, mlpLossAndGradient, trainMlp } from '#main/compute/worker/tmu/mlp.ts'
import { Random } from '#shared/random.ts'

function problem(rows: number, inputs: number) {
  const random = Random.of(5, 'problem')
  return {
    x: Float64Array.from({ length: rows * inputs }, () => random.uniform()),
    y: Uint8Array.from({ length: rows }, () => random.below(2)),
  }
}

describe('the predictor network', () => {
  it('computes a known logit: one hidden unit, then ReLU, then the sum', () => {
    // Hidden: relu(2 x0 - 1 x1 + 0.5); output: 3 h - 1. For (1, 0.5): h = 2, logit 5. For (0, 1): h = 0, logit -1.
    const mlp = { sizes: [2, 1, 1], parameters: Float64Array.of(2, -1, 0.5, 3, -1) }
    expect(Array.from(mlpLogits(mlp, Float64Array.of(1, 0.5, 0, 1)))).toEqual([5, -1])
  })

  it.each([[[3, 32, 16, 1]], [[2, 4, 1]], [[3, 1]]])(
    'has the gradient that finite differences find, sizes %j',
    (sizes) => {
      const { x, y } = problem(7, sizes[0])
      const mlp = createMlp(sizes, Random.of(1, 'mlp'))
      const rows = [0, 2, 3, 6, 6]
      const { gradient } = mlpLossAndGradient(mlp, x, y, rows)
      const h = 1e-6
      const lossWith = (at: number, by: number): number => {
        const parameters = mlp.parameters.slice()
        parameters[at] += by
        return mlpLossAndGradient({ sizes, parameters }, x, y, rows).loss
      }
      let largest = 0
      for (let i = 0; i < gradient.length; i++) {
        largest = Math.max(largest, Math.abs((lossWith(i, h) - lossWith(i, -h)) / (2 * h) - gradient[i]))
      }
      expect(largest).toBeLessThan(1e-8)
      expect(gradient.some((g) => Math.abs(g) > 1e-3)).toBe(true)
    },
  )

  it('has the loss ln 2 at logit 0 and stays finite at extreme logits', () => {
    const flat = { sizes: [1, 1], parameters: Float64Array.of(0, 0) }
    expect(mlpLossAndGradient(flat, Float64Array.of(1), [1], [0]).loss).toBeCloseTo(Math.LN2, 12)
    const steep = { sizes: [1, 1], parameters: Float64Array.of(5000, 0) }
    expect(mlpLossAndGradient(steep, Float64Array.of(1), [0], [0]).loss).toBe(5000)
    expect(mlpLossAndGradient(steep, Float64Array.of(1), [1], [0]).loss).toBe(0)
  })

  it('learns a threshold, and the same one for the same seed', async () => {
    const random = Random.of(2, 'data')
    const x = Float64Array.from({ length: 200 }, () => random.uniform())
    const y = Uint8Array.from(x, (value) => (value > 0.6 ? 1 : 0))
    const trained = async (seed: number) => {
      const stream = Random.of(seed, 'fit')
      const mlp = createMlp([1, 32, 16, 1], stream)
      await trainMlp(mlp, x, y, { lr: 0.01, epochs: 200, batchSize: 128 }, stream, async () => {})
      return mlp
    }
    const mlp = await trained(1)
    const right = mlpLogits(mlp, x).reduce((sum, logit, i) => sum + (logit > 0 === (y[i] === 1) ? 1 : 0), 0)
    expect(right / x.length).toBeGreaterThan(0.95)
    expect((await trained(1)).parameters).toEqual(mlp.parameters)
    expect((await trained(2)).parameters).not.toEqual(mlp.parameters)
  })
})
