/** From a study to its stages: what must be computed, from what, and for which run. No I/O. */
import { methodOf } from '#main/compute/methods.ts'
import type { StageNode } from '#main/compute/stages.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import type { StudyConfig } from '#shared/domain/study.ts'
import { AppError } from '#shared/errors.ts'
import type { StageKey } from '#shared/ids.ts'
import { assertGoldIsEvidence } from './gold-guard.ts'
import { addGold, addSeed, type GoldStages, type SeedStages } from './graph/base-models.ts'
import { type CompiledRun, type CompiledStudy, controlMethod, goldMethod, noneMethod } from './graph/compiled-study.ts'
import { addEvaluation } from './graph/evaluation.ts'
import { GraphBuilder, outputOf, type StageOutput, type StudyMaterial } from './graph/graph-builder.ts'
import { addLabels } from './graph/labelling.ts'
import { methodNeeds } from './graph/method-settings.ts'
import { compileTwinProblem } from './graph/twin-problem.ts'
import { addUnlearning, type Unlearning } from './graph/unlearning.ts'

export type { CompiledRun, CompiledStudy } from './graph/compiled-study.ts'
export { controlMethod, goldMethod, noneMethod } from './graph/compiled-study.ts'

/**
 * All stages of a study with their keys, before anything ran. Golds are shared by every run; within a seed the
 * original, the twin and equal feature sets are.
 * @throws AppError `internal` when a method or the twin problem could learn from a gold.
 */
export function compileStudy(config: StudyConfig, material: StudyMaterial, engine: EngineId): CompiledStudy {
  const steps = compilationSteps(config, material, engine)
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** `compileStudy` in steps of a few milliseconds, one a seed: thousands of stages must not hold up everybody else. */
export function* compilationSteps(
  config: StudyConfig,
  material: StudyMaterial,
  engine: EngineId,
): Generator<void, CompiledStudy, void> {
  if (config.problem === 'twin') return yield* compileTwinProblem(config, material, engine)
  const compiled = yield* compile(new GraphBuilder(config, material, engine))
  assertGoldIsEvidence(compiled.nodes, (method) => methodNeeds(config, method).easyHard === 'oracle')
  return compiled
}

/** The stages that a node reads, each once. */
export function dependenciesOf(node: Pick<StageNode, 'inputs'>): readonly StageKey[] {
  const keys = new Set<StageKey>()
  for (const input of Object.values(node.inputs)) if ('stage' in input) keys.add(input.stage)
  return [...keys]
}

function* compile(graph: GraphBuilder): Generator<void, CompiledStudy, void> {
  const { config } = graph
  if (config.seeds.some((seed) => config.goldSeeds.includes(seed))) {
    throw new AppError('internal', 'The golds of a study share a seed with its runs.')
  }
  const golds = config.goldSeeds.map((seed, number) => addGold(graph, seed, number))
  const seeds = config.seeds.map((seed) => addSeed(graph, seed))
  yield
  const runs: CompiledRun[] = []
  if (config.methods.includes(goldMethod)) {
    for (const gold of golds) runs.push(goldRun(graph, gold, golds, seeds[0]))
  }
  for (const seed of seeds) {
    // The control first: the TMU family is compared with it, pair by pair.
    const control = config.methods.includes(controlMethod)
      ? addUnlearning(graph, controlMethod, seed, (method) => addLabels(graph, method, seed, golds))
      : null
    for (const method of config.methods) {
      if (method === goldMethod) continue
      runs.push(method === noneMethod ? noneRun(graph, seed, golds) : methodRun(graph, method, seed, golds, control))
    }
    yield
  }
  return { nodes: graph.nodes, runs }
}

function goldRun(graph: GraphBuilder, gold: GoldStages, golds: readonly GoldStages[], seed: SeedStages): CompiledRun {
  const others = golds.map((other) => (other === gold ? null : other))
  const evaluate = addEvaluation(graph, seed, {
    outcome: gold.outcome,
    label: `gold ${golds.indexOf(gold)}`,
    golds: others,
    control: null,
  })
  return run(goldMethod, gold.seed, evaluate, outputOf(gold.train, 'weights'))
}

/** Doing nothing: the original itself, scored as if it had unlearned. */
function noneRun(graph: GraphBuilder, seed: SeedStages, golds: readonly GoldStages[]): CompiledRun {
  const label = `${noneMethod}${seed.suffix}`
  const evaluate = addEvaluation(graph, seed, { outcome: seed.originalOutcome, label, golds, control: null })
  return run(noneMethod, seed.seed, evaluate, outputOf(seed.original, 'weights'))
}

function methodRun(
  graph: GraphBuilder,
  method: string,
  seed: SeedStages,
  golds: readonly GoldStages[],
  control: Unlearning | null,
): CompiledRun {
  const { unlearn, outcome, labelling } = addUnlearning(graph, method, seed, (id) => addLabels(graph, id, seed, golds))
  const isOracle = labelling?.labels.kind === 'oracle-label'
  const evaluate = addEvaluation(graph, seed, {
    outcome,
    label: `${method}${seed.suffix}`,
    // Gold 0 gave the oracle its labels, so it can't also be its judge.
    golds: golds.map((gold, number) => (isOracle && number === 0 ? null : gold)),
    control: methodOf(method).family === 'tmu' ? (control?.outcome ?? null) : null,
  })
  return {
    ...run(method, seed.seed, evaluate, outputOf(unlearn, 'weights')),
    labels: labelling?.labels.key ?? null,
    twin: labelling?.twin ?? null,
  }
}

function run(method: string, seed: number, evaluate: StageNode<'evaluate'>, model: StageOutput): CompiledRun {
  return { method, seed, evaluate: evaluate.key, model, labels: null, twin: null }
}
