import type { NamedTensorMap, Scalar, Tensor, Tensor1D, Tensor2D, Tensor4D, Variable } from '@tensorflow/tfjs-core'
import type { Views } from '../data/augment.ts'
import type { Engine } from '../engines/engine.ts'
import { meanSoftmaxCrossEntropy } from '../engines/ops.ts'
import type { Optimizer } from '../engines/optimizers.ts'
import { argmaxOfRow } from '../features/logits.ts'
import { statisticsRate } from '../models/batch-norm-constants.ts'
import type { ForwardResult, Network, TrainingItems, TrainPlan } from './types.ts'

export interface Batch {
  readonly count: number
  /** Normalised pixels, not yet a tensor of the step's scope. */
  readonly x: () => Tensor4D
  /** Row-major target probabilities [count, K]. */
  readonly targets: Float32Array
  readonly targetWeight: number
  readonly distil: BatchDistillation | null
  /** Factor of the batch's mean loss. */
  readonly weight: number
  /** Rows that it would have if it were full. */
  readonly size: number
}

interface BatchDistillation {
  /** Row-major [count, K]. */
  readonly probabilities: Float32Array
  /** Mean entropy of the rows, nats: what turns their cross-entropy into a KL divergence. */
  readonly entropy: number
  readonly temperature: number
  readonly weight: number
}

/** What a training holds on the engine beside its network, for all of its steps. */
export interface StepState {
  readonly network: Network
  /** How batch norms behave. */
  readonly mode: 'train' | 'eval'
  /** The variables that are trained. */
  readonly variables: readonly Variable[]
  readonly optimizer: Optimizer
  /** By engine name of a variable: boolean, false where a weight stays. */
  readonly masks: ReadonlyMap<string, Tensor>
}

/**
 * A loss beyond this, in nats, is no loss any more, although it is a number: the least probability of a float32 softmax
 * costs 103. Networks with batch norm reach no infinity at any rate, they only get there.
 */
const explodedLoss = 1e4

/** What a step keeps of its forward passes beyond the gradient's scope. */
interface Held {
  readonly logits: Tensor2D[]
  readonly statistics: ForwardResult['batchStatistics'][]
  /** The batches' loss where the loss descended has a penalty too; else none. */
  readonly unpenalised: Scalar[]
}

interface TakeOptions extends Partial<Pick<Batch, 'weight' | 'size'>> {
  /** How the items are augmented. */
  readonly views?: ((rows: Int32Array) => Views) | undefined
}

/** The items at `rows`; noise is drawn in the order of the rows when `x` is made. */
export function takeBatch(
  { feed, network: { classCount } }: Pick<TrainPlan, 'feed' | 'network'>,
  items: TrainingItems,
  rows: Int32Array,
  normals: () => number,
  { weight = 1, size = rows.length, views }: TakeOptions = {},
): Batch {
  const { noise, distil, targetWeight = 1 } = items
  const x = (): Tensor4D =>
    feed.batch(
      rows.map((row) => items.samples[row]),
      noise === undefined ? undefined : { sigma: Float32Array.from(rows, (row) => noise[row]), normals },
      views?.(rows),
    )
  return {
    count: rows.length,
    x,
    targets: targetRows(items.targets, rows, classCount),
    targetWeight,
    distil:
      distil === undefined
        ? null
        : distillationRows(distil.probabilities, rows, classCount, distil.temperature, distil.weight),
    weight,
    size,
  }
}

export type StepOutcome =
  | { readonly kind: 'done'; readonly loss: number; readonly correct: number }
  /** Nothing was changed. */
  | { readonly kind: 'diverged'; readonly what: string }

/**
 * One update on the weighted sum of the batches' mean losses and the L1 penalty. Returns the loss before the update and
 * how many rows of the first batch were classified as their most probable target; `diverged`, with weights and moving
 * averages as they were, when loss, gradient or a batch's statistics aren't finite, or the batches' losses have exploded.
 */
export async function trainStep(
  { tf }: Engine,
  { network, mode, variables, optimizer, masks }: StepState,
  batches: readonly [Batch, ...Batch[]],
  l1: number,
  learningRate: number,
): Promise<StepOutcome> {
  const { classCount } = network
  const [first] = batches
  const step = tf.tidy(() => {
    const inputs = batches.map((batch) => ({ batch, x: batch.x() }))
    const held: Held = { logits: [], statistics: [], unpenalised: [] }
    try {
      const { value, grads } = tf.variableGrads(() => {
        const losses = inputs.map(({ batch, x }) => {
          const { logits, batchStatistics } = network.forward(x, { mode })
          // The gradient's own scope would dispose them.
          if (batch === first) held.logits.push(tf.keep(logits))
          for (const values of Object.values(batchStatistics)) tf.keep(values)
          held.statistics.push(batchStatistics)
          return batchLoss(tf, batch, logits, classCount)
        })
        const loss = losses.reduce((sum, other) => tf.add(sum, other)) as Scalar
        if (l1 <= 0) return loss
        held.unpenalised.push(tf.keep(loss))
        return tf.add(loss, tf.mul(l1, tf.addN(variables.map((variable) => tf.sum(tf.abs(variable))))))
      }, [...variables])
      const applied = masked(tf, grads, masks)
      return {
        loss: value,
        squared: optimizer.squaredNorm(applied),
        grads: applied,
        ...held,
      }
    } catch (error) {
      tf.dispose({ ...held })
      throw error
    }
  })
  try {
    // One wait for all: each is a round trip to a GPU.
    const [[loss], [judged], logits, squared, unsound] = await Promise.all([
      step.loss.data<'float32'>(),
      (step.unpenalised.at(0) ?? step.loss).data<'float32'>(),
      step.logits[0].data<'float32'>(),
      step.squared.data<'float32'>(),
      unsoundStatistics(step.statistics),
    ])
    if (!Number.isFinite(loss)) return { kind: 'diverged', what: 'the loss is no longer a finite number' }
    // A penalty is as large as the network is wide: its size says nothing of the fit.
    if (Math.abs(judged) > explodedLoss) {
      const which = step.unpenalised.length === 0 ? 'the loss' : 'the loss without its L1 penalty'
      return { kind: 'diverged', what: `${which} has exploded to ${judged.toPrecision(3)}` }
    }
    if (unsound !== null) {
      return { kind: 'diverged', what: `a batch's values for "${unsound}" are no longer finite numbers` }
    }
    const norm = Math.sqrt(squared[0])
    const gradientNorm = keepingMasked(tf, variables, masks, () => optimizer.step(step.grads, learningRate, norm))
    if (!Number.isFinite(gradientNorm)) return { kind: 'diverged', what: 'the gradient is no longer finite' }
    for (const [i, statistics] of step.statistics.entries()) {
      // A batch that isn't full counts for as much as its samples: one left-over image mustn't move the averages like 64.
      network.updateStatistics(statistics, statisticsRate * Math.min(1, batches[i].count / batches[i].size))
    }
    let correct = 0
    for (let row = 0; row < first.count; row++) {
      if (argmaxOfRow(logits, row, classCount) === argmaxOfRow(first.targets, row, classCount)) correct++
    }
    return { kind: 'done', loss, correct }
  } finally {
    tf.dispose(step)
  }
}

