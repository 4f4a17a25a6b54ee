import { z } from 'zod'
import { defineMethod } from '../../method.ts'
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
    const { network, feed, retain } = context
    yield* context.train({
      network,
      feed,
      items: { samples: retain, targets: { labels: retain.map((sample) => feed.labels[sample]) } },
      epochs: params.epochs,
      batchSize: params.batchSize,
      optimizer: 'sgd',
      lr: params.lr,
      schedule: 'constant',
      momentum: params.momentum,
      weightDecay: params.weightDecay,
      seed: context.seed,
      stream: 'unlearn',
      checkpoints: context.checkpoints,
    })
  },
})
