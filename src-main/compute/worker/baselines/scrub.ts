import { z } from 'zod'
import { defineMethod } from '../../method.ts'
import { scrubEstimate, scrubParams, scrubPlan } from './scrub-plan.ts'

export const scrub = defineMethod({
  id: 'scrub',
  title: 'SCRUB',
  family: 'baseline',
  summary: 'Moves away from the original on the forgotten images and stays with it on the retained ones, by turns.',
  citation: 'Kurmanji et al. 2023, Towards Unbounded Machine Unlearning; public code meghdadk/SCRUB',
  params: z.strictObject(scrubParams),
  refusesClassRemoval: false,
  needs: () => ({}),
  estimate: scrubEstimate,
  async *run(context, params) {
    yield* context.train(await scrubPlan(context, params))
  },
})
