/**
 * Proves the cuda engine on a machine with an NVIDIA GPU: installs it if it isn't there, checks every kernel against the
 * reference engine, trains against wasm's losses, resumes, looks for leaks, and times training steps.
 *
 *   node test/bench/gpu.ts [--json] [--engine native]
 *
 * `--engine` puts another engine to the same proof. Without a GPU it says so and exits 0; exits 1 if anything fails.
 */
import { spawnSync } from 'node:child_process'
import * as tf from '@tensorflow/tfjs-core'
import { activeBuild, engineFolder } from '#main/compute/engine-install/folders.ts'
import { installEngine } from '#main/compute/engine-install/install.ts'
import { requireGpu } from '#main/compute/gpus.ts'
import { benchEngines } from '#main/compute/pool/bench-engines.ts'
import { forkLauncher } from '#main/compute/pool/fork-launcher.ts'
import { workerEnvironment } from '#main/compute/pool/machine.ts'
import { probeEngines } from '#main/compute/pool/probe-engines.ts'
import { type Engine, loadEngine, selfTest } from '#main/compute/worker/engines/engine.ts'
import { kernelNames, type Padding, type Shape4D } from '#main/compute/worker/engines/kernels/names.ts'
import { runKernel } from '#main/compute/worker/engines/kernels/run-kernel.ts'
import { createOptimizer } from '#main/compute/worker/engines/optimizers.ts'
import { initialWeights } from '#main/compute/worker/models/initial-weights.ts'
import { createNetwork } from '#main/compute/worker/models/network.ts'
import { type Batch, type StepState, trainStep } from '#main/compute/worker/training/train-step.ts'
import type { NamedArrays } from '#main/compute/worker/training/types.ts'
import { type EngineId, engineIds } from '#shared/domain/engine.ts'
import { AppError } from '#shared/errors.ts'
import { Random } from '#shared/random.ts'

const json = process.argv.includes('--json')
const named = process.argv[process.argv.indexOf('--engine') + 1]
const subject: EngineId = process.argv.includes('--engine') ? (engineIds.find((id) => id === named) ?? 'cuda') : 'cuda'
const environmentSet = 'TMU_BENCH_ENVIRONMENT'
const tolerance = 1e-4

interface Check {
  readonly what: string
  readonly cases: number
  /** Largest relative error, or whatever the check measures. */
  readonly worst: number
  readonly limit: number
}

function say(line: string): void {
  if (json) process.stderr.write(`${line}\n`)
  else console.log(line)
}

async function main(): Promise<void> {
  if (process.env[environmentSet] === undefined) {
    if (subject === 'cuda' && !(await prepareCuda())) return
    // Allocators and TensorFlow read their environment at start.
    const env = { ...process.env, ...workerEnvironment(subject, 0), [environmentSet]: '1' }
    process.exitCode = spawnSync(process.execPath, process.argv.slice(1), { env, stdio: 'inherit' }).status ?? 1
    return
  }
  await prove()
}

/** Whether there is a GPU, and the engine for it. */
async function prepareCuda(): Promise<boolean> {
  const absent = await requireGpu().then(
    () => null,
    (error: unknown) => AppError.from(error),
  )
  if (absent !== null) {
    if (json) console.log(JSON.stringify({ skipped: absent.message }))
    else console.log(`skipped: ${absent.message}`)
    return false
  }
  if (activeBuild(engineFolder('cuda')) !== null) return true
  let last = 0
  await installEngine({
    engine: 'cuda',
    launcher: forkLauncher,
    onProgress({ phase, done, total, part }) {
      if (Date.now() - last < 5000) return
      last = Date.now()
      const share = total === null ? '' : ` ${((100 * done) / total).toFixed(1)} %`
      process.stderr.write(`${phase}${share} ${part ?? ''}\n`)
    },
  })
  return true
}

const normals = (seed: number, ...shape: number[]): tf.Tensor => {
  const random = Random.of(seed, 'gpu proof')
  return tf.tensor(
    Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => random.normal()),
    shape,
  )
}

type Call = readonly [kernel: string, inputs: () => tf.NamedTensorMap, attributes: tf.NamedAttrMap]

