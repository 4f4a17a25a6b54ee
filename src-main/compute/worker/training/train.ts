import type { CurvePoint } from '#shared/domain/stage.ts'
import { AppError } from '#shared/errors.ts'
import { Random } from '#shared/random.ts'
import type { StageProgress } from '../../stages.ts'
import { createOptimizer } from '../engines/optimizers.ts'
import { learningRateAt } from './learning-rate.ts'
import { Pacer } from './pacer.ts'
import { takeBatch, trainStep } from './train-step.ts'
import type { StageContext, TrainingCheckpoint, TrainingItems, TrainPlan } from './types.ts'

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
  const stepsOf = stepCounts(plan)
  const totalSteps = stepsOf.reduce((sum, steps) => sum + steps, 0)
  const [from, to] = plan.progress ?? [0, 1]
  const progressAt = (step: number): StageProgress => ({
    kind: 'progress',
    value: from + (to - from) * (totalSteps === 0 ? 1 : step / totalSteps),
  })
  const { network } = plan
  const optimizer = createOptimizer(plan.optimizer, network.variables, {
    momentum: plan.momentum ?? 0,
    weightDecay: plan.weightDecay ?? 0,
    minGradientNorm: plan.minGradientNorm ?? 0,
  })
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
      const state = checkpoint.state as TrainingState
      network.load(checkpoint.weights)
      // A finished phase keeps no optimizer: nothing steps again.
      if (epoch < plan.epochs) optimizer.restore(checkpoint.optimizer)
      for (const [kept, weights] of checkpoint.kept) plan.keep?.into.set(kept, weights)
      curve.push(...state.curve)
      Object.assign(cost, state.cost)
      context.count(state.cost)
      for (const point of curve) yield { kind: 'curve', point }
    }
    yield progressAt(step)

    for (; epoch < plan.epochs; epoch++) {
      const items = itemsOf(plan, epoch)
      const count = items.samples.length
      const order = Random.of(plan.seed, plan.stream, 'order', epoch).shuffle(
        Int32Array.from({ length: count }, (_, i) => i),
      )
      const noise = Random.of(plan.seed, plan.stream, 'noise', epoch)
      const normals = (): number => noise.normal()
      const learningRate = learningRateAt(plan, step, totalSteps)
      let lossSum = 0
      let correct = 0
      for (let start = 0; start < count; start += plan.batchSize) {
        await context.breathe()
        const rows = order.subarray(start, start + plan.batchSize)
        const rate = learningRateAt(plan, step, totalSteps)
        const outcome = await trainStep(context.engine, plan, optimizer, takeBatch(plan, items, rows, normals), rate)
        if (outcome === null) throw diverged(plan, epoch, step, lastLoss)
        const { loss } = outcome
        lastLoss = loss
        lossSum += loss * rows.length
        correct += outcome.correct
        context.count({ forward: rows.length, backward: rows.length })
        cost.forward += rows.length
        cost.backward += rows.length
        step++
        if (pacer.due()) yield progressAt(step)
      }
      const done = epoch + 1
      const point: CurvePoint = {
        epoch: (plan.firstEpoch ?? 0) + done,
        loss: lossSum / count,
        accuracy: correct / count,
        learningRate,
      }
      curve.push(point)
      yield { kind: 'curve', point }
      if (plan.keep?.epochs.includes(done)) plan.keep.into.set(done, await network.save())
      await plan.afterEpoch?.(done, network)
      if (plan.checkpoints !== undefined) {
        const weights = await network.save()
        if (!Object.values(weights).every(({ data }) => data.every(Number.isFinite))) {
          throw diverged(plan, epoch, step, lastLoss)
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
  }
}

/** Steps of each epoch; a last batch that isn't full is a step of its own. */
function stepCounts(plan: TrainPlan): readonly number[] {
  return Array.from({ length: plan.epochs }, (_, epoch) =>
    Math.ceil(itemsOf(plan, epoch).samples.length / plan.batchSize),
  )
}

function itemsOf(plan: TrainPlan, epoch: number): TrainingItems {
  const items = typeof plan.items === 'function' ? plan.items(epoch) : plan.items
  if (items.samples.length === 0) {
    throw new AppError('bad-input', 'There are no samples to train on.', {
      hint: 'Choose a smaller forget set or a larger share of members.',
    })
  }
  return items
}

function diverged(plan: TrainPlan, epoch: number, step: number, lastLoss: number | null): AppError {
  const last = lastLoss === null ? 'it never was one' : `the last one was ${lastLoss.toPrecision(3)}`
  return new AppError(
    'diverged',
    `The training diverged in epoch ${epoch + 1} of ${plan.epochs}: the loss is no longer a finite number (${last}).`,
    {
      hint: 'Lower the learning rate.',
      details: { epoch: epoch + 1, step: step + 1, lastLoss, learningRate: plan.lr, optimizer: plan.optimizer },
    },
  )
}
