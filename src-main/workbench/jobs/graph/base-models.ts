/** The models that a study compares: golds, originals and untrained networks, with their predictions. */
import type { StageNode } from '#main/compute/stages.ts'
import { AppError } from '#shared/errors.ts'
import { type GraphBuilder, outputOf, type StageOutput } from './graph-builder.ts'

/**
 * Epochs of M_o that are kept, whatever a study's methods ask for: all studies share the original. Another epoch is
 * trained for by a stage of its own.
 */
const keptEpochs: readonly number[] = [1, 2, 3, 4, 6, 8]

/** A given original has no seed that anybody knows. */
const givenSeed = 0

/** A model that methods can unlearn from: a seed's original, or a shadow model. */
export interface ModelStages {
  readonly seed: number
  /** The model that unlearning starts from: trained, or given. */
  readonly original: StageNode
  /** Whose early epochs were kept. Null of a given original, and no method there needs any. */
  readonly checkpoints: StageNode<'train-original'> | StageNode<'train-shadow'> | null
  /** Tells the seeds of a study apart in labels. */
  readonly suffix: string
}

/** What all runs of one seed share. */
export interface SeedStages extends ModelStages {
  readonly originalOutcome: StageNode<'predict'>
  readonly initialOutcome: StageNode<'predict'>
}

export interface GoldStages {
  readonly seed: number
  readonly train: StageNode
  readonly outcome: StageNode<'predict'>
}

export function addGold(graph: GraphBuilder, seed: number, number: number): GoldStages {
  const { architecture, recipe } = graph.config
  const label = `gold ${number}`
  const train = graph.add(
    'train-gold',
    { seed, scope: 'evidence', label },
    { data: graph.data, architecture, recipe },
    { images: graph.images, labels: graph.labels, retain: { object: graph.lists.retain.object } },
  )
  return { seed, train, outcome: graph.predict(train, seed, label) }
}

export function addSeed(graph: GraphBuilder, seed: number): SeedStages {
  const { data, images, config } = graph
  const { architecture, seeds } = config
  const suffix = seeds.length > 1 ? `, seed ${seed}` : ''
  const { original, checkpoints } = addOriginal(graph, seed, suffix)
  const untrained = { seed, scope: 'evidence', label: `untrained${suffix}` } as const
  const initial = graph.add('random-init', untrained, { data, architecture }, {})
  const initialOutcome = graph.add(
    'predict',
    untrained,
    { data, architecture, featureSets: [] },
    { images, model: outputOf(initial, 'weights'), forget: { object: graph.lists.forget.object } },
  )
  const originalOutcome =
    checkpoints !== null
      ? graph.predict(original, seed, `original${suffix}`)
      : graph.predict(original, givenSeed, 'original')
  return { seed, original, checkpoints, originalOutcome, initialOutcome, suffix }
}

function addOriginal(graph: GraphBuilder, seed: number, suffix: string): Pick<ModelStages, 'original' | 'checkpoints'> {
  const { data, images, labels, members, config } = graph
  const { architecture, recipe, original: given } = config
  if (given === undefined) {
    const original = graph.add(
      'train-original',
      { seed, scope: 'dataset', label: `original${suffix}` },
      { data, architecture, recipe, keepEpochs: keptEpochs.filter((epoch) => epoch <= recipe.epochs) },
      { images, labels, members },
    )
    return { original, checkpoints: original }
  }
  // The same whatever the seed: one for all.
  const original = graph.add(
    'given-original',
    { seed: givenSeed, scope: 'dataset', label: `original from ${given.file}` },
    { data, architecture },
    { weights: { object: given.weights } },
  )
  return { original, checkpoints: null }
}

/**
 * Weights after an early epoch: kept by the training itself, or trained for once more up to there, which changes nothing
 * of what the original was worth before somebody asked.
 */
export function earlyWeights(graph: GraphBuilder, { checkpoints }: ModelStages, epoch: number): StageOutput {
  if (checkpoints === null) throw new AppError('internal', 'A given original has no early epochs.')
  const output = `epoch-${epoch}`
  const { kind, params, seed, inputs, label, scope } = checkpoints
  if (params.keepEpochs.includes(epoch)) return outputOf(checkpoints, output)
  if (epoch === params.recipe.epochs) return outputOf(checkpoints, 'weights')
  const about = { seed, scope, label: `${label}, to epoch ${epoch}` }
  return outputOf(graph.add(kind, about, { ...params, keepEpochs: [epoch], until: epoch }, inputs), output)
}
