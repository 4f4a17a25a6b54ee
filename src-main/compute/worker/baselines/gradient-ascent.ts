import { z } from 'zod'
import { defineMethod } from '../../method.ts'
import { sgdPlan, withOwnLabels } from './plans.ts'
import { sgdParams, unlearnSaliencyCode } from './sgd-parameters.ts'

/** Climbs the loss on F, and looks at nothing else: nothing holds the model together, so the rate decides everything. */
export const gradientAscent = defineMethod({
  id: 'gradient-ascent',
  title: 'Gradient ascent',
  family: 'baseline',
  summary: 'Trains the original backwards on the forgotten images: their loss is driven up.',
  citation: `Graves et al. 2021; Thudi et al. 2022, Unrolling SGD; ${unlearnSaliencyCode}`,
  params: z.strictObject(sgdParams({ epochs: 5, lr: 1e-4 })),
  refusesClassRemoval: false,
  needs: () => ({}),
  estimate(params, counts) {
    const visits = params.epochs * counts.forget
    return { visitsForward: visits, visitsBackward: visits }
  },
  async *run(context, params) {
    const items = withOwnLabels(context.feed, context.forget)
    yield* context.train({ ...sgdPlan(context, params), items: () => [{ items, weight: -1 }] })
  },
})
