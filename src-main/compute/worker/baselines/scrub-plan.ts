/** SCRUB's training (Kurmanji et al. 2023, algorithm 1), with and without rewinding. */
import { z } from 'zod'
import type { Cost } from '#shared/domain/stage.ts'
import type { MethodCounts } from '../../method.ts'
import { softmax } from '../features/logits.ts'
import type { TrainingItems, TrainingPass, TrainPlan, UnlearnContext } from '../training/types.ts'
import { withOwnLabels } from './plans.ts'

export const scrubParams = {
  epochs: z.int().min(1).max(1000).default(10).describe('Epochs, each with one pass over R; public code'),
  maxSteps: z
    .int()
    .min(0)
    .max(1000)
    .default(3)
    .describe('First epochs that begin with a pass over F which climbs the distance to the original; public code'),
  gamma: z.number().min(0).max(100).default(1).describe('Weight of the cross-entropy on R; public code'),
  alpha: z.number().min(0).max(100).default(0.5).describe('Weight of the distance to the original on R; public code'),
  temperature: z
    .number()
    .gt(0)
    .max(100)
    .default(2)
    .describe('T of that distance, T^2 KL, averaged over rows; public code (small networks; 4 for large ones)'),
  lr: z.number().gt(0).max(10).default(5e-4).describe('Learning rate of Adam at the start; public code'),
  schedule: z
    .enum(['steps', 'constant', 'cosine'])
    .default('steps')
    .describe('Learning rate over time; steps: x 0.1 after 50, 80 and 90 % of the epochs; public code'),
  weightDecay: z
    .number()
    .min(0)
    .max(1)
    .default(5e-4)
    .describe('Weight decay of Adam; public code (0.1 where the original was trained with 0.1)'),
  batchSize: z.int().min(1).max(4096).default(32).describe('Retained samples a step; public code'),
  forgetBatchSize: z.int().min(1).max(4096).default(64).describe('Forgotten samples a step; public code'),
}
type Params = z.infer<z.ZodObject<typeof scrubParams>>

/** One optimizer for both directions, as in the public code. The teacher is fixed: it is asked once for each sample. */
export async function scrubPlan(context: UnlearnContext, params: Params): Promise<TrainPlan> {
  const { network, feed, retain, forget, seed, checkpoints } = context
  const towards = await besideOriginal(context, retain, params.temperature)
  const away = await besideOriginal(context, forget, params.temperature)
  const descend: TrainingPass = {
    items: {
      ...towards,
      targetWeight: params.gamma,
      distil: { probabilities: towards.distil.probabilities, temperature: params.temperature, weight: params.alpha },
    },
  }
  const climb: TrainingPass = { items: { ...away, targetWeight: 0 }, batchSize: params.forgetBatchSize, weight: -1 }
  return {
    network,
    feed,
    items: (epoch) => (epoch < params.maxSteps ? [climb, descend] : [descend]),
    epochs: params.epochs,
    batchSize: params.batchSize,
    optimizer: 'adam',
    lr: params.lr,
    schedule: params.schedule,
    weightDecay: params.weightDecay,
    seed,
    stream: 'unlearn',
    checkpoints,
  }
}

/** Samples with their labels and what the original says of them. */
async function besideOriginal(
  { network, feed, data, predict }: UnlearnContext,
  samples: Int32Array,
  temperature: number,
): Promise<TrainingItems & Required<Pick<TrainingItems, 'distil'>>> {
  const { logits } = await predict(network, samples)
  const probabilities = softmax(
    logits.map((logit) => logit / temperature),
    data.classCount,
  )
  return {
    ...withOwnLabels(feed, samples),
    distil: { probabilities: Float32Array.from(probabilities), temperature, weight: 1 },
  }
}

export function scrubEstimate(
  { epochs, maxSteps }: Pick<Params, 'epochs' | 'maxSteps'>,
  counts: MethodCounts,
): Pick<Cost, 'visitsForward' | 'visitsBackward'> {
  const trained = epochs * counts.retain + Math.min(maxSteps, epochs) * counts.forget
  return { visitsForward: trained + counts.retain + counts.forget, visitsBackward: trained }
}
