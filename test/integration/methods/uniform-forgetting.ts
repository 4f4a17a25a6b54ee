import { z } from 'zod'
import { defineMethod } from '#main/compute/method.ts'
import { sgdPlan, visitsBeside, withOwnLabels } from '#main/compute/worker/baselines/plans.ts'
import { sgdParams } from '#main/compute/worker/baselines/sgd-parameters.ts'

/** Every step descends CE(batch of R) + weight x CE(batch of F) against equal probabilities. */
export const uniformForgetting = defineMethod({
  id: 'uniform-forgetting',
  title: 'Uniform forgetting',
  family: 'baseline',
  summary: 'Fine-tunes on the retained images while the forgotten ones are driven to equal probabilities.',
  citation: 'The worked example of docs/methods.md',
  params: z.strictObject({
    weight: z.number().min(0).max(100).default(1).describe('Weight of the forgotten loss; 0 is fine-tuning'),
    ...sgdParams({ epochs: 5, lr: 0.01 }),
  }),
  refusesClassRemoval: false,
  needs: () => ({}),
  estimate({ epochs, weight, batchSize }, counts) {
    const beside = weight === 0 ? 0 : visitsBeside(counts.retain / batchSize, counts.forget, batchSize)
    const visits = epochs * (counts.retain + beside)
    return { visitsForward: visits, visitsBackward: visits }
  },
  async *run(context, params) {
    const { feed, retain, forget, data } = context
    const probabilities = new Float32Array(forget.length * data.classCount).fill(1 / data.classCount)
    const pass = {
      items: withOwnLabels(feed, retain),
      beside: {
        items: { samples: forget, targets: { probabilities } },
        batchSize: params.batchSize,
        weight: params.weight,
      },
    }
    yield* context.train({ ...sgdPlan(context, params), items: () => [pass] })
  },
})
