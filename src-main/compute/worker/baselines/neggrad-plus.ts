import { z } from 'zod'
import { defineMethod } from '../../method.ts'
import { sgdPlan, visitsBeside, withOwnLabels } from './plans.ts'
import { sgdParams } from './sgd-parameters.ts'

/**
 * Every step descends a CE(batch of R) - (1 - a) CE(batch of F). An epoch is one over R; the batches of F come round
 * again and again, in one order an epoch, as in the public code. a = 1 is fine-tuning.
 */
export const negGradPlus = defineMethod({
  id: 'neggrad-plus',
  title: 'NegGrad+',
  family: 'baseline',
  summary: 'Fine-tunes on the retained images while the loss of the forgotten ones is driven up.',
  citation: 'Kurmanji et al. 2023, Towards Unbounded Machine Unlearning; public code meghdadk/SCRUB',
  params: z.strictObject({
    alpha: z
      .number()
      .min(0)
      .max(1)
      .default(0.95)
      .describe('a: weight of the retained loss; the forgotten one has 1 - a. 1 is fine-tuning; public code'),
    ...sgdParams({ epochs: 10, lr: 0.01 }),
    forgetBatchSize: z.int().min(1).max(4096).default(64).describe('Forgotten samples a step; public code'),
  }),
  refusesClassRemoval: false,
  needs: () => ({}),
  estimate({ epochs, alpha, batchSize, forgetBatchSize }, counts) {
    const beside = alpha === 1 ? 0 : visitsBeside(counts.retain / batchSize, counts.forget, forgetBatchSize)
    const visits = epochs * (counts.retain + beside)
    return { visitsForward: visits, visitsBackward: visits }
  },
  async *run(context, params) {
    const { feed, retain, forget } = context
    const pass = {
      items: withOwnLabels(feed, retain),
      weight: params.alpha,
      beside: {
        items: withOwnLabels(feed, forget),
        batchSize: params.forgetBatchSize,
        weight: params.alpha - 1,
      },
    }
    yield* context.train({ ...sgdPlan(context, params), items: () => [pass] })
  },
})
