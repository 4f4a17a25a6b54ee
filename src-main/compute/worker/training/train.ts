import type { Tensor, Variable } from '@tensorflow/tfjs-core'
import type { CurvePoint } from '#shared/domain/stage.ts'
import { AppError } from '#shared/errors.ts'
import { Random } from '#shared/random.ts'
import type { StageProgress } from '../../stages.ts'
import { drawViews, type Views } from '../data/augment.ts'
import type { Engine } from '../engines/engine.ts'
import { createOptimizer } from '../engines/optimizers.ts'
import { learningRateAt } from './learning-rate.ts'
import { Pacer } from './pacer.ts'
import { type Batch, type StepState, takeBatch, trainStep } from './train-step.ts'
import type { StageContext, TrainingCheckpoint, TrainingItems, TrainingPass, TrainPlan } from './types.ts'

/** In a checkpoint's `state`. */
interface TrainingState {
  readonly curve: readonly CurvePoint[]
  readonly cost: { readonly forward: number; readonly backward: number; readonly seconds: number }
}

/**
 * Trains `plan.network` in place: seeded order, a new one every epoch; yields progress, a curve point and (with a slot)
 * a checkpoint an epoch. From a checkpoint it goes on to the same bits as without an interruption, wherever the engine
 * itself is deterministic. The network stays the caller's; nothing else is left behind, however it ends.
 * @throws AppError `diverged` at the step whose loss or gradient isn't finite, `cancelled`, `bad-input` without samples.
 */
export async function* train(plan: TrainPlan, context: StageContext): AsyncGenerator<StageProgress, void> {
  const startedAt = performance.now()
  const { until = plan.epochs } = plan
  const counts = stepCounts(plan)
  const sumOf = (steps: readonly number[]): number => steps.reduce((sum, count) => sum + count, 0)
  const totalSteps = sumOf(counts)
  const stepsHere = sumOf(counts.slice(0, until))
  const [from, to] = plan.progress ?? [0, 1]
  const progressAt = (step: number): StageProgress => ({
    kind: 'progress',
    value: from + (to - from) * (stepsHere === 0 ? 1 : step / stepsHere),
  })
  const { network } = plan
  const state = stepState(context.engine, plan)
  const { optimizer } = state
  const pacer = new Pacer()
  const curve: CurvePoint[] = []
  const cost = { forward: 0, backward: 0, seconds: 0 }
  let lastLoss: number | null = null
  let step = 0
  let epoch = 0
  try {
    const checkpoint = (await plan.checkpoints?.load(plan.stream)) ?? null
    if (checkpoint !== null) {
      ;({ epoch, step } = checkpoint)
      const { curve: before, cost: spent } = checkpoint.state as TrainingState
      network.load(checkpoint.weights)
      // A finished phase keeps no optimizer: nothing steps again.
      if (epoch < plan.epochs) optimizer.restore(checkpoint.optimizer)
      for (const [kept, weights] of checkpoint.kept) plan.keep?.into.set(kept, weights)
      curve.push(...before)
      lastLoss = before.at(-1)?.loss ?? null
      Object.assign(cost, spent)
      context.count(spent)
      for (const point of curve) yield { kind: 'curve', point }
    }
    yield progressAt(step)

    for (; epoch < until; epoch++) {
      const noise = Random.of(plan.seed, plan.stream, 'noise', epoch)
      const normals = (): number => noise.normal()
      const learningRate = learningRateAt(plan, { step, totalSteps, epoch })
      let last = { loss: 0, correct: 0, count: 0 }
      for (const [number, pass] of passesOf(plan, epoch).entries()) {
        last = { loss: 0, correct: 0, count: pass.items.samples.length }
        for (const batches of batchesOf(plan, pass, epoch, number, normals)) {
          await context.breathe()
          const rate = learningRateAt(plan, { step, totalSteps, epoch })
          const outcome = await trainStep(context.engine, state, batches, pass.l1 ?? 0, rate)
          if (outcome.kind === 'diverged') throw diverged(plan, outcome.what, epoch, step, lastLoss)
          lastLoss = outcome.loss
          last.loss += outcome.loss * batches[0].count
          last.correct += outcome.correct
          const visits = batches.reduce((sum, { count }) => sum + count, 0)
          context.count({ forward: visits, backward: visits })
          cost.forward += visits
          cost.backward += visits
          step++
          if (pacer.due()) yield progressAt(step)
        }
      }
      const done = epoch + 1
      const point: CurvePoint = {
        epoch: (plan.firstEpoch ?? 0) + done,
        loss: last.loss / last.count,
        accuracy: last.correct / last.count,
        learningRate,
      }
      curve.push(point)
      yield { kind: 'curve', point }
      if (plan.keep?.epochs.includes(done)) plan.keep.into.set(done, await network.save())
      await plan.afterEpoch?.(done, network)
      if (plan.checkpoints !== undefined) {
        const weights = await network.save()
        if (!Object.values(weights).every(({ data }) => data.every(Number.isFinite))) {
          throw diverged(plan, 'the weights are no longer finite numbers', epoch, step, lastLoss)
        }
        const saved: TrainingCheckpoint = {
          phase: plan.stream,
          epoch: done,
          step,
          weights,
          optimizer: done < plan.epochs ? await optimizer.state() : {},
          kept: plan.keep?.into ?? new Map(),
          state: {
            curve,
            cost: { ...cost, seconds: cost.seconds + (performance.now() - startedAt) / 1000 },
          } satisfies TrainingState,
        }
        yield await plan.checkpoints.save(saved)
      }
      yield progressAt(step)
    }
  } finally {
    optimizer.dispose()
    context.engine.tf.dispose([...state.masks.values()])
  }
}

