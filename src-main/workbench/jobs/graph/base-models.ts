/** The models that a study compares: golds, originals and untrained networks, with their predictions. */
import type { StageNode } from '#main/compute/stages.ts'
import type { StudyConfig } from '#shared/domain/study.ts'
import { type GraphBuilder, outputOf } from './graph-builder.ts'
import { earlyEpochOf, methodNeeds } from './method-settings.ts'

/** Epochs of M_o that are always kept, so that studies with other methods still share the original. */
export const alwaysKeptEpochs: readonly number[] = [1, 2, 3, 4, 6, 8]

/** A given original has no seed that anybody knows. */
const givenSeed = 0

/** A model that methods can unlearn from: a seed's original, or a shadow model. */
export interface ModelStages {
  readonly seed: number
  /** The model that unlearning starts from: trained, or given. */
  readonly original: StageNode
  /** Whose early epochs were kept. A given original has none, and no method that needs any. */
  readonly checkpoints: StageNode
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
  const { data, images, labels, members, config } = graph
  const { architecture, recipe, seeds } = config
  const suffix = seeds.length > 1 ? `, seed ${seed}` : ''
  const given = config.original
  const original: SeedStages['original'] =
    given === undefined
      ? graph.add(
          'train-original',
          { seed, scope: 'dataset', label: `original${suffix}` },
          { data, architecture, recipe, keepEpochs: keptEpochs(config) },
          { images, labels, members },
        )
      : // The same whatever the seed: one for all.
        graph.add(
          'given-original',
          { seed: givenSeed, scope: 'dataset', label: `original from ${given.file}` },
          { data, architecture },
          { weights: { object: given.weights } },
        )
  const untrained = { seed, scope: 'evidence', label: `untrained${suffix}` } as const
  const initial = graph.add('random-init', untrained, { data, architecture }, {})
  const initialOutcome = graph.add(
    'predict',
    untrained,
    { data, architecture, featureSets: [] },
    { images, model: outputOf(initial, 'weights'), forget: { object: graph.lists.forget.object } },
  )
  const originalOutcome =
    given === undefined
      ? graph.predict(original, seed, `original${suffix}`)
      : graph.predict(original, givenSeed, 'original')
  return { seed, original, checkpoints: original, originalOutcome, initialOutcome, suffix }
}

function keptEpochs(config: StudyConfig): readonly number[] {
  const epochs = new Set([...alwaysKeptEpochs, config.earlyEpoch].filter((epoch) => epoch <= config.recipe.epochs))
  for (const method of config.methods) {
    for (const epoch of methodNeeds(config, method).epochs ?? []) epochs.add(epoch)
    const early = earlyEpochOf(config, method)
    if (early !== null) epochs.add(early)
  }
  return [...epochs].sort((a, b) => a - b)
}
