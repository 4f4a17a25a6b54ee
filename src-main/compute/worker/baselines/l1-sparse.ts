import { z } from 'zod'
import { defineMethod } from '../../method.ts'
import { sgdPlan, withOwnLabels } from './plans.ts'
import { sgdParams } from './sgd-parameters.ts'

/** Fine-tuning under an L1 penalty that falls to 0 epoch by epoch: a sparser network has less room to remember F. */
export const l1Sparse = defineMethod({
  id: 'l1-sparse',
  title: 'L1-sparse',
  family: 'baseline',
  summary: 'Fine-tunes on the retained images under a penalty that pushes weights to 0.',
  citation: 'Jia et al. 2023, Model Sparsity Can Simplify Machine Unlearning; public code OPTML-Group/Unlearn-Sparse',
  params: z.strictObject({
    alpha: z
      .number()
      .min(0)
      .max(1)
      .default(5e-4)
      .describe(
        'a: factor of the sum of absolute weights in the first epoch, falling linearly to 0 after the last; 0 is fine-tuning; public code',
      ),
    ...sgdParams({ epochs: 10, lr: 0.01 }),
  }),
  refusesClassRemoval: false,
  needs: () => ({}),
  estimate(params, counts) {
    const visits = params.epochs * counts.retain
    return { visitsForward: visits, visitsBackward: visits }
  },
  async *run(context, params) {
    const items = withOwnLabels(context.feed, context.retain)
    yield* context.train({
      ...sgdPlan(context, params),
      items: (epoch) => [{ items, l1: params.alpha * (1 - epoch / params.epochs) }],
    })
  },
})
