/** What the baselines of Unlearn-Sparse and Unlearn-Saliency share: SGD at a constant rate. */
import { z } from 'zod'

export const unlearnSaliencyCode = 'public code OPTML-Group/Unlearn-Saliency'

export const sgdParams = (defaults: { readonly epochs: number; readonly lr: number }) => ({
  epochs: z.int().min(1).max(1000).default(defaults.epochs).describe('Epochs; public code'),
  lr: z.number().gt(0).max(10).default(defaults.lr).describe('Learning rate, constant; public code'),
  momentum: z.number().min(0).lt(1).default(0.9).describe('Of SGD; public code'),
  weightDecay: z.number().min(0).max(1).default(5e-4).describe('Weight decay; public code'),
  batchSize: z.int().min(1).max(4096).default(64).describe('Samples a step; the public code takes 256 of 45,000'),
})
