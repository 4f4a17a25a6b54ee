/** The easy and hard labels that a method unlearns with. */
import { methodOf } from '#main/compute/methods.ts'
import type { LabelRule, StageInput, StageNode } from '#main/compute/stages.ts'
import { AppError } from '#shared/errors.ts'
import type { GoldStages, ModelStages } from './base-models.ts'
import { type GraphBuilder, outputOf } from './graph-builder.ts'
import { methodNeeds } from './method-settings.ts'
import { addTwinLineage, type TwinLineage } from './twin-lineage.ts'

/** The method whose predicted labels the controls without features of their own are matched to. */
export const referenceTmuMethod = 'tmu'

export interface Labelling {
  readonly labels: StageNode<'label'> | StageNode<'oracle-label'>
  readonly twin: TwinLineage | null
}

export function addLabels(
  graph: GraphBuilder,
  method: string,
  stages: ModelStages,
  golds: readonly GoldStages[],
): Labelling {
  const source = methodNeeds(graph.config, method).easyHard
  const { seed, suffix } = stages
  const forget: StageInput = { object: graph.lists.forget.object }
  const label = `${source ?? 'no'} labels${suffix}`
  switch (source) {
    case 'all-easy':
    case 'all-hard': {
      const params = { rule: source, threshold: 0.5 } as const
      return { labels: graph.add('label', { seed, scope: 'request', label }, params, { forget }), twin: null }
    }
    case 'oracle': {
      const [gold] = golds
      const about = { seed: gold.seed, scope: 'evidence', label: 'oracle labels' } as const
      const inputs = { forget, labels: graph.labels, goldOutcome: outputOf(gold.outcome, 'outcome') }
      return { labels: graph.add('oracle-label', about, {}, inputs), twin: null }
    }
    case 'predicted':
    case 'predicted-faithful':
      return addPredictedLabels(graph, method, stages, label, 'predicted')
    case 'cf-quantile':
      return addPredictedLabels(graph, featureMethod(method), stages, label, source)
    case 'count-matched-random': {
      const matched = addPredictedLabels(graph, featureMethod(method), stages, `predicted labels${suffix}`, 'predicted')
      const inputs = { forget, predicted: outputOf(matched.labels, 'labels') }
      const params = { rule: source, threshold: matched.twin.threshold } as const
      return { labels: graph.add('label', { seed, scope: 'request', label }, params, inputs), twin: matched.twin }
    }
    case undefined:
      throw new AppError('internal', `The method ${method} unlearns with no easy and hard labels.`)
  }
}

function addPredictedLabels(
  graph: GraphBuilder,
  method: string,
  stages: ModelStages,
  label: string,
  rule: LabelRule,
): { readonly labels: StageNode<'label'>; readonly twin: TwinLineage } {
  const twin = addTwinLineage(graph, method, stages)
  const inputs = {
    forget: { object: graph.lists.forget.object },
    predictor: { stage: twin.predictor, output: 'predictor' },
    features: { stage: twin.forgetFeatures, output: 'features' },
  }
  const params = {
    rule,
    threshold: twin.threshold,
    ...(twin.abstain > 0 ? { abstain: twin.abstain } : {}),
    ...(twin.matchesShare && rule === 'predicted' ? { matchesShare: true as const } : {}),
  }
  return { labels: graph.add('label', { seed: stages.seed, scope: 'request', label }, params, inputs), twin }
}

/** Whose features a control reads that declares none of its own. */
function featureMethod(method: string): string {
  return methodOf(method).features === undefined ? referenceTmuMethod : method
}
