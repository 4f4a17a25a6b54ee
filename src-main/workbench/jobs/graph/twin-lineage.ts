/** The twin problem: M_t, the features on both sides, and the predictor that learns easy from hard on it. */
import type { Corruption, StageNode, TwinShift } from '#main/compute/stages.ts'
import type { StageKey } from '#shared/ids.ts'
import { earlyWeights, type ModelStages } from './base-models.ts'
import { type GraphBuilder, outputOf } from './graph-builder.ts'
import { featurePlan } from './method-settings.ts'

/** The twin problem behind a run's labels. */
export interface TwinLineage {
  readonly twinFeatures: StageKey
  readonly twinOutcome: StageKey
  readonly forgetFeatures: StageKey
  readonly predictor: StageKey
  readonly threshold: number
  /** Half width of the band without labels; 0: none. */
  readonly abstain: number
  readonly matchesShare: boolean
}

/** M_t reads nothing of F but its class: every forget set of the class shares it. */
export function addTwin(
  graph: GraphBuilder,
  { seed, original, suffix }: ModelStages,
  shift: TwinShift | undefined,
): StageNode<'train-twin'> {
  const { architecture, twinRecipe } = graph.config
  return graph.add(
    'train-twin',
    { seed, scope: 'class', label: `twin${suffix}` },
    { data: graph.data, architecture, recipe: twinRecipe, ...corruptionOf(shift) },
    {
      images: graph.images,
      labels: graph.labels,
      members: graph.members,
      twin: { object: graph.lists.twinOf(shift).object },
      original: outputOf(original, 'weights'),
    },
  )
}

export function addTwinLineage(graph: GraphBuilder, method: string, stages: ModelStages): TwinLineage {
  const { data, lists, images, labels, config } = graph
  const { seed, suffix } = stages
  const { architecture } = config
  const plan = featurePlan(config, method)
  const {
    features,
    neighbours,
    epsilon,
    steps,
    pgdTarget,
    bounds,
    referenceUnderTwin,
    threshold,
    predictor,
    twinShift,
  } = plan
  const twin = { object: lists.twinOf(twinShift).object }
  const corruption = corruptionOf(twinShift)
  const twinModel = outputOf(addTwin(graph, stages, twinShift), 'weights')
  const original = outputOf(stages.original, 'weights')
  const params = { data, architecture, features, neighbours, epsilon, steps, pgdTarget }
  const common = {
    images,
    labels,
    references: { object: lists.retain.object },
    ...(config.original === undefined
      ? { early: earlyWeights(graph, stages, plan.earlyEpoch ?? config.earlyEpoch) }
      : {}),
  }
  const twinFeatures = graph.add(
    'features',
    { seed, scope: 'request', label: `features of the twin${suffix}` },
    { ...params, ...corruption },
    { ...common, samples: twin, model: twinModel },
  )
  const forgetFeatures = graph.add('features', { seed, scope: 'request', label: `features of F${suffix}` }, params, {
    ...common,
    samples: { object: lists.forget.object },
    model: original,
    ...(referenceUnderTwin ? { referenceModel: twinModel } : {}),
  })
  // Apart from the other predictions, so that it is shared by every forget set of the class.
  const twinOutcome = graph.add(
    'predict',
    { seed, scope: 'class', label: `original on the twin${suffix}` },
    { data, architecture, featureSets: [], ...corruption },
    { images, model: original, twin },
  )
  const fitted = graph.add(
    'fit-predictor',
    { seed, scope: 'request', label: `twin predictor${suffix}` },
    { features, bounds, ...predictor },
    { twinFeatures: outputOf(twinFeatures, 'features'), twinOutcome: outputOf(twinOutcome, 'outcome') },
  )
  return {
    twinFeatures: twinFeatures.key,
    twinOutcome: twinOutcome.key,
    forgetFeatures: forgetFeatures.key,
    predictor: fitted.key,
    threshold,
    abstain: plan.abstain,
    matchesShare: plan.matchesShare,
  }
}

/** Absent where nothing is corrupted, so that keys are those of a study without such a knob. */
export function corruptionOf(shift: TwinShift | undefined): { readonly corruption?: Corruption } {
  return shift?.corruption === undefined ? {} : { corruption: shift.corruption }
}