function outputSize(input: number, kernel: number, stride: number, pad: Padding): number {
  return pad === 'same' ? Math.ceil(input / stride) : Math.floor((input - kernel) / stride) + 1
}

/** Odd sizes, filters smaller than their stride, channels that are and aren't multiples of eight. */
function kernelCalls(): readonly Call[] {
  const calls: Call[] = []
  const channels = [
    [3, 4],
    [1, 5],
    [5, 7],
    [8, 8],
    [16, 32],
  ]
  for (const strides of [
    [1, 1],
    [2, 2],
    [2, 1],
    [1, 2],
    [3, 3],
  ] as [number, number][]) {
    for (const pad of ['same', 'valid'] as const) {
      for (const height of [7, 8, 11]) {
        for (const kernel of [1, 2, 3, 5]) {
          const [inputs, outputs] = channels[calls.length % channels.length]
          const x: Shape4D = [2, height, height + 1, inputs]
          const filter: Shape4D = [kernel, kernel, inputs, outputs]
          const dy: Shape4D = [
            2,
            outputSize(x[1], kernel, strides[0], pad),
            outputSize(x[2], kernel, strides[1], pad),
            outputs,
          ]
          const relu = calls.length % 2 === 0
          calls.push(
            [
              kernelNames.conv,
              () => ({ x: normals(1, ...x), filter: normals(2, ...filter), bias: normals(3, outputs) }),
              { strides, pad, relu },
            ],
            [
              kernelNames.convInputGradient,
              () => ({ dy: normals(4, ...dy), filter: normals(2, ...filter) }),
              { strides, pad, inputShape: x },
            ],
            [
              kernelNames.convFilterGradient,
              () => ({ x: normals(1, ...x), dy: normals(4, ...dy) }),
              { strides, pad, filterShape: filter },
            ],
          )
        }
      }
    }
  }
  for (const size of [2, 3]) {
    for (const pad of ['same', 'valid'] as const) {
      for (const stride of [1, 2, 3]) {
        const shape: Shape4D = [2, 8, 9, 5]
        const out = [2, outputSize(8, size, stride, pad), outputSize(9, size, stride, pad), 5]
        const attributes = { filterSize: [size, size], strides: [stride, stride], pad }
        calls.push([tf.MaxPool, () => ({ x: normals(1, ...shape) }), attributes])
        calls.push([
          tf.MaxPoolGrad,
          () => {
            const input = normals(1, ...shape)
            return { input, output: runKernel(tf.MaxPool, { x: input }, attributes), dy: normals(2, ...out) }
          },
          attributes,
        ])
      }
    }
  }
  for (const count of [5, 16]) {
    const shape = [4, 7, 6, count]
    const statistics = (): tf.NamedTensorMap => ({
      x: normals(1, ...shape),
      gamma: normals(2, count),
      beta: normals(3, count),
    })
    for (const relu of [true, false]) {
      calls.push([kernelNames.batchNorm, statistics, { epsilon: 1e-3, relu }])
      calls.push([
        kernelNames.batchNormFixed,
        () => ({ ...statistics(), mean: normals(4, count), variance: tf.square(normals(5, count)) }),
        { epsilon: 1e-3, relu },
      ])
      for (const training of [true, false]) {
        calls.push([
          kernelNames.batchNormGradient,
          () => {
            const { x, gamma, beta } = statistics()
            const [y, mean, variance] = runKernel<tf.Tensor[]>(
              kernelNames.batchNorm,
              { x, gamma, beta },
              { epsilon: 1e-3, relu },
            )
            return { dy: normals(6, ...shape), x, y, gamma, mean, variance }
          },
          { epsilon: 1e-3, relu, training },
        ])
      }
    }
  }
  const matrix = (seed: number): tf.Tensor => normals(seed, 64, 33)
  for (const relu of [true, false]) {
    calls.push([
      kernelNames.dense,
      () => ({ x: matrix(1), kernel: normals(2, 33, 10), bias: normals(3, 10) }),
      { relu },
    ])
  }
  const probabilities = (): tf.Tensor => tf.softmax(normals(2, 64, 33))
  calls.push(
    [kernelNames.biasGradient, () => ({ dy: normals(1, 4, 7, 6, 5) }), {}],
    [kernelNames.reluGradient, () => ({ dy: matrix(1), y: tf.relu(matrix(2)) }), {}],
    [kernelNames.addRelu, () => ({ a: matrix(1), b: matrix(2) }), {}],
    [kernelNames.globalAveragePool, () => ({ x: normals(1, 4, 7, 6, 5) }), {}],
    [kernelNames.globalAveragePoolGradient, () => ({ dy: normals(1, 4, 5) }), { inputShape: [4, 7, 6, 5] }],
    [kernelNames.crossEntropy, () => ({ logits: matrix(1), targets: probabilities() }), {}],
    [kernelNames.crossEntropyGradient, () => ({ dy: normals(3, 64), logits: matrix(1), targets: probabilities() }), {}],
    [kernelNames.squaredNorm, () => ({ 0: matrix(1), 1: normals(2, 10) }), {}],
    [
      kernelNames.adam,
      () => ({ parameter: matrix(1), gradient: matrix(2), mean: matrix(3), square: tf.square(matrix(4)) }),
      { beta1: 0.9, beta2: 0.999, stepSize: 1e-3, rootScale: 1.1, epsilon: 1e-8, weightDecay: 1e-3 },
    ],
    [
      kernelNames.sgd,
      () => ({ parameter: matrix(1), gradient: matrix(2), velocity: matrix(3) }),
      { lr: 0.1, momentum: 0.9, weightDecay: 1e-3 },
    ],
  )
  return calls
}