/** The first of the batches' means and variances that isn't finite: such a layer gives zeros, and so a finite loss. */
async function unsoundStatistics(statistics: readonly ForwardResult['batchStatistics'][]): Promise<string | null> {
  const read = statistics.flatMap(Object.entries<Tensor1D>).map(async ([name, values]) => {
    return { name, isSound: (await values.data<'float32'>()).every(Number.isFinite) }
  })
  return (await Promise.all(read)).find(({ isSound }) => !isSound)?.name ?? null
}

/** Terms of weight 0 are left out and factors of 1 not multiplied by: a method at a setting in which it is another one has that one's bits. */
function batchLoss(
  tf: Engine['tf'],
  { count, targets, targetWeight, distil, weight }: Batch,
  logits: Tensor2D,
  classCount: number,
): Tensor {
  const times = (factor: number, x: Tensor): Tensor => (factor === 1 ? x : tf.mul(factor, x))
  const terms: Tensor[] = []
  if (targetWeight !== 0) {
    const mean = meanSoftmaxCrossEntropy(logits, tf.tensor2d(targets, [count, classCount]))
    terms.push(times(targetWeight, mean))
  }
  if (distil !== null && distil.weight !== 0) {
    const { temperature, entropy } = distil
    const softened = temperature === 1 ? logits : tf.mul(logits, 1 / temperature)
    const mean = meanSoftmaxCrossEntropy(softened as Tensor2D, tf.tensor2d(distil.probabilities, [count, classCount]))
    terms.push(tf.mul(distil.weight * temperature ** 2, tf.sub(mean, entropy)))
  }
  // Nothing to learn from is a loss of 0, whatever the logits are.
  const loss = terms.length === 0 ? tf.mul(0, tf.mean(logits)) : terms.reduce((sum, term) => tf.add(sum, term))
  return times(weight, loss)
}

/** Gradients without those of weights that stay, which would else count in the gradient's norm. */
function masked(tf: Engine['tf'], grads: NamedTensorMap, masks: StepState['masks']): NamedTensorMap {
  if (masks.size === 0) return grads
  return Object.fromEntries(
    Object.entries(grads).map(([name, gradient]) => {
      const mask = masks.get(name)
      return [name, mask === undefined ? gradient : tf.where(mask, gradient, tf.zerosLike(gradient))]
    }),
  )
}

/** Updates, then puts masked weights back to their bits: momentum and weight decay would move them without a gradient. */
function keepingMasked(
  tf: Engine['tf'],
  variables: readonly Variable[],
  masks: StepState['masks'],
  update: () => number,
): number {
  if (masks.size === 0) return update()
  return tf.tidy(() => {
    const before = variables.map((variable) => variable.clone())
    const norm = update()
    for (const [i, variable] of variables.entries()) {
      const mask = masks.get(variable.name)
      if (mask !== undefined) variable.assign(tf.where(mask, variable, before[i]))
    }
    return norm
  })
}

function targetRows(targets: TrainingItems['targets'], rows: Int32Array, classCount: number): Float32Array {
  if ('probabilities' in targets) return rowsOf(targets.probabilities, rows, classCount)
  const out = new Float32Array(rows.length * classCount)
  for (let i = 0; i < rows.length; i++) out[i * classCount + targets.labels[rows[i]]] = 1
  return out
}

function distillationRows(
  all: Float32Array,
  rows: Int32Array,
  classCount: number,
  temperature: number,
  weight: number,
): BatchDistillation {
  const probabilities = rowsOf(all, rows, classCount)
  let entropy = 0
  for (const p of probabilities) if (p > 0) entropy -= p * Math.log(p)
  return { probabilities, entropy: entropy / rows.length, temperature, weight }
}

function rowsOf(all: Float32Array, rows: Int32Array, classCount: number): Float32Array {
  const out = new Float32Array(rows.length * classCount)
  for (let i = 0; i < rows.length; i++) {
    out.set(all.subarray(rows[i] * classCount, (rows[i] + 1) * classCount), i * classCount)
  }
  return out
}
