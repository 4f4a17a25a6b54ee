import { z } from 'zod'
import { defineMethod } from '../../method.ts'

/** Trained by the planner as the study's golds: with the study's recipe, on R, from scratch. */
export const gold = defineMethod({
  id: 'gold',
  title: 'Gold',
  family: 'reference',
  summary: 'Retrained from scratch without the forgotten images: what every method is measured against.',
  citation: 'Exact unlearning by retraining; Bourtoule et al. 2021, Machine Unlearning',
  params: z.strictObject({}),
  refusesClassRemoval: false,
  needs: () => ({}),
  estimate: () => ({ visitsForward: 0, visitsBackward: 0 }),
  run: null,
})