async function outputsOf(id: EngineId, [kernel, inputs, attributes]: Call): Promise<readonly Float32Array[]> {
  await loadEngine(id)
  const outputs = tf.tidy(() => {
    const result = runKernel<tf.Tensor | tf.Tensor[]>(kernel, inputs(), attributes)
    return Array.isArray(result) ? result : [result]
  })
  // The cpu engine hands out the live array.
  const values = await Promise.all(outputs.map(async (output) => (await output.data<'float32'>()).slice()))
  tf.dispose(outputs)
  return values
}

function relativeError(found: Float32Array, expected: Float32Array): number {
  if (found.length !== expected.length) return Number.POSITIVE_INFINITY
  let scale = 1e-30
  for (const value of expected) scale = Math.max(scale, Math.abs(value))
  let worst = 0
  for (const [i, value] of found.entries()) {
    const error = Math.abs(value - expected[i]) / scale
    // A NaN must come through.
    if (!(error <= worst)) worst = error
  }
  return worst
}

async function checkKernels(): Promise<readonly Check[]> {
  const byKernel = new Map<string, { cases: number; worst: number }>()
  for (const call of kernelCalls()) {
    const [found, expected] = [await outputsOf(subject, call), await outputsOf('cpu', call)]
    const worst = Math.max(...found.map((values, i) => relativeError(values, expected[i])))
    const before = byKernel.get(call[0]) ?? { cases: 0, worst: 0 }
    byKernel.set(call[0], { cases: before.cases + 1, worst: Math.max(before.worst, worst) })
  }
  return [...byKernel].map(([kernel, { cases, worst }]) => ({
    what: `${kernel} as on cpu`,
    cases,
    worst,
    limit: tolerance,
  }))
}

const architectures = ['tiny-cnn', 'small-cnn', 'resnet-small']
const [side, batchSize] = [32, 32]

interface Trained {
  readonly losses: readonly number[]
  readonly weights: NamedArrays
  readonly tensors: number
}

