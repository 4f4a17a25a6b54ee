/**
 * Times a training step on the wasm engine with our kernels and with what stock tfjs offers there: Conv2D with its own
 * input gradient, the filter gradient composed from Conv2D over transposed images, stock matrix product, max pool
 * gradient and optimizer. Both variants take turns, so that a busy machine slows both.
 *
 *   node test/bench/kernels.ts [--json]
 *
 * Exits 1 if ours takes more than half of the composition's time on any network.
 */
import '@tensorflow/tfjs-backend-wasm'
import * as tf from '@tensorflow/tfjs-core'
import { loadEngine } from '#main/compute/worker/engines/engine.ts'
import { conv2d, dense, maxPool, softmaxCrossEntropy } from '#main/compute/worker/engines/ops.ts'
import { createOptimizer } from '#main/compute/worker/engines/optimizers.ts'
import { Random } from '#shared/random.ts'

type Layer =
  | { readonly kind: 'conv'; readonly filters: number; readonly stride: number }
  | { readonly kind: 'pool' }
  | { readonly kind: 'dense'; readonly units: number; readonly relu: boolean }

interface NetworkPlan {
  readonly name: string
  readonly input: readonly [height: number, width: number, channels: number]
  readonly layers: readonly Layer[]
  /** Steps a variant takes in each round. */
  readonly steps: number
}

const conv = (filters: number, stride = 1): Layer => ({ kind: 'conv', filters, stride })
const pool: Layer = { kind: 'pool' }
const head: readonly Layer[] = [
  { kind: 'dense', units: 64, relu: true },
  { kind: 'dense', units: 10, relu: false },
]
const plans: readonly NetworkPlan[] = [
  { name: 'demo', input: [28, 28, 1], layers: [conv(16, 2), conv(32, 2), ...head], steps: 8 },
  { name: '28', input: [28, 28, 1], layers: [conv(16), pool, conv(32), pool, conv(32), ...head], steps: 4 },
  { name: '32', input: [32, 32, 3], layers: [conv(32), pool, conv(64), pool, conv(64), ...head], steps: 1 },
]
const batchSize = 64
const rounds = 6
const warmUpRounds = 2
const limit = 0.5

/** Kernels that ours replace, as they were before. */
const replacedKernels = [tf.BatchMatMul, tf.MaxPoolGrad, tf.Identity].map((name) => tf.getKernel(name, 'wasm'))
const engine = await loadEngine('wasm')
const ourKernels = replacedKernels.map(({ kernelName }) => tf.getKernel(kernelName, 'wasm'))
const ourReluGradient = tf.getGradient(tf.Relu)
const stockReluGradient: tf.GradConfig = {
  ...ourReluGradient,
  gradFunc: (dy, [y]) => ({ x: () => tf.mul(dy as tf.Tensor, tf.step(y)) }),
}

function install(kernels: readonly tf.KernelConfig[], reluGradient: tf.GradConfig): void {
  for (const kernel of kernels) {
    tf.unregisterKernel(kernel.kernelName, kernel.backendName)
    tf.registerKernel(kernel)
  }
  tf.unregisterGradient(tf.Relu)
  tf.registerGradient(reluGradient)
}

/** dW[i, j, ci, co] = sum over b, y, x: a convolution whose images are x's channels and whose filters are dy's. */
function composedFilterGradient(
  x: tf.Tensor4D,
  dy: tf.Tensor4D,
  [kernelHeight, kernelWidth]: readonly number[],
  stride: number,
): tf.Tensor {
  const axis = (length: number, kernel: number, out: number): { before: number; need: number } => {
    const before = Math.floor(Math.max(0, (out - 1) * stride + kernel - length) / 2)
    return { before, need: (out - 1) * stride + kernel - before }
  }
  const [batch, height, width, channels] = x.shape
  const rows = axis(height, kernelHeight, dy.shape[1])
  const columns = axis(width, kernelWidth, dy.shape[2])
  const used = [batch, Math.min(height, rows.need), Math.min(width, columns.need), channels]
  const images = tf.transpose(tf.slice(x, [0, 0, 0, 0], used), [3, 1, 2, 0]) as tf.Tensor4D
  const filters = tf.transpose(dy, [1, 2, 0, 3]) as tf.Tensor4D
  const pad: tf.backend_util.ExplicitPadding = [
    [0, 0],
    [rows.before, Math.max(0, rows.need - height)],
    [columns.before, Math.max(0, columns.need - width)],
    [0, 0],
  ]
  return tf.transpose(tf.conv2d(images, filters, 1, pad, 'NHWC', stride), [1, 2, 0, 3])
}

