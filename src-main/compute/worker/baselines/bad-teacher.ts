import { z } from 'zod'
import { Random } from '#shared/random.ts'
import { defineMethod } from '../../method.ts'
import { softmax } from '../features/logits.ts'
import type { UnlearnContext } from '../training/types.ts'
import { adamPlan, inRandomOrder, joined, withOwnLabels } from './plans.ts'

/**
 * The student is the original; on F it learns from an untrained network, on a part of R from the original itself. Both
 * teachers are fixed, so each is asked once.
 *
 * Deviation: the public code's loss is `F.kl_div` at its default, the mean over rows and classes, which is KL / K without
 * Hinton's T^2. A constant factor of the loss leaves Adam's steps as they are (but for its epsilon).
 */
export const badTeacher = defineMethod({
  id: 'bad-teacher',
  title: 'Bad teacher',
  family: 'baseline',
  summary: 'Learns from an untrained network on the forgotten images and from the original on some retained ones.',
  citation:
    'Chundawat et al. 2023, Can Bad Teaching Induce Forgetting?; public code vikram2000b/bad-teaching-unlearning',
  params: z.strictObject({
    temperature: z
      .number()
      .gt(0)
      .max(100)
      .default(1)
      .describe(
        'T of both teachers and the student; public code. The loss is T^2 KL, the mean over rows; the public code has no T^2 and takes the mean over rows and classes',
      ),
    retainShare: z.number().gt(0).max(1).default(0.3).describe('Share of the retained samples; public code'),
    epochs: z.int().min(1).max(1000).default(1).describe('Epochs; public code'),
    lr: z.number().gt(0).max(10).default(1e-4).describe('Learning rate of Adam, constant; public code'),
    batchSize: z.int().min(1).max(4096).default(256).describe('Samples a step; public code'),
  }),
  refusesClassRemoval: false,
  needs: () => ({}),
  estimate({ epochs, retainShare }, counts) {
    const samples = Math.ceil(retainShare * counts.retain) + counts.forget
    return { visitsForward: samples * (epochs + 1), visitsBackward: samples * epochs }
  },
  async *run(context, params) {
    const { feed, network, forget, data } = context
    const shuffled = inRandomOrder(context.retain, context.seed, 'bad-teacher retain')
    const retain = shuffled.subarray(0, Math.ceil(params.retainShare * shuffled.length))
    const soften = (logits: Float32Array): Float32Array =>
      Float32Array.from(
        softmax(
          logits.map((logit) => logit / params.temperature),
          data.classCount,
        ),
      )
    const competent = soften((await context.predict(network, retain)).logits)
    const incompetent = soften(await untrainedLogits(context, forget))
    const probabilities = new Float32Array(competent.length + incompetent.length)
    probabilities.set(competent)
    probabilities.set(incompetent, competent.length)
    const items = {
      ...withOwnLabels(feed, joined(retain, forget)),
      targetWeight: 0,
      distil: { probabilities, temperature: params.temperature, weight: 1 },
    }
    yield* context.train({ ...adamPlan(context, params), items })
  },
})

async function untrainedLogits(context: UnlearnContext, samples: Int32Array): Promise<Float32Array> {
  const seed = Random.of(context.seed, 'unlearn', 'bad-teacher').uint32()
  const teacher = await context.createNetwork({ seed })
  try {
    return (await context.predict(teacher, samples)).logits
  } finally {
    teacher.dispose()
  }
}