/** Trains on seeded noise; `resumeAt`: saves there, begins anew and goes on. */
async function trained(engine: Engine, architecture: string, steps: number, resumeAt = -1): Promise<Trained> {
  engine.activate()
  const data = {
    height: side,
    width: side,
    channels: 3,
    classCount: 10,
    normalisation: { mean: [0, 0, 0], std: [1, 1, 1] },
  }
  const begin = (): StepState => {
    const network = createNetwork(engine, architecture, data, initialWeights(architecture, data, 3))
    const optimizer = createOptimizer('adam', network.variables)
    return { network, mode: 'train', variables: [...network.variables.values()], optimizer, masks: new Map() }
  }
  const end = ({ network, optimizer }: StepState): void => {
    optimizer.dispose()
    network.dispose()
  }
  let state = begin()
  const losses: number[] = []
  for (let step = 0; step < steps; step++) {
    if (step === resumeAt) {
      const [weights, optimizer] = [await state.network.save(), await state.optimizer.state()]
      end(state)
      state = begin()
      state.network.load(weights)
      state.optimizer.restore(optimizer)
    }
    const random = Random.of(step, 'gpu proof batch')
    const pixels = Float32Array.from({ length: batchSize * side * side * 3 }, () => random.normal())
    const targets = new Float32Array(10 * batchSize)
    for (let row = 0; row < batchSize; row++) targets[10 * row + random.below(10)] = 1
    const batch: Batch = {
      count: batchSize,
      x: () => tf.tensor4d(pixels, [batchSize, side, side, 3]),
      targets,
      targetWeight: 1,
      distil: null,
      weight: 1,
      size: batchSize,
    }
    const outcome = await trainStep(engine, state, [batch], 0, 1e-3)
    losses.push(outcome.kind === 'done' ? outcome.loss : Number.NaN)
  }
  const weights = await state.network.save()
  const { tensors } = engine.memory()
  end(state)
  return { losses, weights, tensors }
}

function differentBits(a: NamedArrays, b: NamedArrays): number {
  return Object.keys(a).filter((name) => Buffer.compare(bytesOf(a[name].data), bytesOf(b[name].data)) !== 0).length
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

async function checkTraining(architecture: string): Promise<readonly Check[]> {
  const steps = 20
  const [engine, reference] = [await loadEngine(subject), await loadEngine('wasm')]
  const whole = await trained(engine, architecture, steps)
  const again = await trained(engine, architecture, steps)
  const resumed = await trained(engine, architecture, steps, steps / 2)
  const expected = await trained(reference, architecture, steps)
  const errors = whole.losses.map((loss, step) => Math.abs(loss - expected.losses[step]) / expected.losses[step])
  const longer = await trained(engine, architecture, 5 * steps)
  return [
    { what: `${architecture}: losses of wasm`, cases: steps, worst: Math.max(...errors), limit: tolerance },
    {
      what: `${architecture}: same bits again`,
      cases: 1,
      worst: differentBits(again.weights, whole.weights),
      limit: 0,
    },
    {
      what: `${architecture}: same bits resumed`,
      cases: 1,
      worst: differentBits(resumed.weights, whole.weights),
      limit: 0,
    },
    { what: `${architecture}: tensors left`, cases: 5 * steps, worst: longer.tensors - whole.tensors, limit: 0 },
  ]
}

async function prove(): Promise<void> {
  const engine = await loadEngine(subject)
  const { id, version, device, threads, kernelSet } = engine
  say(`${id} ${version} on ${device}, ${threads} thread, kernels ${kernelSet}`)
  say(`self-test passed in ${(await selfTest(engine)).toFixed(2)} s`)
  const checks: Check[] = []
  const report = (found: readonly Check[]): void => {
    for (const check of found) {
      checks.push(check)
      const mark = check.worst <= check.limit ? 'ok  ' : 'FAIL'
      say(
        `${mark} ${check.what.padEnd(44)} ${String(check.cases).padStart(4)} cases  worst ${check.worst.toExponential(1)}`,
      )
    }
  }
  report(await checkKernels())
  for (const architecture of architectures) report(await checkTraining(architecture))
  const compared = new Set<EngineId>([subject, 'native', 'wasm'])
  const working = (await probeEngines(forkLauncher)).filter((status) => status.available && compared.has(status.id))
  const times = await benchEngines(() => forkLauncher, working)
  for (const { engine: timed, steps, reason } of times) {
    if (reason !== undefined) {
      say(`${timed.id.padEnd(8)} not timed: ${reason}`)
      continue
    }
    const cells = steps.map(({ network, min, median }) => `${network} ${min.toFixed(1)} / ${median.toFixed(1)} ms`)
    say(`${timed.id.padEnd(8)} training step, min / median: ${cells.join(', ')}`)
  }
  const holds = checks.every(({ worst, limit }) => worst <= limit)
  if (json) {
    console.log(JSON.stringify({ engine: { id, version, device, threads, kernelSet }, checks, times, holds }))
  } else console.log(holds ? 'Everything holds.' : 'Something does not hold.')
  if (!holds) process.exitCode = 1
}

await main()
