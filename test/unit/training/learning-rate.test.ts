import { describe, expect, it } from 'vitest'
import { learningRateAt } from '#main/compute/worker/training/learning-rate.ts'

describe('the learning rate', () => {
  it('falls from lr over lr/2 in the middle towards 0 along a cosine', () => {
    const plan = { lr: 0.4, schedule: 'cosine', epochs: 2 } as const
    const at = (step: number): number => learningRateAt(plan, { step, totalSteps: 8, epoch: Math.floor(step / 4) })
    expect(at(0)).toBeCloseTo(0.4, 12)
    expect(at(2)).toBeCloseTo(0.2 * (1 + Math.SQRT1_2), 12)
    expect(at(4)).toBeCloseTo(0.2, 12)
    expect(at(8)).toBeCloseTo(0, 12)
  })

  it('stays where it is when the schedule is constant', () => {
    const plan = { lr: 0.1, schedule: 'constant', epochs: 1 } as const
    for (const step of [0, 3, 7]) expect(learningRateAt(plan, { step, totalSteps: 8, epoch: 0 })).toBe(0.1)
  })

  it('falls to a tenth after the fifth, eighth and ninth of ten epochs', () => {
    const plan = { lr: 1, schedule: 'steps', epochs: 10 } as const
    const rates = Array.from({ length: 10 }, (_, epoch) => learningRateAt(plan, { step: epoch, totalSteps: 10, epoch }))
    const expected = [1, 1, 1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.001]
    for (const [epoch, rate] of rates.entries()) expect(rate, `epoch ${epoch + 1}`).toBeCloseTo(expected[epoch], 12)
  })
})
