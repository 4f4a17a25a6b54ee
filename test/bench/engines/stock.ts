/**
 * tfjs-node as it comes: the union package with its gradients and optimizer, and tfjs-node's kernels on the same
 * library as the native engine, called as tf.layers calls them.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type * as TensorFlow from '@tensorflow/tfjs-core'
import { activeBuild, libraryFiles } from '#main/compute/engine-install/folders.ts'
import {
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

type Tensor = TensorFlow.Tensor
type Tensor4D = TensorFlow.Tensor4D
const packageName = '@tensorflow/tfjs-node-gpu'
/** A dependency of that package, not of this program. */
const unionName = '@tensorflow/tfjs'

interface Held {
  readonly plan: NetworkPlan
  readonly variables: Map<string, TensorFlow.Variable>
  readonly optimizer: TensorFlow.Optimizer
  readonly operations: (training: boolean) => Operations<Tensor>
  next: number
}

/** Loads the stock library. Its `util` calls are of an older Node. */
function loadStock(build: string): typeof TensorFlow {
  const own = createRequire(import.meta.url)
  const require = createRequire(own.resolve(`${packageName}/package.json`))
  const util = require('node:util') as Record<string, unknown>
  util.isArray = Array.isArray
  util.isNullOrUndefined = (value: unknown) => value === null || value === undefined
  const tf = require(unionName) as typeof TensorFlow
  tf.env().set('PROD', true)
  const { NodeJSKernelBackend } = require(`${packageName}/dist/nodejs_kernel_backend`) as {
    readonly NodeJSKernelBackend: new (binding: unknown, packageName: string) => TensorFlow.KernelBackend
  }
  require(`${packageName}/dist/register_all_kernels`)
  const backend = new NodeJSKernelBackend(own(join(build, libraryFiles.binding)), packageName)
  tf.registerBackend('tensorflow', () => backend, 9)
  return tf
}

export async function stockContestant(): Promise<Contestant> {
  const build = activeBuild()
  if (build === null) throw new Error('The native engine is not installed: tmu engine install native.')
  const tf = loadStock(build)
  await tf.ready()
  const held = new Map<string, Held>()
  const hold = (name: string): Held => {
    const found = held.get(name) ?? create(tf, networkOf(name))
    held.set(name, found)
    return found
  }
  const batches = new Map(
    ['32', '28', 'bn'].map((name) => [
      name,
      batchesOf(networkOf(name)).map(({ pixels, labels }) => ({
        pixels,
        labels: tf.keep(tf.tensor1d(labels, 'int32')),
      })),
    ]),
  )
  const takeBatch = (network: Held): { images: Tensor; targets: Tensor } => {
    const { pixels, labels } = (batches.get(network.plan.name) ?? [])[network.next++ % batchCount]
    return {
      images: tf.tensor(pixels, [batchSize, ...network.plan.input]),
      targets: tf.oneHot(labels, classCount),
    }
  }
  return {
    description: `tfjs ${tf.version_core} with the kernels of tfjs-node, oneDNN of the library ${
      process.env.TF_ENABLE_ONEDNN_OPTS === '0' ? 'off' : 'as it chooses'
    }`,
    step(name) {
      const network = hold(name)
      return () =>
        tf.tidy(() => {
          const { images, targets } = takeBatch(network)
          const loss = network.optimizer.minimize(
            () => {
              const logits = forward(network.plan, network.operations(true), images)
              return tf.neg(tf.mean(tf.sum(tf.mul(targets, tf.logSoftmax(logits)), -1))) as TensorFlow.Scalar
            },
            true,
            [...network.variables.values()],
          )
          return (loss as Tensor).dataSync()[0]
        })
    },
    forward(name) {
      const network = hold(name)
      return () =>
        tf.tidy(() => forward(network.plan, network.operations(false), takeBatch(network).images).dataSync()[0])
    },
  }
}

function create(tf: typeof TensorFlow, plan: NetworkPlan): Held {
  const values = initialValues(plan)
  const variables = new Map(
    parametersOf(plan).map(({ name, shape }, i) => [
      name,
      tf.tidy(() => tf.variable(tf.tensor(values[i], [...shape]))),
    ]),
  )
  const averages = new Map<string, Tensor>()
  const average = (name: string, size: number, start: number): Tensor => {
    const found = averages.get(name) ?? tf.keep(tf.fill([size], start))
    averages.set(name, found)
    return found
  }
  const update = (name: string, before: Tensor, current: Tensor): void => {
    averages.set(name, tf.keep(tf.add(tf.mul(before, 0.9), tf.mul(current, 0.1))))
    before.dispose()
  }
  const parameter = (name: string): Tensor => {
    const found = variables.get(name)
    if (found === undefined) throw new Error(`There is no parameter "${name}".`)
    return found
  }
  const rectified = (x: Tensor, relu: boolean): Tensor => (relu ? tf.relu(x) : x)
  const conv = (x: Tensor, kernel: Tensor, bias: Tensor): Tensor =>
    tf.relu(tf.add(tf.conv2d(x as Tensor4D, kernel as Tensor4D, 1, 'same'), bias))
  const operations = (training: boolean): Operations<Tensor> => ({
    parameter,
    conv,
    convPool: (x, kernel, bias) => tf.maxPool(conv(x, kernel, bias) as Tensor4D, 2, 2, 'valid'),
    convOnly: (x, kernel, stride) => tf.conv2d(x as Tensor4D, kernel as Tensor4D, stride, 'same'),
    flatten: (x) => tf.reshape(x, [x.shape[0], -1]),
    dense: (x, kernel, bias, relu) => rectified(tf.add(tf.matMul(x, kernel), bias), relu),
    batchNorm(layer, x, relu) {
      const [gamma, beta] = ['gamma', 'beta'].map((name) => parameter(`${layer}/${name}`) as TensorFlow.Tensor1D)
      const size = gamma.size
      const mean = average(`${layer} mean`, size, 0)
      const variance = average(`${layer} variance`, size, 1)
      const statistics = training ? tf.moments(x, [0, 1, 2]) : { mean, variance }
      const y = tf.batchNorm(
        x,
        statistics.mean as TensorFlow.Tensor1D,
        statistics.variance as TensorFlow.Tensor1D,
        beta,
        gamma,
        epsilon,
      )
      if (training) {
        update(`${layer} mean`, mean, statistics.mean)
        update(`${layer} variance`, variance, statistics.variance)
      }
      return rectified(y, relu)
    },
    addRelu: (a, b) => tf.relu(tf.add(a, b)),
    averagePool: (x) => tf.mean(x, [1, 2]),
  })
  return { plan, variables, optimizer: tf.train.momentum(learningRate, momentum), operations, next: 0 }
}
