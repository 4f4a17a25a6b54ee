import { describe, expect, it } from 'vitest'
import { learningRateAt } from '#main/compute/worker/training/learning-rate.ts'

describe('the learning rate', () => {
  it('falls from lr over lr/2 in the middle towards 0 along a cosine', () => {
    const plan = { lr: 0.4, schedule: 'cosine' } as const
    expect(learningRateAt(plan, 0, 8)).toBeCloseTo(0.4, 12)
    expect(learningRateAt(plan, 2, 8)).toBeCloseTo(0.2 * (1 + Math.SQRT1_2), 12)
    expect(learningRateAt(plan, 4, 8)).toBeCloseTo(0.2, 12)
    expect(learningRateAt(plan, 8, 8)).toBeCloseTo(0, 12)
  })

  it('stays where it is when the schedule is constant', () => {
    for (const step of [0, 3, 7]) expect(learningRateAt({ lr: 0.1, schedule: 'constant' }, step, 8)).toBe(0.1)
  })
})
