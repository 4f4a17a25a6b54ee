/** The workbench's own kernels, gradients and optimizer on one of its engines. */
import * as tf from '@tensorflow/tfjs-core'
import { loadEngine } from '#main/compute/worker/engines/engine.ts'
import {
  addRelu,
  batchNorm,
  batchNormFixed,
  conv2d,
  convMaxPool,
  dense,
  globalAveragePool,
  meanSoftmaxCrossEntropy,
} from '#main/compute/worker/engines/ops.ts'
import { createOptimizer, type Optimizer } from '#main/compute/worker/engines/optimizers.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import {
  type Batch,
  batchCount,
  batchesOf,
  batchSize,
  classCount,
  epsilon,
  forward,
  initialValues,
  learningRate,
  momentum,
  type NetworkPlan,
  networkOf,
  type Operations,
  parametersOf,
} from './networks.ts'
import type { Contestant } from './protocol.ts'

interface Held {
  readonly plan: NetworkPlan
  readonly variables: Map<string, tf.Variable>
  readonly optimizer: Optimizer
  readonly batches: readonly { readonly pixels: Float32Array; readonly targets: Float32Array }[]
  readonly operations: (training: boolean) => Operations<tf.Tensor>
  next: number
}

export function oneHot({ labels }: Batch): Float32Array {
  const targets = new Float32Array(batchSize * classCount)
  for (const [row, label] of labels.entries()) targets[row * classCount + label] = 1
  return targets
}

function create(plan: NetworkPlan): Held {
  const values = initialValues(plan)
  const variables = new Map(
    parametersOf(plan).map(({ name, shape }, i) => [
      name,
      tf.tidy(() => tf.variable(tf.tensor(values[i], [...shape]))),
    ]),
  )
  const constants = new Map<string, tf.Tensor>()
  /** A constant or, by another name, a moving average. */
  const constant = (name: string, size: number, value: number): tf.Tensor => {
    const found = constants.get(name) ?? tf.keep(tf.fill([size], value))
    constants.set(name, found)
    return found
  }
  const zeros = (size: number): tf.Tensor => constant(`zeros ${size}`, size, 0)
  const average = (name: string, size: number, start: number, current: tf.Tensor): void => {
    const before = constant(name, size, start)
    constants.set(name, tf.keep(tf.add(tf.mul(before, 0.9), tf.mul(current, 0.1))))
    before.dispose()
  }
  const parameter = (name: string): tf.Tensor => {
    const found = variables.get(name)
    if (found === undefined) throw new Error(`There is no parameter "${name}".`)
    return found
  }
  const operations = (training: boolean): Operations<tf.Tensor> => ({
    parameter,
    conv: (x, kernel, bias) =>
      conv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, bias as tf.Tensor1D, { strides: 1, pad: 'same', relu: true }),
    convPool: (x, kernel, bias) =>
      convMaxPool(
        x as tf.Tensor4D,
        kernel as tf.Tensor4D,
        bias as tf.Tensor1D,
        { strides: 1, pad: 'same' },
        { size: 2, strides: 2, pad: 'valid' },
      ),
    convOnly: (x, kernel, strides) =>
      conv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, zeros((kernel as tf.Tensor4D).shape[3]) as tf.Tensor1D, {
        strides,
        pad: 'same',
        relu: false,
      }),
    flatten: (x) => tf.reshape(x, [x.shape[0], -1]),
    dense: (x, kernel, bias, relu) => dense(x as tf.Tensor2D, kernel as tf.Tensor2D, bias as tf.Tensor1D, { relu }),
    batchNorm(layer, x, relu) {
      const [gamma, beta] = ['gamma', 'beta'].map((name) => parameter(`${layer}/${name}`) as tf.Tensor1D)
      const images = x as tf.Tensor4D
      const size = gamma.size
      if (!training) {
        const mean = constant(`${layer} mean`, size, 0) as tf.Tensor1D
        const variance = constant(`${layer} variance`, size, 1) as tf.Tensor1D
        return batchNormFixed(images, gamma, beta, mean, variance, { epsilon, relu })
      }
      const { y, mean, variance } = batchNorm(images, gamma, beta, { epsilon, relu })
      average(`${layer} mean`, size, 0, mean)
      average(`${layer} variance`, size, 1, variance)
      return y
    },
    addRelu,
    averagePool: (x) => globalAveragePool(x as tf.Tensor4D),
  })
  return {
    plan,
    variables,
    optimizer: createOptimizer('sgd', variables, { momentum }),
    batches: batchesOf(plan).map((batch) => ({ pixels: batch.pixels, targets: oneHot(batch) })),
    operations,
    next: 0,
  }
}

export async function ourContestant(id: string | undefined): Promise<Contestant> {
  const engine = await loadEngine(id as EngineId)
  const held = new Map<string, Held>()
  const hold = (name: string): Held => {
    const found = held.get(name) ?? create(networkOf(name))
    held.set(name, found)
    return found
  }
  const takeBatch = (network: Held): { images: tf.Tensor; targets: tf.Tensor2D } => {
    const { pixels, targets } = network.batches[network.next++ % batchCount]
    return {
      images: tf.tensor(pixels, [batchSize, ...network.plan.input]),
      targets: tf.tensor2d(targets, [batchSize, classCount]),
    }
  }
  return {
    description: `${engine.version}, ${engine.kernelSet}, ${engine.device}, threads: ${engine.threads}`,
    step(name) {
      const network = hold(name)
      return () =>
        tf.tidy(() => {
          const { images, targets } = takeBatch(network)
          const { value, grads } = tf.variableGrads(
            () =>
              meanSoftmaxCrossEntropy(forward(network.plan, network.operations(true), images) as tf.Tensor2D, targets),
            [...network.variables.values()],
          )
          const norm = Math.sqrt(network.optimizer.squaredNorm(grads).dataSync()[0])
          network.optimizer.step(grads, learningRate, norm)
          return value.dataSync()[0]
        })
    },
    forward(name) {
      const network = hold(name)
      return () =>
        tf.tidy(() => forward(network.plan, network.operations(false), takeBatch(network).images).dataSync()[0])
    },
  }
}
