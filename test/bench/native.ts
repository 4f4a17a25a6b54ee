/**
 * Times a training step of the workbench's networks on native and wasm: the same weights, batches and updates, in turns,
 * so that a busy machine slows both. Native runs in the environment of a worker, which must be set at start.
 *
 *   node test/bench/native.ts [--json]
 */
import { spawnSync } from 'node:child_process'
import * as tf from '@tensorflow/tfjs-core'
import { workerEnvironment } from '#main/compute/pool/machine.ts'
import { type Engine, loadEngine } from '#main/compute/worker/engines/engine.ts'
import { softmaxCrossEntropy } from '#main/compute/worker/engines/ops.ts'
import { createOptimizer } from '#main/compute/worker/engines/optimizers.ts'
import { initialWeights } from '#main/compute/worker/models/initial-weights.ts'
import { createNetwork } from '#main/compute/worker/models/network.ts'
import { Random } from '#shared/random.ts'
import { nativeMissing } from '#test/support/native-engine.ts'

const environmentSet = 'TMU_BENCH_ENVIRONMENT'
const batchSize = 64
const rounds = 8
const warmUpRounds = 2
const stepsOfRound = 10
const plans = [
  { name: 'tiny-cnn 28x28x1', architecture: 'tiny-cnn', side: 28, channels: 1 },
  { name: 'small-cnn 32x32x3', architecture: 'small-cnn', side: 32, channels: 3 },
] as const
type Plan = (typeof plans)[number]

if (nativeMissing !== null) {
  console.log(`Nothing to measure: ${nativeMissing}.`)
} else if (process.env[environmentSet] === undefined) {
  const env = { ...process.env, ...workerEnvironment('native'), [environmentSet]: '1' }
  process.exitCode = spawnSync(process.execPath, process.argv.slice(1), { env, stdio: 'inherit' }).status ?? 1
} else {
  await measureAll()
}

/** A training step on the active engine; returns the loss. */
function createStep(engine: Engine, { architecture, side, channels }: Plan): () => number {
  const data = {
    height: side,
    width: side,
    channels,
    classCount: 10,
    normalisation: { mean: new Array<number>(channels).fill(0), std: new Array<number>(channels).fill(1) },
  }
  const network = createNetwork(engine, architecture, data, initialWeights(architecture, data, 3))
  const optimizer = createOptimizer('adam', network.variables)
  const random = Random.of(5, 'bench batch')
  const shape: [number, number, number, number] = [batchSize, side, side, channels]
  const pixels = Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => random.normal())
  const labels = new Float32Array(10 * batchSize)
  for (let row = 0; row < batchSize; row++) labels[10 * row + random.below(10)] = 1
  return () => {
    engine.activate()
    return tf.tidy(() => {
      const x = tf.tensor4d(pixels, shape)
      const targets = tf.tensor2d(labels, [batchSize, 10])
      const { value, grads } = tf.variableGrads(
        () => tf.mean(softmaxCrossEntropy(network.forward(x).logits, targets)) as tf.Scalar,
        [...network.variables.values()],
      )
      optimizer.step(grads, 1e-3)
      return value.dataSync()[0]
    })
  }
}

function figures(values: readonly number[]): { min: number; median: number } {
  const sorted = values.toSorted((a, b) => a - b)
  return { min: sorted[0], median: sorted[Math.floor(sorted.length / 2)] }
}

async function measureAll(): Promise<void> {
  const results = []
  for (const plan of plans) {
    const variants = [
      { id: 'native', times: [] as number[], step: createStep(await loadEngine('native'), plan) },
      { id: 'wasm', times: [] as number[], step: createStep(await loadEngine('wasm'), plan) },
    ]
    for (let round = 0; round < warmUpRounds + rounds; round++) {
      for (const { times, step } of variants) {
        for (let i = 0; i < stepsOfRound; i++) {
          const start = performance.now()
          step()
          if (round >= warmUpRounds) times.push(performance.now() - start)
        }
      }
    }
    const [native, wasm] = variants.map(({ times }) => figures(times))
    const ratio = { min: native.min / wasm.min, median: native.median / wasm.median }
    results.push({ network: plan.name, native, wasm, ratio })
  }
  const { device, version, kernelSet, threads } = await loadEngine('native')
  if (process.argv.includes('--json')) {
    console.log(JSON.stringify({ device, version, kernelSet, threads, batchSize, unit: 'ms per step', results }))
    return
  }
  console.log(`Training step on ${device}, ${kernelSet}, batch ${batchSize}, ms: minimum / median`)
  const cell = ({ min, median }: { min: number; median: number }): string =>
    `${min.toFixed(2)} / ${median.toFixed(2)}`.padStart(18)
  console.log(`${'network'.padEnd(20)}${'native'.padStart(18)}${'wasm'.padStart(18)}${'native : wasm'.padStart(18)}`)
  for (const { network, native, wasm, ratio } of results) {
    console.log(`${network.padEnd(20)}${cell(native)}${cell(wasm)}${cell(ratio)}`)
  }
}
