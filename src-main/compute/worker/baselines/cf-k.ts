import { z } from 'zod'
import { defineMethod } from '../../method.ts'
import { lastLayers, layerParams } from './layers.ts'
import { sgdPlan, withOwnLabels } from './plans.ts'

/** Catastrophic forgetting of the last k layers: fine-tuning with the others frozen. All layers: fine-tuning. */
export const cfK = defineMethod({
  id: 'cf-k',
  title: 'CF-k',
  family: 'baseline',
  summary: 'Trains the last layers of the original further on the retained images; the others stay.',
  citation:
    'Goel et al. 2022, Towards Adversarial Evaluation of Inexact Machine Unlearning; public code meghdadk/SCRUB',
  params: z.strictObject(layerParams({ epochs: 10, lr: 0.01 })),
  refusesClassRemoval: false,
  needs: () => ({}),
  estimate(params, counts) {
    const visits = params.epochs * counts.retain
    return { visitsForward: visits, visitsBackward: visits }
  },
  async *run(context, params) {
    yield* context.train({
      ...sgdPlan(context, params),
      items: withOwnLabels(context.feed, context.retain),
      trainable: lastLayers(context.network, params.k).trainable,
    })
  },
})
