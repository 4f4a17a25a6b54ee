import { z } from 'zod'
import { defineMethod } from '../../method.ts'
import { argmaxOfRow } from '../features/logits.ts'
import { sgdPlan } from './plans.ts'
import { sgdParams, unlearnSaliencyCode } from './sgd-parameters.ts'

/**
 * F under the class that lies nearest: what the original predicts after one step of FGSM. The original stays fixed, so
 * each label is found once.
 */
export const boundaryShrink = defineMethod({
  id: 'boundary-shrink',
  title: 'Boundary shrink',
  family: 'baseline',
  summary: 'Trains each forgotten image towards the class that an adversarial step takes it to.',
  citation: `Chen et al. 2023, Boundary Unlearning; ${unlearnSaliencyCode}`,
  params: z.strictObject({
    epsilon: z
      .number()
      .gt(0)
      .max(1)
      .default(0.1)
      .describe('Step of FGSM in units of [0, 1] images, the result rounded to stored pixels; public code'),
    ...sgdParams({ epochs: 10, lr: 1e-5 }),
  }),
  refusesClassRemoval: false,
  needs: () => ({}),
  estimate(params, counts) {
    const trained = params.epochs * counts.forget
    return { visitsForward: trained + 2 * counts.forget, visitsBackward: trained + counts.forget }
  },
  async *run(context, params) {
    const { network, forget, data } = context
    const { epsilon } = params
    const attacked = await context.attack(network, forget, { epsilon, stepSize: epsilon, steps: 1, discrete: true })
    const labels = forget.map((_, row) => argmaxOfRow(attacked, row, data.classCount))
    yield* context.train({ ...sgdPlan(context, params), items: { samples: forget, targets: { labels } } })
  },
})
