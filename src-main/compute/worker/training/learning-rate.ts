import { assertNever } from '#shared/errors.ts'
import type { TrainPlan } from './types.ts'

/** Cosine from `lr` at the first step towards 0 after the last one (Loshchilov and Hutter 2017, no restarts). */
export function learningRateAt(plan: Pick<TrainPlan, 'lr' | 'schedule'>, step: number, totalSteps: number): number {
  switch (plan.schedule) {
    case 'constant':
      return plan.lr
    case 'cosine':
      return (plan.lr * (1 + Math.cos((Math.PI * step) / totalSteps))) / 2
    default:
      return assertNever(plan.schedule)
  }
}
