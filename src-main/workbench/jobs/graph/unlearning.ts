/** A method's own stage and the predictions of what it makes. */
import type { StageNode } from '#main/compute/stages.ts'
import { baseMethodOf } from '#shared/domain/method-variant.ts'
import type { SeedStages } from './base-models.ts'
import { type GraphBuilder, type InputsOf, outputOf } from './graph-builder.ts'
import type { Labelling } from './labelling.ts'
import { methodNeeds, paramsOf } from './method-settings.ts'
import { addTwin, corruptionOf } from './twin-lineage.ts'

export interface Unlearning {
  readonly unlearn: StageNode<'unlearn'>
  readonly outcome: StageNode<'predict'>
  readonly labelling: Labelling | null
}

export function addUnlearning(
  graph: GraphBuilder,
  method: string,
  seed: SeedStages,
  labelsFor: (method: string) => Labelling,
): Unlearning {
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
  for (const epoch of needs.epochs ?? []) inputs[`epoch-${epoch}`] = outputOf(seed.checkpoints, `epoch-${epoch}`)
  const twinCorruption = needs.twin === true ? corruptionOf(needs.twinShift) : {}
  const label = `${method}${seed.suffix}`
  const unlearn = graph.add(
    'unlearn',
    { seed: seed.seed, scope: 'request', label },
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
  return { unlearn, outcome: graph.predict(unlearn, seed.seed, label), labelling }
}
