/** From a study to its stages: what must be computed, from what, and for which run. No I/O. */
import type { StageNode } from '#main/compute/stages.ts'
import type { AttackPlan } from '#shared/domain/attack.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import { baseMethodOf } from '#shared/domain/method-variant.ts'
import type { StudyConfig } from '#shared/domain/study.ts'
import { AppError } from '#shared/errors.ts'
import type { StageKey } from '#shared/ids.ts'
import { guardSteps } from './gold-guard.ts'
import { addAttacks } from './graph/attacks.ts'
import { addGold, addSeed, type GoldStages, type SeedStages } from './graph/base-models.ts'
import { type CompiledRun, type CompiledStudy, controlMethod, goldMethod, noneMethod } from './graph/compiled-study.ts'
import { controlMismatch, controlReasons } from './graph/control-match.ts'
import { addEvaluation } from './graph/evaluation.ts'
import { GraphBuilder, outputOf, type StudyMaterial } from './graph/graph-builder.ts'
import { addLabels } from './graph/labelling.ts'
import { methodNeeds } from './graph/method-settings.ts'
import { compileTwinProblem } from './graph/twin-problem.ts'
import { addUnlearning, type Unlearning } from './graph/unlearning.ts'

export type { CompiledRun, CompiledStudy } from './graph/compiled-study.ts'
export { goldMethod, noneMethod } from './graph/compiled-study.ts'

/**
 * All stages of a study with their keys, before anything ran. Golds are shared by every run; within a seed the
 * original, the twin and equal feature sets are.
 * @throws AppError `internal` when a method or the twin problem could learn from a gold.
 */
export function compileStudy(
  config: StudyConfig,
  material: StudyMaterial,
  engine: EngineId,
  attacks: AttackPlan | null = null,
): CompiledStudy {
  const steps = compilationSteps(config, material, engine, attacks)
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** `compileStudy` in steps of a millisecond or less: thousands of stages must not hold up everybody else. */
export function* compilationSteps(
  config: StudyConfig,
  material: StudyMaterial,
  engine: EngineId,
  attacks: AttackPlan | null = null,
): Generator<void, CompiledStudy, void> {
  if (config.problem === 'twin') return yield* compileTwinProblem(config, material, engine)
  const compiled = yield* compile(new GraphBuilder(config, material, engine), attacks)
  yield* guardSteps(compiled.nodes, (method) => methodNeeds(config, method).easyHard === 'oracle')
  return compiled
}

/** The stages that a node reads, each once. */
export function dependenciesOf(node: Pick<StageNode, 'inputs'>): readonly StageKey[] {
  const keys = new Set<StageKey>()
  for (const input of Object.values(node.inputs)) if ('stage' in input) keys.add(input.stage)
  return [...keys]
}

function* compile(graph: GraphBuilder, plan: AttackPlan | null): Generator<void, CompiledStudy, void> {
  const { config } = graph
  if (config.seeds.some((seed) => config.goldSeeds.includes(seed))) {
    throw new AppError('internal', 'The golds of a study share a seed with its runs.')
  }
  const golds = config.goldSeeds.map((seed, number) => addGold(graph, seed, number))
  const seeds: SeedStages[] = []
  for (const seed of config.seeds) {
    seeds.push(addSeed(graph, seed))
    yield
  }
  const runs: CompiledRun[] = []
  if (config.methods.includes(goldMethod)) {
    for (const gold of golds) runs.push(goldRun(graph, gold, golds, seeds[0]))
  }
  for (const seed of seeds) {
    // The controls first: what has their number of hard labels is compared with them, pair by pair.
    const controls = config.methods
      .filter((method) => baseMethodOf(method) === controlMethod)
      .map((control) => addUnlearning(graph, control, seed, (method) => addLabels(graph, method, seed, golds)))
    for (const method of config.methods) {
      if (method === goldMethod) continue
      runs.push(method === noneMethod ? noneRun(graph, seed, golds) : methodRun(graph, method, seed, golds, controls))
    }
    yield
  }
  const attacks = plan === null ? [] : yield* addAttacks(graph, plan, { golds, seeds, runs })
  return { nodes: graph.nodes, runs, attacks }
}

function goldRun(graph: GraphBuilder, gold: GoldStages, golds: readonly GoldStages[], seed: SeedStages): CompiledRun {
  const others = golds.map((other) => (other === gold ? null : other))
  const evaluate = addEvaluation(graph, seed, {
    outcome: gold.outcome,
    label: `gold ${golds.indexOf(gold)}`,
    golds: others,
    control: null,
  })
  const about = { method: goldMethod, seed: gold.seed, model: outputOf(gold.train, 'weights') }
  return run({ ...about, judges: numbersOf(others) }, evaluate, gold.outcome)
}

/** Doing nothing: the original itself, scored as if it had unlearned. */
function noneRun(graph: GraphBuilder, seed: SeedStages, golds: readonly GoldStages[]): CompiledRun {
  const label = `${noneMethod}${seed.suffix}`
  const evaluate = addEvaluation(graph, seed, { outcome: seed.originalOutcome, label, golds, control: null })
  const about = { method: noneMethod, seed: seed.seed, model: outputOf(seed.original, 'weights') }
  return run({ ...about, judges: numbersOf(golds) }, evaluate, seed.originalOutcome)
}

function methodRun(
  graph: GraphBuilder,
  method: string,
  seed: SeedStages,
  golds: readonly GoldStages[],
  controls: readonly Unlearning[],
): CompiledRun {
  const own = addUnlearning(graph, method, seed, (id) => addLabels(graph, id, seed, golds))
  const { unlearn, outcome, labelling } = own
  const control = controls.find((candidate) => controlMismatch(method, own, candidate) === null) ?? null
  const isOracle = labelling?.labels.kind === 'oracle-label'
  // Gold 0 gave the oracle its labels, so it can't also be its judge.
  const judges = golds.map((gold, number) => (isOracle && number === 0 ? null : gold))
  const evaluate = addEvaluation(graph, seed, {
    outcome,
    label: `${method}${seed.suffix}`,
    golds: judges,
    control: control?.outcome ?? null,
  })
  return {
    ...run(
      { method, seed: seed.seed, model: outputOf(unlearn, 'weights'), judges: numbersOf(judges) },
      evaluate,
      outcome,
    ),
    labels: labelling?.labels.key ?? null,
    twin: labelling?.twin ?? null,
    uncontrolled: control === null ? controlMismatch(method, own, controls.at(0) ?? null) : null,
  }
}

/** `judges` are the numbers of the golds that it is measured by. */
function run(
  about: Pick<CompiledRun, 'method' | 'seed' | 'model' | 'judges'>,
  evaluate: StageNode<'evaluate'>,
  outcome: StageNode<'predict'>,
): CompiledRun {
  return {
    ...about,
    evaluate: evaluate.key,
    outcome: outputOf(outcome, 'outcome'),
    labels: null,
    twin: null,
    uncontrolled: controlReasons.noLabels,
  }
}

function numbersOf(golds: readonly (GoldStages | null)[]): readonly number[] {
  return golds.flatMap((gold, number) => (gold === null ? [] : [number]))
}
