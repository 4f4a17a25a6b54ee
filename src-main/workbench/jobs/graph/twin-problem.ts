/**
 * The twin problem as a study of its own (SCIENCE section 1, step 8: tune on it, without the gold): forget H_c from M_t,
 * and be judged by M_o, which never saw H_c. Its answer is known before the request comes, so that methods' settings can
 * be chosen there and no gold has to be asked.
 */
import type { EngineId } from '#shared/domain/engine.ts'
import type { StudyConfig } from '#shared/domain/study.ts'
import { AppError } from '#shared/errors.ts'
import { addSeed, type GoldStages, type SeedStages } from './base-models.ts'
import { type CompiledRun, type CompiledStudy, goldMethod, noneMethod } from './compiled-study.ts'
import { addEvaluation } from './evaluation.ts'
import { GraphBuilder, outputOf, type StudyMaterial } from './graph-builder.ts'
import type { Labelling } from './labelling.ts'
import { methodNeeds } from './method-settings.ts'
import { addTwin } from './twin-lineage.ts'
import { addUnlearning } from './unlearning.ts'

/** Of every run here. */
const uncontrolled = 'on the twin problem there is no count-matched random control'

export function* compileTwinProblem(
  config: StudyConfig,
  { dataset, split, lists }: StudyMaterial,
  engine: EngineId,
): Generator<void, CompiledStudy, void> {
  const members = lists.members
  const twinLists = { ...lists, forget: lists.twin, retain: members }
  const graph = new GraphBuilder(config, { dataset, split, lists: twinLists }, engine)
  const runs: CompiledRun[] = []
  for (const seed of config.seeds) {
    const base = addSeed(graph, seed)
    const twin = addTwin(graph, base, undefined)
    const stages: SeedStages = {
      ...base,
      original: twin,
      originalOutcome: graph.predict(twin, seed, `twin${base.suffix}`),
    }
    // M_o is the gold here: trained like M_t but for H_c.
    const judge: GoldStages = { seed, train: base.original, outcome: base.originalOutcome }
    for (const method of config.methods) {
      if (method === goldMethod) continue
      runs.push(method === noneMethod ? nothingDone(graph, stages, judge) : unlearned(graph, method, stages, judge))
    }
    yield
  }
  return { nodes: graph.nodes, runs, attacks: [] }
}

/** Whether a method can be tried on the twin problem: that has no twin of its own, and no samples beside it unseen. */
export function worksOnTwinProblem(config: StudyConfig, method: string): boolean {
  const { twin, twinSamples } = methodNeeds(config, method)
  return twin !== true && twinSamples !== true
}

function nothingDone(graph: GraphBuilder, stages: SeedStages, judge: GoldStages): CompiledRun {
  const label = `${noneMethod}${stages.suffix}`
  const evaluate = addEvaluation(graph, stages, {
    outcome: stages.originalOutcome,
    label,
    golds: [judge],
    control: null,
  })
  const model = outputOf(stages.original, 'weights')
  const about = { method: noneMethod, seed: stages.seed, evaluate: evaluate.key, model }
  return {
    ...about,
    outcome: outputOf(stages.originalOutcome, 'outcome'),
    judges: [0],
    labels: null,
    twin: null,
    uncontrolled,
  }
}

function unlearned(graph: GraphBuilder, method: string, stages: SeedStages, judge: GoldStages): CompiledRun {
  if (!worksOnTwinProblem(graph.config, method)) {
    throw new AppError('internal', `The method ${method} needs a twin, and the twin problem has none.`)
  }
  const { unlearn, outcome, labelling } = addUnlearning(graph, method, stages, () => knownLabels(graph, stages, judge))
  const label = `${method}${stages.suffix}`
  const evaluate = addEvaluation(graph, stages, { outcome, label, golds: [judge], control: null })
  return {
    method,
    seed: stages.seed,
    evaluate: evaluate.key,
    model: outputOf(unlearn, 'weights'),
    outcome: outputOf(outcome, 'outcome'),
    judges: [0],
    labels: labelling?.labels.key ?? null,
    twin: null,
    uncontrolled,
  }
}

/** Easy and hard are known here: what M_o gets right of H_c. Only the unlearning is tuned, not the predictor. */
function knownLabels(graph: GraphBuilder, { seed, suffix }: SeedStages, judge: GoldStages): Labelling {
  const about = { seed, scope: 'class', label: `known labels${suffix}` } as const
  const inputs = {
    forget: { object: graph.lists.forget.object },
    labels: graph.labels,
    goldOutcome: outputOf(judge.outcome, 'outcome'),
  }
  return { labels: graph.add('oracle-label', about, {}, inputs), twin: null }
}
