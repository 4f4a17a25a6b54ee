/**
 * Batch normalisation (Ioffe and Szegedy 2015) over batch and positions, channel by channel, in PyTorch's conventions:
 * a batch is normalised by its biased variance, and its unbiased one (n / (n - 1)) goes into the moving average.
 */
import {
  add,
  div,
  mean,
  mul,
  type Rank,
  sqrt,
  square,
  sub,
  type Tensor1D,
  type Tensor4D,
  type Variable,
} from '@tensorflow/tfjs-core'

/** Added to variances; PyTorch's default. */
export const epsilon = 1e-5
/** Weight of a whole batch in the moving averages; PyTorch's `momentum` (0.9 in the other convention). */
export const statisticsRate = 0.1

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
): { readonly y: Tensor4D; readonly statistics: BatchStatistics } {
  const count = x.shape[0] * x.shape[1] * x.shape[2]
  const centre = mean<Tensor1D>(x, [0, 1, 2])
  const centred = sub<Tensor4D>(x, centre)
  const variance = mean<Tensor1D>(square(centred), [0, 1, 2])
  const scale = div<Tensor1D>(gamma, sqrt(add(variance, epsilon)))
  return {
    y: add<Tensor4D>(mul(centred, scale), beta),
    statistics: { mean: centre, variance: mul<Tensor1D>(variance, count > 1 ? count / (count - 1) : 1) },
  }
}

/** Evaluation: each sample by itself, by the averages that training has left. */
export function normaliseByMovingAverages(
  x: Tensor4D,
  gamma: Tensor1D,
  beta: Tensor1D,
  movingMean: Variable<Rank.R1>,
  movingVariance: Variable<Rank.R1>,
): Tensor4D {
  const scale = div<Tensor1D>(gamma, sqrt(add(movingVariance, epsilon)))
  return add<Tensor4D>(mul(x, scale), sub<Tensor1D>(beta, mul(movingMean, scale)))
}
