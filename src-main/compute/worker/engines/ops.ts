/**
 * The differentiable operations that networks here are built from. All work on the active engine, under `tf.grad`,
 * `tf.variableGrads` and their like, once (no second derivatives), and with respect to inputs as well as parameters.
 */
import {
  customGrad,
  type GradSaveFunc,
  getBackend,
  getKernel,
  mean,
  mul,
  type Rank,
  type Scalar,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
  tensor,
  zeros,
} from '@tensorflow/tfjs-core'
import { AppError } from '#shared/errors.ts'
import { Random } from '#shared/random.ts'
import {
  type BatchNormAttributes,
  type ConvAttributes,
  type ConvPoolAttributes,
  type DenseAttributes,
  kernelNames,
  optionalKernelNames,
  type Padding,
  type PoolAttributes,
} from './kernels/names.ts'
import { runKernel } from './kernels/run-kernel.ts'

type Strides = number | [number, number]

function requireEqual(operation: string, what: string, one: number, other: number): void {
  if (one !== other) throw new AppError('internal', `${operation}: ${what} differ (${one} and ${other}).`)
}

/**
 * relu?(x * filter + bias). x: [batch, height, width, channels], filter: [height, width, channels, filters],
 * bias: [filters]. `same` pads as TensorFlow does: the odd pixel goes below and to the right.
 */
export function conv2d(
  x: Tensor4D,
  filter: Tensor4D,
  bias: Tensor1D,
  opts: { readonly strides: Strides; readonly pad: Padding; readonly relu: boolean },
): Tensor4D {
  requireEqual('conv2d', 'channels of the images and the filter', x.shape[3], filter.shape[2])
  requireEqual('conv2d', 'filters and bias values', filter.shape[3], bias.shape[0])
  const strides: [number, number] = typeof opts.strides === 'number' ? [opts.strides, opts.strides] : opts.strides
  const attributes: ConvAttributes = { strides, pad: opts.pad, relu: opts.relu }
  return runKernel<Tensor4D>(kernelNames.conv, { x, filter, bias }, attributes)
}

/** relu?(x kernel + bias). x: [batch, inputs], kernel: [inputs, units], bias: [units]. */
export function dense(x: Tensor2D, kernel: Tensor2D, bias: Tensor1D, opts: { readonly relu: boolean }): Tensor2D {
  requireEqual('dense', 'columns of the input and rows of the kernel', x.shape[1], kernel.shape[0])
  requireEqual('dense', 'units and bias values', kernel.shape[1], bias.shape[0])
  const attributes: DenseAttributes = { relu: opts.relu }
  return runKernel<Tensor2D>(kernelNames.dense, { x, kernel, bias }, attributes)
}

/** Largest value of each `size` x `size` window. The gradient goes to the first of equal ones. */
export function maxPool(
  x: Tensor4D,
  opts: { readonly size: number; readonly strides: Strides; readonly pad: Padding },
): Tensor4D {
  const strides: [number, number] = typeof opts.strides === 'number' ? [opts.strides, opts.strides] : opts.strides
  const attributes: PoolAttributes = { filterSize: [opts.size, opts.size], strides, pad: opts.pad }
  // Not a registered gradient: what is kept for it differs between engines and is no result.
  return customGrad((input, save) => {
    const [y, index] = runKernel<Tensor[]>(kernelNames.maxPool, { x: input as Tensor }, attributes)
    ;(save as GradSaveFunc)([input as Tensor, y, index])
    return {
      value: y,
      gradFunc: (dy, [saved, output, saveIndex]) =>
        runKernel(kernelNames.maxPoolGradient, { dy, x: saved, y: output, index: saveIndex }, attributes),
    }
  })(x) as Tensor4D
}

export interface BatchNormOptions {
  /** Added to the variance. */
  readonly epsilon: number
  readonly relu: boolean
}

function requireChannels(operation: string, x: Tensor4D, perChannel: readonly Tensor1D[]): void {
  for (const { shape } of perChannel) requireEqual(operation, 'channels and values for each', x.shape[3], shape[0])
}

/**
 * relu?(gamma (x - mean) / sqrt(variance + epsilon) + beta) with the batch's own mean and biased variance over all axes
 * but the last, as in training. x: [batch, height, width, channels], all else: [channels]. Differentiable in x, gamma and
 * beta through `y` alone; `mean` and `variance` are for moving averages.
 */
export function batchNorm(
  x: Tensor4D,
  gamma: Tensor1D,
  beta: Tensor1D,
  { epsilon, relu }: BatchNormOptions,
): { readonly y: Tensor4D; readonly mean: Tensor1D; readonly variance: Tensor1D } {
  requireChannels('batchNorm', x, [gamma, beta])
  const attributes: BatchNormAttributes = { epsilon, relu }
  const [y, mean, variance] = runKernel<Tensor[]>(kernelNames.batchNorm, { x, gamma, beta }, attributes)
  return { y: y as Tensor4D, mean: mean as Tensor1D, variance: variance as Tensor1D }
}

/** The same with a given mean and variance, as in prediction. Differentiable in x, gamma and beta. */
export function batchNormFixed(
  x: Tensor4D,
  gamma: Tensor1D,
  beta: Tensor1D,
  mean: Tensor1D,
  variance: Tensor1D,
  { epsilon, relu }: BatchNormOptions,
): Tensor4D {
  requireChannels('batchNormFixed', x, [gamma, beta, mean, variance])
  const attributes: BatchNormAttributes = { epsilon, relu }
  return runKernel<Tensor4D>(kernelNames.batchNormFixed, { x, gamma, beta, mean, variance }, attributes)
}

