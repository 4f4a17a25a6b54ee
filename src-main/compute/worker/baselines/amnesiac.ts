import { z } from 'zod'
import { Random } from '#shared/random.ts'
import { defineMethod } from '../../method.ts'
import type { UnlearnContext } from '../training/types.ts'
import { adamPlan, retainAndRelabelled } from './plans.ts'

/** R and F under labels that are drawn once among the other classes (the paper's second procedure, for whole sets). */
export const amnesiac = defineMethod({
  id: 'amnesiac',
  title: 'Amnesiac',
  family: 'baseline',
  summary: 'Trains on the retained images and on the forgotten ones under wrong labels, drawn once.',
  citation:
    'Graves et al. 2021, Amnesiac Machine Learning; settings of public code if-loops/selective-synaptic-dampening',
  params: z.strictObject({
    epochs: z.int().min(1).max(1000).default(3).describe('Epochs; public code'),
    lr: z.number().gt(0).max(10).default(1e-4).describe('Learning rate of Adam, constant; public code'),
    batchSize: z.int().min(1).max(4096).default(128).describe('Samples a step; public code'),
  }),
  refusesClassRemoval: false,
  needs: () => ({}),
  estimate(params, counts) {
    const visits = params.epochs * (counts.retain + counts.forget)
    return { visitsForward: visits, visitsBackward: visits }
  },
  async *run(context, params) {
    const items = retainAndRelabelled(context, otherLabels(context))
    yield* context.train({ ...adamPlan(context, params), items })
  },
})

/** One of the other classes for each sample of F, uniformly. */
function otherLabels({ forget, feed, data, seed }: UnlearnContext): Int32Array {
  const random = Random.of(seed, 'unlearn', 'other-labels')
  return forget.map((sample) => (feed.labels[sample] + 1 + random.below(data.classCount - 1)) % data.classCount)
}