/** Optimizer and masks; disposed of by the caller. */
function stepState({ tf }: Engine, plan: TrainPlan): StepState {
  const { network, trainable, mask } = plan
  const variables =
    trainable === undefined
      ? network.variables
      : new Map(trainable.map((name) => [name, variableOf(network.variables, name)]))
  const optimizer = createOptimizer(plan.optimizer, variables, {
    momentum: plan.momentum ?? 0,
    weightDecay: plan.weightDecay ?? 0,
    minGradientNorm: plan.minGradientNorm ?? 0,
  })
  const masks = new Map<string, Tensor>()
  for (const [name, changing] of mask ?? []) {
    const variable = variables.get(name)
    if (variable !== undefined) masks.set(variable.name, tf.tensor(changing, variable.shape, 'bool'))
  }
  return {
    network,
    mode: plan.normalisation === 'frozen' ? 'eval' : 'train',
    variables: [...variables.values()],
    optimizer,
    masks,
  }
}

function variableOf(variables: ReadonlyMap<string, Variable>, name: string): Variable {
  const variable = variables.get(name)
  if (variable === undefined) throw new AppError('internal', `The network has no variable "${name}" to train.`)
  return variable
}

/** Steps of each epoch; a last batch that isn't full is a step of its own. */
function stepCounts(plan: TrainPlan): readonly number[] {
  return Array.from({ length: plan.epochs }, (_, epoch) =>
    passesOf(plan, epoch).reduce(
      (sum, { items, batchSize = plan.batchSize }) => sum + Math.ceil(items.samples.length / batchSize),
      0,
    ),
  )
}

function passesOf(plan: TrainPlan, epoch: number): readonly TrainingPass[] {
  const given = typeof plan.items === 'function' ? plan.items(epoch) : plan.items
  const passes = isItems(given) ? [{ items: given }] : given
  for (const { items, beside } of passes) {
    if (items.samples.length > 0 && beside?.items.samples.length !== 0) continue
    throw new AppError('bad-input', 'There are no samples to train on.', {
      hint: 'Choose a smaller forget set or a larger share of members.',
    })
  }
  return passes
}

function isItems(given: TrainingItems | readonly TrainingPass[]): given is TrainingItems {
  return 'samples' in given
}

/** The batches of each step of a pass: its own, and the one beside it. Orders are drawn anew for every epoch and pass. */
function* batchesOf(
  plan: TrainPlan,
  pass: TrainingPass,
  epoch: number,
  number: number,
  normals: () => number,
): Generator<readonly [Batch, ...Batch[]]> {
  const { items, weight = 1, batchSize = plan.batchSize } = pass
  const beside = pass.beside === undefined || pass.beside.weight === 0 ? null : pass.beside
  const labels = number === 0 ? [epoch] : [epoch, number]
  const order = shuffled(items, Random.of(plan.seed, plan.stream, 'order', ...labels))
  const besideOrder =
    beside === null ? null : shuffled(beside.items, Random.of(plan.seed, plan.stream, 'order beside', ...labels))
  let besideStart = 0
  for (let start = 0; start < order.length; start += batchSize) {
    const own = takeBatch(plan, items, order.subarray(start, start + batchSize), normals, {
      weight,
      size: batchSize,
      views: viewsOf(plan, 'augment', ...labels),
    })
    if (beside === null || besideOrder === null) yield [own]
    else {
      const rows = besideOrder.subarray(besideStart, besideStart + beside.batchSize)
      besideStart = besideStart + beside.batchSize < besideOrder.length ? besideStart + beside.batchSize : 0
      yield [
        own,
        takeBatch(plan, beside.items, rows, normals, {
          weight: beside.weight,
          size: beside.batchSize,
          views: viewsOf(plan, 'augment beside', ...labels),
        }),
      ]
    }
  }
}

/** Views of a pass's items, each from a stream of its own; undefined where nothing is augmented. */
function viewsOf(
  { augment, seed, stream, feed }: TrainPlan,
  ...labels: readonly (string | number)[]
): ((items: Int32Array) => Views) | undefined {
  if (augment === undefined) return undefined
  return (items) => drawViews(augment, feed.data, items, (item) => Random.of(seed, stream, ...labels, item))
}

function shuffled({ samples }: TrainingItems, random: Random): Int32Array {
  return random.shuffle(Int32Array.from(samples, (_, i) => i))
}

function diverged(plan: TrainPlan, what: string, epoch: number, step: number, lastLoss: number | null): AppError {
  const last = lastLoss === null ? 'in its first step' : `the last sound loss was ${lastLoss.toPrecision(3)}`
  return new AppError('diverged', `The training diverged in epoch ${epoch + 1} of ${plan.epochs}: ${what} (${last}).`, {
    hint: 'Lower the learning rate.',
    details: { epoch: epoch + 1, step: step + 1, lastLoss, learningRate: plan.lr, optimizer: plan.optimizer },
  })
}
