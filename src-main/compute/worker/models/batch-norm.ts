/**
 * Batch normalisation (Ioffe and Szegedy 2015) in PyTorch's conventions: a batch is normalised by its biased variance, and
 * its unbiased one (n / (n - 1)) goes into the moving average.
 */
import { mul, type Tensor1D, type Tensor4D } from '@tensorflow/tfjs-core'
import { batchNorm } from '../engines/ops.ts'
import { epsilon } from './batch-norm-constants.ts'

export interface BatchStatistics {
  readonly mean: Tensor1D
  /** Unbiased; 0 where a batch has one value a channel. */
  readonly variance: Tensor1D
}

/** Training: by the statistics of this batch, through which the gradient goes. */
export function normaliseByBatch(
  x: Tensor4D,
  gamma: Tensor1D,
  beta: Tensor1D,
  relu: boolean,
): { readonly y: Tensor4D; readonly statistics: BatchStatistics } {
  const { y, mean, variance } = batchNorm(x, gamma, beta, { epsilon, relu })
  const count = x.shape[0] * x.shape[1] * x.shape[2]
  return { y, statistics: { mean, variance: count > 1 ? mul<Tensor1D>(variance, count / (count - 1)) : variance } }
}
