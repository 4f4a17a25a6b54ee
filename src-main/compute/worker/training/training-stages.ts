/** The stages that train or make a model without forgetting anything. */
import type { CurvePoint } from '#shared/domain/stage.ts'
import type { Recipe } from '#shared/domain/study.ts'
import { AppError } from '#shared/errors.ts'
import type { ObjectHash } from '#shared/ids.ts'
import type { DataParams, StageProgress, StageSpec } from '../../stages.ts'
import { corrupted } from '../data/corruption.ts'
import { inputOf, type RunnerContext, type StageOutputs, type StageRunners } from '../stage-runner.ts'
import { train } from './train.ts'
import type { ImageFeed, NamedArrays, Network, TrainPlan } from './types.ts'

type TrainingKind = 'train-original' | 'train-gold' | 'train-twin' | 'train-shadow'

export const trainingRunners: StageRunners<TrainingKind | 'random-init'> = {
  'train-original': trainKeeping,

  'train-shadow': trainKeeping,

  async *'train-gold'(spec, context) {
    const network = await untrained(spec, context)
    try {
      const samples = await context.readIds(inputOf(spec, 'retain'))
      const curve = yield* trained(spec, context, network, samples)
      return await outputsOf(context, network, curve)
    } finally {
      network.dispose()
    }
  },

  async *'train-twin'(spec, context) {
    const network = await context.createNetwork(spec.params.architecture, spec.params.data)
    try {
      network.load(await context.readWeights(inputOf(spec, 'original')))
      const members = await context.readIds(inputOf(spec, 'members'))
      const twin = await context.readIds(inputOf(spec, 'twin'))
      const curve = yield* trained(spec, context, network, concatenated(members, twin), {}, (feed) =>
        corrupted(feed, twin, spec.params.corruption),
      )
      return await outputsOf(context, network, curve)
    } finally {
      network.dispose()
    }
  },

  async *'random-init'(spec, context) {
    const network = await untrained(spec, context)
    try {
      const weights = await context.writeArrays(await network.save())
      yield { kind: 'progress', value: 1 }
      return { weights }
    } finally {
      network.dispose()
    }
  },
}

/** From scratch on `members`, with the weights after some epochs beside the last ones. */
async function* trainKeeping(
  spec: StageSpec<'train-original'> | StageSpec<'train-shadow'>,
  context: RunnerContext,
): AsyncGenerator<StageProgress, StageOutputs> {
  const { keepEpochs, recipe, until } = spec.params
  const beyond = keepEpochs.find((epoch) => !(epoch >= 1 && epoch <= recipe.epochs))
  if (beyond !== undefined) {
    throw new AppError('bad-input', `The original has no epoch ${beyond}: it is trained for ${recipe.epochs}.`, {
      hint: 'Train it longer, or take an earlier epoch.',
    })
  }
  const kept = new Map<number, NamedArrays>()
  const network = await untrained(spec, context)
  try {
    const samples = await context.readIds(inputOf(spec, 'members'))
    const curve = yield* trained(spec, context, network, samples, {
      keep: { epochs: keepEpochs, into: kept },
      ...(until === undefined ? {} : { until }),
    })
    const outputs: Record<string, ObjectHash> =
      until === undefined
        ? { ...(await outputsOf(context, network, curve)) }
        : { curve: await context.writeJson(curve) }
    for (const [epoch, weights] of kept) outputs[`epoch-${epoch}`] = await context.writeArrays(weights)
    return outputs
  } finally {
    network.dispose()
  }
}

function untrained(
  spec: { readonly params: { readonly architecture: string; readonly data: DataParams }; readonly seed: number },
  context: RunnerContext,
): Promise<Network> {
  return context.createNetwork(spec.params.architecture, spec.params.data, spec.seed)
}

/** Trains on the samples' own labels by the stage's recipe; returns the whole curve. */
async function* trained<K extends TrainingKind>(
  spec: StageSpec<K>,
  context: RunnerContext,
  network: Network,
  samples: Int32Array,
  more: Pick<TrainPlan, 'keep' | 'until'> = {},
  changed: (feed: ImageFeed) => ImageFeed = (feed) => feed,
): AsyncGenerator<StageProgress, readonly CurvePoint[]> {
  const { data, recipe } = spec.params
  const feed = changed(await context.feed(data, imagesOf(spec), labelsOf(spec)))
  const curve: CurvePoint[] = []
  const plan: TrainPlan = {
    ...planOfRecipe(recipe),
    network,
    feed,
    items: { samples, targets: { labels: samples.map((sample) => feed.labels[sample]) } },
    seed: spec.seed,
    stream: spec.kind,
    checkpoints: context.checkpoints,
    ...more,
  }
  for await (const event of train(plan, await context.stage())) {
    if (event.kind === 'curve') curve.push(event.point)
    yield event
  }
  return curve
}

function planOfRecipe(
  recipe: Recipe,
): Pick<TrainPlan, 'epochs' | 'batchSize' | 'optimizer' | 'lr' | 'schedule' | 'momentum' | 'weightDecay' | 'augment'> {
  const { epochs, batchSize, optimizer, lr, schedule, momentum, weightDecay, augment } = recipe
  return { epochs, batchSize, optimizer, lr, schedule, momentum, weightDecay, augment }
}

function concatenated(a: Int32Array, b: Int32Array): Int32Array {
  const both = new Int32Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}

async function outputsOf(
  context: RunnerContext,
  network: Network,
  curve: readonly CurvePoint[],
): Promise<{ readonly weights: ObjectHash; readonly curve: ObjectHash }> {
  return { weights: await context.writeArrays(await network.save()), curve: await context.writeJson(curve) }
}

function imagesOf(spec: StageSpec<TrainingKind>): ObjectHash {
  return inputOf(spec, 'images')
}

function labelsOf(spec: StageSpec<TrainingKind>): ObjectHash {
  return inputOf(spec, 'labels')
}
