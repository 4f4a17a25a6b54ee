/** Training the last layers alone: what CF-k and EU-k share (Goel et al. 2022). */
import { z } from 'zod'
import type { LearningLayer, Network } from '../training/types.ts'

export const layerParams = (defaults: { readonly epochs: number; readonly lr: number }) => ({
  k: z
    .int()
    .min(1)
    .max(1000)
    .default(2)
    .describe(
      'How many of the last layers (convolution or dense, with its batch norm) are trained, as many as there are: all; Goel et al. 2022 vary it',
    ),
  epochs: z.int().min(1).max(1000).default(defaults.epochs).describe('Epochs on the retained samples; public code'),
  lr: z.number().gt(0).max(10).default(defaults.lr).describe('Learning rate; public code'),
  momentum: z.number().min(0).lt(1).default(0).describe('Of SGD; public code has none'),
  weightDecay: z.number().min(0).max(1).default(0).describe('Weight decay; public code has none'),
  batchSize: z.int().min(1).max(4096).default(64).describe('Samples a step; as in every method here'),
})

/** The last `k` layers that learn, and what their training may change. Batch norms of frozen layers go on as in training. */
export function lastLayers(
  { learningLayers }: Pick<Network, 'learningLayers'>,
  k: number,
): { readonly layers: readonly LearningLayer[]; readonly trainable: readonly string[] } {
  const layers = learningLayers.slice(-k)
  return { layers, trainable: layers.flatMap(({ variables }) => variables) }
}
