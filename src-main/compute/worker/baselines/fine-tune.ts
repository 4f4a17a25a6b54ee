import { z } from 'zod'
import { defineMethod } from '../../method.ts'
import { sgdPlan, withOwnLabels } from './plans.ts'
import { sgdParams, unlearnSaliencyCode } from './sgd-parameters.ts'

/** Goes on training on R alone and leaves it to forgetting that F fades (Warnecke et al. 2023; Golatkar et al. 2020). */
export const fineTune = defineMethod({
  id: 'fine-tune',
  title: 'Fine-tune',
  family: 'baseline',
  summary: 'Trains the original further on the retained images alone.',
  citation: `Warnecke et al. 2023, Machine Unlearning of Features and Labels; ${unlearnSaliencyCode}`,
  params: z.strictObject(sgdParams({ epochs: 10, lr: 0.01 })),
  refusesClassRemoval: false,
  needs: () => ({}),
  estimate(params, counts) {
    const visits = params.epochs * counts.retain
    return { visitsForward: visits, visitsBackward: visits }
  },
  async *run(context, params) {
    yield* context.train({ ...sgdPlan(context, params), items: withOwnLabels(context.feed, context.retain) })
  },
})
