import { z } from 'zod'
import { defineMethod } from '../../method.ts'
import { retainAndRelabelled, sgdPlan, uniformLabels } from './plans.ts'
import { sgdParams, unlearnSaliencyCode } from './sgd-parameters.ts'

/** F with labels drawn uniformly over all classes, mixed with R. The public code draws them anew in every epoch. */
export const randomLabels = defineMethod({
  id: 'random-labels',
  title: 'Random labels',
  family: 'baseline',
  summary: 'Trains on the retained images and on the forgotten ones under random labels.',
  citation: `Golatkar et al. 2020, Eternal Sunshine of the Spotless Net; ${unlearnSaliencyCode}`,
  params: z.strictObject({
    ...sgdParams({ epochs: 10, lr: 0.01 }),
    redraw: z.boolean().default(true).describe('New random labels in every epoch, or the same throughout; public code'),
  }),
  refusesClassRemoval: false,
  needs: () => ({}),
  estimate(params, counts) {
    const visits = params.epochs * (counts.retain + counts.forget)
    return { visitsForward: visits, visitsBackward: visits }
  },
  async *run(context, params) {
    const items = (epoch: number) => retainAndRelabelled(context, uniformLabels(context, params.redraw ? epoch : 0))
    yield* context.train({ ...sgdPlan(context, params), items })
  },
})
