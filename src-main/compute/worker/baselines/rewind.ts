import { z } from 'zod'
import { defineMethod } from '../../method.ts'

/** Back to an early checkpoint of M_o, which has hardly memorised F, and forward again without F. */
export const rewind = defineMethod({
  id: 'rewind',
  title: 'Rewind',
  family: 'baseline',
  summary: 'Goes back to an early checkpoint of the original and trains on from there on the retained images.',
  citation: 'Checkpoint rollback with retraining on the retained data (cf. Thudi et al. 2022, Unrolling SGD)',
  params: z.strictObject({
    epoch: z
      .int()
      .min(1)
      .max(1000)
      .default(4)
      .describe('Epoch of the original whose checkpoint is taken; a choice of the guided study, as none is published'),
    epochs: z.int().min(1).max(1000).default(3).describe('Epochs on the retained samples; guided study'),
    lr: z
      .number()
      .gt(0)
      .max(10)
      .default(3e-3)
      .describe('Learning rate of Adam, falling to 0 by a cosine; that of the guided study\u2019s original'),
    batchSize: z.int().min(1).max(4096).default(64).describe('Samples a step; guided study'),
  }),
  refusesClassRemoval: false,
  needs: (params) => ({ epochs: [params.epoch] }),
  estimate(params, counts) {
    const visits = params.epochs * counts.retain
    return { visitsForward: visits, visitsBackward: visits }
  },
  async *run(context, params) {
    const { network, feed, retain } = context
    network.load(context.weights(`epoch-${params.epoch}`))
    yield* context.train({
      network,
      feed,
      items: { samples: retain, targets: { labels: retain.map((sample) => feed.labels[sample]) } },
      epochs: params.epochs,
      batchSize: params.batchSize,
      optimizer: 'adam',
      lr: params.lr,
      schedule: 'cosine',
      seed: context.seed,
      stream: 'unlearn',
      checkpoints: context.checkpoints,
    })
  },
})
