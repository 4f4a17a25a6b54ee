/** A method's own stage and the predictions of what it makes. */
import type { StageNode } from '#main/compute/stages.ts'
import { baseMethodOf } from '#shared/domain/method-variant.ts'
import { earlyWeights, type ModelStages } from './base-models.ts'
import { type GraphBuilder, type InputsOf, outputOf } from './graph-builder.ts'
import type { Labelling } from './labelling.ts'
import { methodNeeds, paramsOf } from './method-settings.ts'
import { addTwin, corruptionOf } from './twin-lineage.ts'

export interface Unlearned {
  readonly unlearn: StageNode<'unlearn'>
  readonly labelling: Labelling | null
}

export interface Unlearning extends Unlearned {
  readonly outcome: StageNode<'predict'>
}

/** Once more from the same original, labels and twin, in another order; evidence about the method. */
export interface Repeat {
  readonly seed: number
  readonly label: string
}

export function addUnlearning(
  graph: GraphBuilder,
  method: string,
  seed: ModelStages,
  labelsFor: (method: string) => Labelling,
): Unlearning {
  const made = addUnlearnStage(graph, method, seed, labelsFor)
  return { ...made, outcome: graph.predict(made.unlearn, seed.seed, `${method}${seed.suffix}`) }
}

export function addUnlearnStage(
  graph: GraphBuilder,
  method: string,
  seed: ModelStages,
  labelsFor: (method: string) => Labelling,
  repeat?: Repeat,
): Unlearned {
  const { lists, config } = graph
  const { architecture, recipe } = config
  const needs = methodNeeds(config, method)
  const labelling = needs.easyHard === undefined ? null : labelsFor(method)
  const inputs: InputsOf<'unlearn'> = {
    images: graph.images,
    labels: graph.labels,
    forget: { object: lists.forget.object },
    retain: { object: lists.retain.object },
    original: outputOf(seed.original, 'weights'),
  }
  if (labelling !== null) inputs.easyHard = outputOf(labelling.labels, 'labels')
  if (needs.twin === true || needs.twinSamples === true) inputs.twin = { object: lists.twinOf(needs.twinShift).object }
  if (needs.twin === true) {
    inputs.twinModel = outputOf(addTwin(graph, seed, needs.twinShift), 'weights')
  }
  for (const epoch of needs.epochs ?? []) inputs[`epoch-${epoch}`] = earlyWeights(graph, seed, epoch)
  const twinCorruption = needs.twin === true ? corruptionOf(needs.twinShift) : {}
  const about =
    repeat === undefined
      ? ({ seed: seed.seed, scope: 'request', label: `${method}${seed.suffix}` } as const)
      : ({ ...repeat, scope: 'evidence' } as const)
  const unlearn = graph.add(
    'unlearn',
    about,
    {
      data: graph.data,
      architecture,
      recipe,
      method: baseMethodOf(method),
      options: paramsOf(config, method),
      ...twinCorruption,
    },
    inputs,
  )
  return { unlearn, labelling }
}
