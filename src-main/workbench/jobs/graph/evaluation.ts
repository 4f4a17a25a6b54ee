/** What a model is measured by: itself, the original, an untrained network, and the golds. */
import type { StageNode } from '#main/compute/stages.ts'
import type { GoldStages, SeedStages } from './base-models.ts'
import { type GraphBuilder, type InputsOf, outputOf, setOf } from './graph-builder.ts'

export const bootstrapDraws = 1000
/** One for all: every model is resampled alike, and an outcome file gives the same intervals again. */
export const bootstrapSeed = 1

export interface Judged {
  readonly outcome: StageNode<'predict'>
  readonly label: string
  /** They keep their numbers; a null is a gold that must not judge. */
  readonly golds: readonly (GoldStages | null)[]
  /** Whom it is compared with, pair by pair. */
  readonly control: StageNode<'predict'> | null
}

export function addEvaluation(
  graph: GraphBuilder,
  { originalOutcome, initialOutcome }: SeedStages,
  { outcome, label, golds, control }: Judged,
): StageNode<'evaluate'> {
  const { lists } = graph
  const inputs: InputsOf<'evaluate'> = {
    labels: graph.labels,
    forget: { object: lists.forget.object },
    ...setOf('retain', lists.retainSample),
    ...setOf('evaluation', lists.evaluation),
    unlearned: outputOf(outcome, 'outcome'),
    original: outputOf(originalOutcome, 'outcome'),
    randomInit: outputOf(initialOutcome, 'outcome'),
  }
  if (control !== null) inputs.control = outputOf(control, 'outcome')
  golds.forEach((gold, number) => {
    if (gold !== null) inputs[`gold${number}`] = outputOf(gold.outcome, 'outcome')
  })
  const params = { draws: bootstrapDraws, classCount: graph.data.classCount }
  return graph.add('evaluate', { seed: bootstrapSeed, scope: 'evidence', label }, params, inputs)
}
