/**
 * The kernels every engine has beside the stock ones of tfjs. An engine registers its own implementation of a name or
 * takes the composed one (composed.ts); gradients are registered once for all (gradients.ts), so each name used there
 * must exist on every engine.
 */
export const kernelNames = {
  /** {x, filter, bias} -> relu?(x * filter + bias), NHWC. ConvAttributes. */
  conv: 'TmuConv',
  /** {dy, filter} -> gradient with respect to x. ConvInputAttributes. */
  convInputGradient: 'TmuConvDX',
  /** {x, dy} -> gradient with respect to the filter. ConvFilterAttributes. */
  convFilterGradient: 'TmuConvDW',
  /** {x, kernel, bias} -> relu?(x kernel + bias). DenseAttributes. */
  dense: 'TmuDense',
  /** {dy} -> sum over all axes but the last. */
  biasGradient: 'TmuBiasGrad',
  /** {dy, y} -> y > 0 ? dy : 0. */
  reluGradient: 'TmuReluGrad',
  /** {x, bias} -> relu(x + bias), the bias along the last axis. */
  biasRelu: 'TmuBiasRelu',
  /** {dy, y} -> [y > 0 ? dy : 0, its sum over all axes but the last]: both gradients before a relu after a bias. */
  reluBiasGradient: 'TmuReluBiasGrad',
  /** {x} -> [y, index]; `index` is what the engine's own gradient needs, or empty. PoolAttributes. */
  maxPool: 'TmuMaxPool',
  /** {dy, x, y, index} -> gradient with respect to x. PoolAttributes. */
  maxPoolGradient: 'TmuMaxPoolGrad',
  /** {a, b} of one shape -> relu(a + b): the end of a residual block. */
  addRelu: 'TmuAddRelu',
  /**
   * {x, gamma, beta} -> [y, mean, variance]: normalisation by the batch's own statistics over all axes but the last; the
   * variance is the biased one, which y is divided by. BatchNormAttributes.
   */
  batchNorm: 'TmuBatchNorm',
  /** {x, gamma, beta, mean, variance} -> y: normalisation by given statistics. BatchNormAttributes. */
  batchNormFixed: 'TmuBatchNormFixed',
  /** {dy, x, y, gamma, mean, variance} -> [dx, dgamma, dbeta] of either. BatchNormGradientAttributes. */
  batchNormGradient: 'TmuBatchNormGrad',
  /** {x} -> [batch, channels]: mean over height and width. */
  globalAveragePool: 'TmuGlobalAveragePool',
  /** {dy} -> gradient with respect to x. GlobalAveragePoolGradientAttributes. */
  globalAveragePoolGradient: 'TmuGlobalAveragePoolGrad',
  /** {logits, targets} -> loss of each row, nats. */
  crossEntropy: 'TmuSoftmaxCrossEntropy',
  /** {dy, logits, targets} -> gradient with respect to logits. */
  crossEntropyGradient: 'TmuSoftmaxCrossEntropyGrad',
  /** {0, 1, …} -> sum of the squares of all elements of all inputs, a scalar. */
  squaredNorm: 'TmuSquaredNorm',
  /** {parameter, gradient, mean, square} -> [parameter, mean, square]. AdamAttributes. */
  adam: 'TmuAdam',
  /** {parameter, gradient, velocity} -> [parameter, velocity]. SgdAttributes. */
  sgd: 'TmuSgd',
} as const

/** Kernels that an engine may lack: what they compute is then composed of others (ops.ts). */
export const optionalKernelNames = {
  /**
   * {x, filter, bias} -> [y, winners]: relu(pool(x * filter) + bias), with strides of 1 and a largest value of each 2x2
   * window, of which `winners` says which it was. ConvPoolAttributes.
   */
  convPool: 'TmuConvPool',
  /** {x, dy, winners} -> gradients with respect to the filter and the bias. ConvPoolAttributes. */
  convPoolGradient: 'TmuConvPoolGrad',
  /** {x, bias} -> [y, winners]: relu(pool(x) + bias) of the same pool. */
  poolBiasRelu: 'TmuPoolBiasRelu',
  /** {dy, winners} -> gradients with respect to x and the bias. PoolBiasReluGradientAttributes. */
  poolBiasReluGradient: 'TmuPoolBiasReluGrad',
  /** {logits, targets} -> mean over the rows of -sum(targets log softmax(logits)), a scalar. */
  meanCrossEntropy: 'TmuMeanCrossEntropy',
  /** {dy, logits, targets} -> gradient with respect to the logits; dy is a scalar. */
  meanCrossEntropyGradient: 'TmuMeanCrossEntropyGrad',
} as const

export type Padding = 'same' | 'valid'
export type Shape4D = [number, number, number, number]

export type ConvAttributes = {
  strides: [number, number]
  pad: Padding
  relu: boolean
}
export type ConvInputAttributes = {
  strides: [number, number]
  pad: Padding
  inputShape: Shape4D
}
export type ConvFilterAttributes = {
  strides: [number, number]
  pad: Padding
  filterShape: Shape4D
}
export type ConvPoolAttributes = {
  pad: Padding
  inputShape: Shape4D
  filterShape: Shape4D
}
export type PoolBiasReluGradientAttributes = {
  inputShape: Shape4D
}
export type DenseAttributes = {
  relu: boolean
}
export type PoolAttributes = {
  filterSize: [number, number]
  strides: [number, number]
  pad: Padding
}
export type BatchNormAttributes = {
  /** Added to the variance. */
  epsilon: number
  relu: boolean
}
export type BatchNormGradientAttributes = BatchNormAttributes & {
  /** Whether the statistics are those of x, and so depend on it. */
  training: boolean
}
export type GlobalAveragePoolGradientAttributes = {
  inputShape: Shape4D
}
/**
 * Adam (Kingma and Ba 2015, algorithm 1) with L2 weight decay added to the gradient g:
 * m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2, w -= stepSize m / (sqrt(v) rootScale + epsilon).
 */
export type AdamAttributes = {
  beta1: number
  beta2: number
  /** lr / (1 - beta1^t) */
  stepSize: number
  /** 1 / sqrt(1 - beta2^t) */
  rootScale: number
  epsilon: number
  weightDecay: number
}
/** PyTorch's convention: g += weightDecay w, v = momentum v + g, w -= lr v. */
export type SgdAttributes = {
  lr: number
  momentum: number
  weightDecay: number
}
