/**
 * The differentiable operations that networks here are built from. All work on the active engine, under `tf.grad`,
 * `tf.variableGrads` and their like, once (no second derivatives), and with respect to inputs as well as parameters.
 */
import { maxPool as stockMaxPool, type Tensor1D, type Tensor2D, type Tensor4D } from '@tensorflow/tfjs-core'
import { AppError } from '#shared/errors.ts'
import { type ConvAttributes, type DenseAttributes, kernelNames, type Padding } from './kernels/names.ts'
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
  return stockMaxPool(x, opts.size, opts.strides, opts.pad)
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