tf.registerGradient({
  kernelName: tf.Conv2D,
  inputsToSave: ['x', 'filter'],
  gradFunc(dy, [x, filter], attributes) {
    const { strides, pad } = attributes as { strides: number; pad: 'same' }
    return {
      x: () =>
        tf
          .engine()
          .runKernel(
            tf.Conv2DBackpropInput,
            { dy: dy as tf.Tensor, filter },
            { strides, pad, dataFormat: 'NHWC', inputShape: x.shape },
          ),
      filter: () => composedFilterGradient(x as tf.Tensor4D, dy as tf.Tensor4D, filter.shape, strides),
    }
  },
})

interface Variables {
  readonly all: Map<string, tf.Variable>
  /** Kernel and bias of each layer that has them. */
  readonly ofLayer: readonly (readonly [tf.Variable, tf.Variable] | null)[]
}

function createVariables({ input, layers }: NetworkPlan): Variables {
  const random = Random.of(3, 'bench')
  const all = new Map<string, tf.Variable>()
  let [height, width, channels] = input
  const create = (name: string, shape: number[], inputs: number): tf.Variable => {
    const scale = inputs === 0 ? 0 : Math.sqrt(2 / inputs)
    const values = Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => scale * random.normal())
    const variable = tf.tidy(() => tf.variable(tf.tensor(values, shape)))
    all.set(name, variable)
    return variable
  }
  const ofLayer = layers.map((layer, i) => {
    if (layer.kind === 'pool') {
      height = Math.floor(height / 2)
      width = Math.floor(width / 2)
      return null
    }
    const units = layer.kind === 'conv' ? layer.filters : layer.units
    const inputs = layer.kind === 'conv' ? 9 * channels : height * width * channels
    const kernel = create(`kernel${i}`, layer.kind === 'conv' ? [3, 3, channels, units] : [inputs, units], inputs)
    if (layer.kind === 'conv') {
      height = Math.ceil(height / layer.stride)
      width = Math.ceil(width / layer.stride)
    } else height = width = 1
    channels = units
    return [kernel, create(`bias${i}`, [units], 0)] as const
  })
  return { all, ofLayer }
}

const flat = (x: tf.Tensor): tf.Tensor2D => tf.reshape(x, [x.shape[0], -1])

function ourForward({ layers }: NetworkPlan, { ofLayer }: Variables, x: tf.Tensor): tf.Tensor {
  return layers.reduce((input, layer, i) => {
    if (layer.kind === 'pool') return maxPool(input as tf.Tensor4D, { size: 2, strides: 2, pad: 'valid' })
    const [kernel, bias] = ofLayer[i] as readonly [tf.Tensor, tf.Tensor1D]
    return layer.kind === 'conv'
      ? conv2d(input as tf.Tensor4D, kernel as tf.Tensor4D, bias, { strides: layer.stride, pad: 'same', relu: true })
      : dense(flat(input), kernel as tf.Tensor2D, bias, { relu: layer.relu })
  }, x)
}

function composedForward({ layers }: NetworkPlan, { ofLayer }: Variables, x: tf.Tensor): tf.Tensor {
  return layers.reduce((input, layer, i) => {
    if (layer.kind === 'pool') return tf.maxPool(input as tf.Tensor4D, 2, 2, 'valid')
    const [kernel, bias] = ofLayer[i] as readonly [tf.Tensor, tf.Tensor1D]
    if (layer.kind === 'conv') {
      return tf.relu(tf.add(tf.conv2d(input as tf.Tensor4D, kernel as tf.Tensor4D, layer.stride, 'same'), bias))
    }
    const sum = tf.add(tf.matMul(flat(input), kernel as tf.Tensor2D), bias)
    return layer.relu ? tf.relu(sum) : sum
  }, x)
}

/** A training step; returns the loss. */
type Step = () => number

