import { z } from 'zod'
import { defineMethod } from '../../method.ts'
import { lastLayers, layerParams } from './layers.ts'
import { sgdPlan, withOwnLabels } from './plans.ts'

/**
 * Exact unlearning of the last k layers: they start again from the initial weights of the run's seed, the others keep
 * M_o's. All layers: retraining on R. The order is that of the seed's training stages, so that it then has their bits.
 */
export const euK = defineMethod({
  id: 'eu-k',
  title: 'EU-k',
  family: 'baseline',
  summary: 'Trains the last layers of the original from scratch on the retained images; the others stay.',
  citation:
    'Goel et al. 2022, Towards Adversarial Evaluation of Inexact Machine Unlearning; public code meghdadk/SCRUB',
  params: z.strictObject({
    ...layerParams({ epochs: 10, lr: 0.01 }),
    optimizer: z.enum(['sgd', 'adam']).default('sgd').describe('Optimizer; public code'),
    schedule: z
      .enum(['constant', 'cosine', 'steps'])
      .default('constant')
      .describe('Learning rate over time; steps: x 0.1 after 50, 80 and 90 % of the epochs'),
  }),
  inEffect: { momentum: [{ optimizer: ['sgd'] }] },
  refusesClassRemoval: false,
  needs: () => ({}),
  estimate(params, counts) {
    const visits = params.epochs * counts.retain
    return { visitsForward: visits, visitsBackward: visits }
  },
  async *run(context, params) {
    const { network, feed, retain, seed } = context
    const { layers, trainable } = lastLayers(network, params.k)
    const restarted = layers.flatMap(({ variables, statistics }) => [...variables, ...statistics])
    const untrained = await context.createNetwork({ seed })
    try {
      const initial = await untrained.save()
      const kept = await network.save()
      network.load({ ...kept, ...Object.fromEntries(restarted.map((name) => [name, initial[name]])) })
    } finally {
      untrained.dispose()
    }
    yield* context.train({
      ...sgdPlan(context, params),
      items: withOwnLabels(feed, retain),
      trainable,
      optimizer: params.optimizer,
      schedule: params.schedule,
      stream: 'train-gold',
    })
  },
})
