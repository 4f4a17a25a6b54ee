import { assertNever } from '#shared/errors.ts'
import type { TrainPlan } from './types.ts'

export interface TrainingTime {
  /** Steps done, of `totalSteps`. */
  readonly step: number
  readonly totalSteps: number
  /** Epochs done. */
  readonly epoch: number
}

/**
 * `cosine`: from `lr` at the first step towards 0 after the last one (Loshchilov and Hutter 2017, no restarts).
 * `steps`: x 0.1 after 50, 80 and 90 % of the epochs (5, 8 and 9 of 10, as in public code meghdadk/SCRUB).
 */
export function learningRateAt(plan: Pick<TrainPlan, 'lr' | 'schedule' | 'epochs'>, time: TrainingTime): number {
  switch (plan.schedule) {
    case 'constant':
      return plan.lr
    case 'cosine':
      return (plan.lr * (1 + Math.cos((Math.PI * time.step) / time.totalSteps))) / 2
    case 'steps': {
      const falls = milestones.filter((share) => time.epoch >= Math.round(share * plan.epochs)).length
      return plan.lr * 0.1 ** falls
    }
    default:
      return assertNever(plan.schedule)
  }
}

const milestones = [0.5, 0.8, 0.9]
