import { z } from 'zod'
import { Random } from '#shared/random.ts'
import { defineMethod } from '../../method.ts'
import type { TrainingItems } from '../training/types.ts'
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
    const { network, feed, retain, forget, data } = context
    const samples = new Int32Array(retain.length + forget.length)
    samples.set(retain)
    samples.set(forget, retain.length)
    const items = (epoch: number): TrainingItems => {
      const random = Random.of(context.seed, 'unlearn', 'random-labels', params.redraw ? epoch : 0)
      const labels = samples.map((sample, i) =>
        i < retain.length ? feed.labels[sample] : random.below(data.classCount),
      )
      return { samples, targets: { labels } }
    }
    yield* context.train({
      network,
      feed,
      items,
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
