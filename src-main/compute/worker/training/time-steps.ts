/** How long a training step takes on the loaded engine, for `tmu engine bench`. */
import { type BenchNetwork, benchBatchSize } from '#shared/domain/engine.ts'
import { Random } from '#shared/random.ts'
import type { DataParams } from '../../stages.ts'
import type { Engine } from '../engines/engine.ts'
import { createOptimizer } from '../engines/optimizers.ts'
import { initialWeights } from '../models/initial-weights.ts'
import { createNetwork } from '../models/network.ts'
import { type Batch, type StepState, trainStep } from './train-step.ts'

const classCount = 10

function dataOf({ side, channels }: BenchNetwork): DataParams {
  const fill = (value: number): number[] => new Array<number>(channels).fill(value)
  return { height: side, width: side, channels, classCount, normalisation: { mean: fill(0), std: fill(1) } }
}

function batchOf({ tf }: Engine, { side, channels }: BenchNetwork): Batch {
  const random = Random.of(5, 'bench batch')
  const shape: [number, number, number, number] = [benchBatchSize, side, side, channels]
  const pixels = Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => random.normal())
  const targets = new Float32Array(classCount * benchBatchSize)
  for (let row = 0; row < benchBatchSize; row++) targets[classCount * row + random.below(classCount)] = 1
  return {
    count: benchBatchSize,
    x: () => tf.tensor4d(pixels, shape),
    targets,
    targetWeight: 1,
    distil: null,
    weight: 1,
    size: benchBatchSize,
  }
}

/** Milliseconds of each of `count` Adam steps of one network on one batch; the first `warmUp` more aren't told. */
export async function timeSteps(
  engine: Engine,
  plan: BenchNetwork,
  count: number,
  warmUp: number,
): Promise<readonly number[]> {
  engine.activate()
  const data = dataOf(plan)
  const network = createNetwork(engine, plan.architecture, data, initialWeights(plan.architecture, data, 3))
  const optimizer = createOptimizer('adam', network.variables)
  const variables = [...network.variables.values()]
  const state: StepState = { network, mode: 'train', variables, optimizer, masks: new Map() }
  const batch = batchOf(engine, plan)
  try {
    const times: number[] = []
    for (let step = -warmUp; step < count; step++) {
      const start = performance.now()
      await trainStep(engine, state, [batch], 0, 1e-3)
      if (step >= 0) times.push(performance.now() - start)
    }
    return times
  } finally {
    optimizer.dispose()
    network.dispose()
  }
}