function createStep(plan: NetworkPlan, variant: 'ours' | 'composed'): Step {
  const variables = createVariables(plan)
  const random = Random.of(5, 'bench batch')
  const shape = [batchSize, ...plan.input]
  const pixels = Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => random.normal())
  const labels = new Float32Array(10 * batchSize)
  for (let row = 0; row < batchSize; row++) labels[10 * row + random.below(10)] = 1
  const list = [...variables.all.values()]
  const ourOptimizer = createOptimizer('adam', variables.all)
  const stockOptimizer = tf.train.adam(1e-3, 0.9, 0.999, 1e-8)
  return () => {
    if (variant === 'ours') install(ourKernels, ourReluGradient)
    else install(replacedKernels, stockReluGradient)
    return tf.tidy(() => {
      const x = tf.tensor(pixels, shape)
      const targets = tf.tensor2d(labels, [batchSize, 10])
      const { value, grads } = tf.variableGrads(() => {
        if (variant === 'ours') {
          return tf.mean(softmaxCrossEntropy(ourForward(plan, variables, x) as tf.Tensor2D, targets)) as tf.Scalar
        }
        const logits = composedForward(plan, variables, x)
        return tf.neg(tf.mean(tf.sum(tf.mul(targets, tf.logSoftmax(logits)), -1))) as tf.Scalar
      }, list)
      if (variant === 'ours') ourOptimizer.step(grads, 1e-3)
      else stockOptimizer.applyGradients(Object.entries(grads).map(([name, tensor]) => ({ name, tensor })))
      return value.dataSync()[0]
    })
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]
}

function measure(plan: NetworkPlan): {
  network: string
  ours: { min: number; median: number }
  composed: { min: number; median: number }
  ratio: { min: number; median: number }
} {
  const variants = { ours: createStep(plan, 'ours'), composed: createStep(plan, 'composed') }
  const times = { ours: [] as number[], composed: [] as number[] }
  for (let round = 0; round < warmUpRounds + rounds; round++) {
    const losses = { ours: 0, composed: 0 }
    for (const name of ['ours', 'composed'] as const) {
      for (let step = 0; step < plan.steps; step++) {
        const start = performance.now()
        losses[name] = variants[name]()
        if (round >= warmUpRounds) times[name].push(performance.now() - start)
      }
    }
    // Both train the same network on the same batch; a difference would mean that they don't do the same work.
    if (round === 0 && !(Math.abs(losses.ours - losses.composed) < 1e-3 * losses.composed)) {
      throw new Error(`The variants disagree on network "${plan.name}": ${losses.ours} and ${losses.composed}.`)
    }
  }
  const figures = (values: readonly number[]): { min: number; median: number } => ({
    min: Math.min(...values),
    median: median(values),
  })
  const [ours, composed] = [figures(times.ours), figures(times.composed)]
  return {
    network: plan.name,
    ours,
    composed,
    ratio: { min: ours.min / composed.min, median: ours.median / composed.median },
  }
}

const results = plans.map(measure)
const holds = results.every(({ ratio }) => ratio.min <= limit && ratio.median <= limit)
if (process.argv.includes('--json')) {
  const { id, version, device, kernelSet } = engine
  console.log(
    JSON.stringify({
      engine: { id, version, device, kernelSet },
      batchSize,
      unit: 'ms per step',
      results,
      limit,
      holds,
    }),
  )
} else {
  console.log(`Training step on ${engine.device}, batch ${batchSize}, ms: minimum / median of ${rounds} rounds`)
  const cell = ({ min, median: middle }: { min: number; median: number }, digits: number): string =>
    `${min.toFixed(digits)} / ${middle.toFixed(digits)}`.padStart(18)
  console.log(`${'network'.padEnd(8)}${'our kernels'.padStart(18)}${'composition'.padStart(18)}${'ratio'.padStart(18)}`)
  for (const { network, ours, composed, ratio } of results) {
    console.log(`${network.padEnd(8)}${cell(ours, 1)}${cell(composed, 1)}${cell(ratio, 2)}`)
  }
  console.log(holds ? `At most ${limit} everywhere.` : `Above ${limit} somewhere.`)
}
if (!holds) process.exitCode = 1