/** relu(a + b) of one shape: the end of a residual block. */
export function addRelu<T extends Tensor>(a: T, b: T): T {
  requireEqual('addRelu', 'numbers of axes', a.rank, b.rank)
  for (const [axis, size] of a.shape.entries()) requireEqual('addRelu', `sizes of axis ${axis}`, size, b.shape[axis])
  return runKernel<T>(kernelNames.addRelu, { a, b })
}

/** Mean over height and width: [batch, height, width, channels] to [batch, channels]. */
export function globalAveragePool(x: Tensor4D): Tensor2D {
  return runKernel<Tensor2D>(kernelNames.globalAveragePool, { x })
}

/**
 * Inverted dropout (Srivastava et al. 2014, section 10): each value is dropped with probability `rate`, the others are
 * divided by 1 - rate. The mask follows from seed, step and layer alone: each step has its own, a resumed training
 * repeats it, and all engines have the same.
 */
export function dropout<T extends Tensor>(
  x: T,
  opts: { readonly rate: number; readonly seed: number; readonly step: number; readonly layer: string },
): T {
  const { rate, seed, step, layer } = opts
  if (!(rate >= 0 && rate < 1)) throw new AppError('internal', `dropout: the rate ${rate} is not in [0, 1).`)
  if (rate === 0) return x.clone()
  const random = Random.of(seed, 'dropout', layer, step)
  const dropped = Math.round(rate * 2 ** 32)
  const kept = 1 / (1 - rate)
  const mask = new Float32Array(x.size)
  for (let i = 0; i < mask.length; i++) mask[i] = random.uint32() < dropped ? 0 : kept
  return mul(x, tensor(mask, x.shape))
}

type ConvOptions = { readonly strides: Strides; readonly pad: Padding }
type PoolOptions = { readonly size: number; readonly strides: Strides; readonly pad: Padding }

const every = (strides: Strides, value: number): boolean => [strides].flat().every((stride) => stride === value)
const hasKernel = (name: string): boolean => getKernel(name, getBackend()) !== undefined

/** Whether the kernels with a pool in them are for this one, and this engine has them. */
function hasPooledKernel(name: string, filters: number, { size, strides, pad }: PoolOptions): boolean {
  return size === 2 && every(strides, 2) && pad === 'valid' && filters % 8 === 0 && hasKernel(name)
}

/** Beyond these, a convolution is better off with a kernel of its own. */
const pooledChannels = 4

/** Whether the kernel with convolution and pool is for them; the pool needs a window at least. */
function isConvPool(x: Tensor4D, filter: Tensor4D, { strides }: ConvOptions, pool: PoolOptions): boolean {
  const [, height, width, channels] = x.shape
  const [filterHeight, filterWidth, , filters] = filter.shape
  const isSmall = channels <= pooledChannels && height > filterHeight && width > filterWidth
  if (!isSmall || !every(strides, 1)) return false
  return hasPooledKernel(optionalKernelNames.convPool, filters, pool)
}

/**
 * maxPool(relu(x * filter + bias)), computed as relu(maxPool(x * filter) + bias): the same, since neither adding nor
 * rectifying changes an order, with the work after the convolution done on the pool's few values, forward and backward.
 */
export function convMaxPool(
  x: Tensor4D,
  filter: Tensor4D,
  bias: Tensor1D,
  conv: ConvOptions,
  pool: PoolOptions,
): Tensor4D {
  requireEqual('convMaxPool', 'channels of the images and the filter', x.shape[3], filter.shape[2])
  requireEqual('convMaxPool', 'filters and bias values', filter.shape[3], bias.shape[0])
  if (isConvPool(x, filter, conv, pool)) {
    const attributes: ConvPoolAttributes = { pad: conv.pad, inputShape: x.shape, filterShape: filter.shape }
    return runKernel<Tensor4D[]>(optionalKernelNames.convPool, { x, filter, bias }, attributes)[0]
  }
  const sums = conv2d(x, filter, zeros<Rank.R1>([filter.shape[3]]), { ...conv, relu: false })
  if (hasPooledKernel(optionalKernelNames.poolBiasRelu, filter.shape[3], pool)) {
    return runKernel<Tensor4D[]>(optionalKernelNames.poolBiasRelu, { x: sums, bias })[0]
  }
  return runKernel<Tensor4D>(kernelNames.biasRelu, { x: maxPool(sums, pool), bias })
}

/**
 * Cross-entropy of softmax(logits) with target probabilities, -sum(target log softmax(logits)), one loss a row, in nats.
 * logits and targets: [batch, classes]. Stable for logits of any size.
 */
export function softmaxCrossEntropy(logits: Tensor2D, targets: Tensor2D): Tensor1D {
  requireEqual('softmaxCrossEntropy', 'rows of logits and targets', logits.shape[0], targets.shape[0])
  requireEqual('softmaxCrossEntropy', 'classes of logits and targets', logits.shape[1], targets.shape[1])
  return runKernel<Tensor1D>(kernelNames.crossEntropy, { logits, targets })
}

/** Its mean over the rows, a scalar. */
export function meanSoftmaxCrossEntropy(logits: Tensor2D, targets: Tensor2D): Scalar {
  if (!hasKernel(optionalKernelNames.meanCrossEntropy)) return mean<Scalar>(softmaxCrossEntropy(logits, targets))
  requireEqual('softmaxCrossEntropy', 'rows of logits and targets', logits.shape[0], targets.shape[0])
  requireEqual('softmaxCrossEntropy', 'classes of logits and targets', logits.shape[1], targets.shape[1])
  return runKernel<Scalar>(optionalKernelNames.meanCrossEntropy, { logits, targets })
}
