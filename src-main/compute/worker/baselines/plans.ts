/** What the baselines' training plans have in common. Types of tensors only: the main process reads definitions. */
import { Random } from '#shared/random.ts'
import type { ImageFeed, LabelledSamples, TrainingItems, TrainPlan, UnlearnContext } from '../training/types.ts'

interface SgdSettings {
  readonly epochs: number
  readonly batchSize: number
  readonly lr: number
  readonly momentum: number
  readonly weightDecay: number
}

type Plan = Omit<TrainPlan, 'items'>

/** SGD at a constant rate on `context.network`. All baselines draw from one stream, so that equal settings mean equal batches. */
export function sgdPlan(context: UnlearnContext, settings: SgdSettings): Plan {
  const { epochs, batchSize, lr, momentum, weightDecay } = settings
  return {
    ...commonPlan(context),
    epochs,
    batchSize,
    optimizer: 'sgd',
    lr,
    schedule: 'constant',
    momentum,
    weightDecay,
  }
}

/** Adam at a constant rate on `context.network`. */
export function adamPlan(
  context: UnlearnContext,
  { epochs, batchSize, lr }: Pick<SgdSettings, 'epochs' | 'batchSize' | 'lr'>,
): Plan {
  return { ...commonPlan(context), epochs, batchSize, optimizer: 'adam', lr, schedule: 'constant' }
}

function commonPlan(context: UnlearnContext): Pick<Plan, 'network' | 'feed' | 'seed' | 'stream' | 'checkpoints'> {
  const { network, feed, seed, checkpoints } = context
  return { network, feed, seed, stream: 'unlearn', checkpoints }
}

/** Samples under their own labels. */
export function withOwnLabels(feed: Pick<ImageFeed, 'labels'>, samples: Int32Array): TrainingItems {
  return { samples, targets: { labels: labelled(feed, samples).labels } }
}

export function labelled(feed: Pick<ImageFeed, 'labels'>, samples: Int32Array): LabelledSamples {
  return { samples, labels: samples.map((sample) => feed.labels[sample]) }
}

/** R under its own labels, then F under these (in the order of F): one list to be shuffled together. */
export function retainAndRelabelled(
  { feed, retain, forget }: Pick<UnlearnContext, 'feed' | 'retain' | 'forget'>,
  forgetLabels: ArrayLike<number>,
): TrainingItems {
  const samples = joined(retain, forget)
  const labels = samples.map((sample, i) => (i < retain.length ? feed.labels[sample] : forgetLabels[i - retain.length]))
  return { samples, targets: { labels } }
}

/** Labels for F, uniform over all classes: anew in every epoch, or the same throughout. */
export function uniformLabels(
  { forget, seed, data }: Pick<UnlearnContext, 'forget' | 'seed' | 'data'>,
  epoch: number,
): Int32Array {
  const random = Random.of(seed, 'unlearn', 'random-labels', epoch)
  return forget.map(() => random.below(data.classCount))
}

export function joined(a: Int32Array, b: Int32Array): Int32Array {
  const both = new Int32Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}

/** How many samples a pass of so many steps (the last may be a part of one) takes from a list that comes round beside it. */
export function visitsBeside(steps: number, count: number, batchSize: number): number {
  const [whole, round] = [Math.ceil(steps), Math.ceil(count / batchSize)]
  return Math.floor(whole / round) * count + Math.min((whole % round) * batchSize, count)
}

/** A seeded order of samples: lists are ascending, so that neighbours often share a class. */
export function inRandomOrder(samples: Int32Array, seed: number, use: string): Int32Array {
  return Random.of(seed, 'unlearn', use).shuffle(samples.slice())
}
