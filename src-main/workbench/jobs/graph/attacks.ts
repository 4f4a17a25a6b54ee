/** The stages of a study's attacks: evidence about its runs and methods, which none of them reads. */

import { attackParams } from '#main/compute/attacks.ts'
import { methodOf } from '#main/compute/methods.ts'
import type { StageInput, StageNode } from '#main/compute/stages.ts'
import type { AttackId, AttackPlan } from '#shared/domain/attack.ts'
import { AppError } from '#shared/errors.ts'
import type { StageKey } from '#shared/ids.ts'
import type { ShadowLists } from '../sample-lists.ts'
import type { GoldStages, SeedStages } from './base-models.ts'
import { addGold } from './base-models.ts'
import type { CompiledAttack, CompiledRun } from './compiled-study.ts'
import { bootstrapDraws, bootstrapSeed } from './evaluation.ts'
import { type GraphBuilder, type InputsOf, outputOf, type StageOutput, setOf } from './graph-builder.ts'
import { addLabels, referenceTmuMethod } from './labelling.ts'
import { methodNeeds } from './method-settings.ts'
import { addUnlearnStage } from './unlearning.ts'

/** What there is to attack. */
export interface AttackedStudy {
  readonly golds: readonly GoldStages[]
  readonly seeds: readonly SeedStages[]
  readonly runs: readonly CompiledRun[]
}

/** Epochs of shadow models that are kept: an attack on methods that is added later finds the usual ones. */
const keptOfShadows: readonly number[] = [2, 4]
/** Apart from the seeds of runs (from 1) and golds (from 1001). */
const firstRepeatSeed = 2001
const firstShadowSeed = 3001

interface ShadowStages {
  readonly train: StageNode<'train-shadow'>
  /** Predictions on F and the non-members. */
  readonly outcome: StageNode<'predict'>
  readonly members: StageInput
  readonly number: number
}

export function* addAttacks(
  graph: GraphBuilder,
  plan: AttackPlan,
  study: AttackedStudy,
): Generator<void, readonly CompiledAttack[], void> {
  const compiled: CompiledAttack[] = []
  const lists = graph.lists.shadows
  const shadows = lists === undefined ? [] : addShadows(graph, lists)
  const builder = new AttackBuilder(graph, plan, study, shadows)
  for (const attack of plan.attacks) {
    if (attack === 'ulira' || attack === 'klom' || attack === 'forgetting-quality') {
      for (const method of attackableMethods(graph, attack)) {
        compiled.push({ attack, method, seed: null, stage: builder.onMethod(attack, method).key })
        yield
      }
      continue
    }
    for (const run of study.runs) {
      compiled.push({ attack, method: run.method, seed: run.seed, stage: builder.onRun(attack, run).key })
    }
    yield
  }
  return compiled
}

/**
 * Methods that make models of their own without a gold. Doing nothing is attacked by U-LiRA, too, since the shadow
 * models themselves are its results; further originals for the others would cost a training each.
 */
function attackableMethods(graph: GraphBuilder, attack: 'ulira' | 'klom' | 'forgetting-quality'): readonly string[] {
  return graph.config.methods.filter((method) => {
    if (methodNeeds(graph.config, method).easyHard === 'oracle') return false
    return methodOf(method).run !== null || (attack === 'ulira' && method === 'none')
  })
}

function addShadows(graph: GraphBuilder, { audit, halves }: ShadowLists): readonly ShadowStages[] {
  if (audit.count === 0) return []
  const { data, config, images, labels, lists } = graph
  const { architecture, recipe } = config
  const keepEpochs = keptOfShadows.filter((epoch) => epoch <= recipe.epochs)
  return halves.map(({ members }, number) => {
    const about = { seed: firstShadowSeed + number, scope: 'evidence', label: `shadow ${number}` } as const
    const input = { object: members.object }
    const train = graph.add(
      'train-shadow',
      about,
      { data, architecture, recipe, keepEpochs },
      { images, labels, members: input },
    )
    const outcome = graph.add(
      'predict',
      about,
      { data, architecture, featureSets: [] },
      {
        images,
        model: outputOf(train, 'weights'),
        forget: { object: lists.forget.object },
        evaluation: { object: audit.object },
      },
    )
    return { train, outcome, members: input, number }
  })
}

class AttackBuilder {
  readonly #graph: GraphBuilder
  readonly #plan: AttackPlan
  readonly #study: AttackedStudy
  readonly #shadows: readonly ShadowStages[]

  constructor(graph: GraphBuilder, plan: AttackPlan, study: AttackedStudy, shadows: readonly ShadowStages[]) {
    this.#graph = graph
    this.#plan = plan
    this.#study = study
    this.#shadows = shadows
  }

  onRun(
    attack: Exclude<AttackId, 'ulira' | 'klom' | 'forgetting-quality'>,
    run: CompiledRun,
  ): StageNode<'attack'> | StageNode<'cka'> {
    const { lists, labels } = this.#graph
    const name = this.#nameOf(run)
    const judges = run.judges.map((number) => this.#study.golds[number])
    const { original, originalOutcome } = this.#seedOf(run)
    const forget = { object: lists.forget.object }
    const common: InputsOf<'attack'> = { labels, forget, ...this.#truth(run) }
    switch (attack) {
      case 'population':
      case 'streisand': {
        const inputs: InputsOf<'attack'> = {
          ...common,
          ...setOf('evaluation', lists.evaluation),
          target: run.outcome,
        }
        if (attack === 'streisand') {
          for (const [i, gold] of judges.entries()) inputs[`gold${i}`] = outputOf(gold.outcome, 'outcome')
        }
        return this.#attack(attack, name, inputs)
      }
      case 'lira':
      case 'rmia': {
        const wanted =
          attack === 'rmia' ? attackParams.rmia.parse(this.#options('rmia')).references : this.#plan.shadows
        return this.#attack(attack, name, {
          ...common,
          ...this.#audit(),
          target: run.outcome,
          ...shadowInputs(this.#shadows.slice(0, wanted)),
        })
      }
      case 'relearn': {
        const inputs: InputsOf<'attack'> = {
          ...common,
          target: this.#relearned(run.model, name),
          original: outputOf(originalOutcome, 'outcome'),
        }
        for (const [i, gold] of judges.entries()) {
          inputs[`gold${i}`] = this.#relearned(outputOf(gold.train, 'weights'), gold.outcome.label)
        }
        return this.#attack(attack, name, inputs)
      }
      case 'weights': {
        const inputs: InputsOf<'attack'> = {
          labels,
          forget,
          target: run.model,
          original: outputOf(original, 'weights'),
        }
        for (const [i, gold] of judges.entries()) inputs[`gold${i}`] = outputOf(gold.train, 'weights')
        return this.#attack(attack, name, inputs)
      }
      case 'cka': {
        const { samples } = attackParams.cka.parse(this.#options('cka'))
        const inputs: InputsOf<'cka'> = {
          images: this.#graph.images,
          ...common,
          ...setOf('evaluation', lists.evaluation),
          model: run.model,
        }
        for (const [i, gold] of judges.entries()) inputs[`gold${i}`] = outputOf(gold.train, 'weights')
        const { data, config } = this.#graph
        return this.#graph.add(
          'cka',
          { seed: bootstrapSeed, scope: 'evidence', label: `cka of ${name}` },
          { data, architecture: config.architecture, samples, draws: bootstrapDraws },
          inputs,
        )
      }
    }
  }

  onMethod(attack: 'ulira' | 'klom' | 'forgetting-quality', method: string): StageNode<'attack'> {
    const { lists, labels } = this.#graph
    const run = this.#study.runs.find((candidate) => candidate.method === method)
    if (run === undefined) throw new AppError('internal', `The study has no run of ${method} to attack.`)
    const inputs: InputsOf<'attack'> = { labels, forget: { object: lists.forget.object }, ...this.#truth(run) }
    if (attack === 'ulira') {
      for (const shadow of this.#shadows) {
        const unlearned = this.#unlearnedShadow(method, shadow)
        if (unlearned === null) continue
        inputs[`unlearned${shadow.number}`] = unlearned
        inputs[`members${shadow.number}`] = shadow.members
      }
      return this.#attack(attack, method, inputs)
    }
    Object.assign(inputs, setOf('retain', lists.retainSample), setOf('evaluation', lists.evaluation))
    for (let number = 0; number < this.#plan.models; number++) {
      inputs[`gold${number}`] = outputOf(this.#gold(number).outcome, 'outcome')
      inputs[`unlearned${number}`] = this.#repeated(method, number)
    }
    return this.#attack(attack, method, inputs)
  }

  /**
   * What the method makes of a shadow model when it forgets that model's share of F. One with none of F is a model that
   * never saw it, as Hayes et al. 2024 compare with: its own predictions. Null where nothing would be retained.
   */
  #unlearnedShadow(method: string, shadow: ShadowStages): StageOutput | null {
    if (method === 'none') return outputOf(shadow.outcome, 'outcome')
    const half = this.#graph.lists.shadows?.halves[shadow.number]
    if (half === undefined || half.retain.count === 0) return null
    if (half.forget.count === 0) return outputOf(shadow.outcome, 'outcome')
    const suffix = `, shadow ${shadow.number}`
    const { train } = shadow
    const stages = { seed: train.seed, original: train, checkpoints: train, suffix }
    const graph = this.#graph.ofShadow(half)
    const { unlearn } = addUnlearnStage(graph, method, stages, (id) => addLabels(graph, id, stages, []))
    const { data, config, images, lists } = this.#graph
    const outcome = this.#graph.add(
      'predict',
      { seed: unlearn.seed, scope: 'evidence', label: `${method}${suffix}` },
      { data, architecture: config.architecture, featureSets: [] },
      { images, model: outputOf(unlearn, 'weights'), forget: { object: lists.forget.object } },
    )
    return outputOf(outcome, 'outcome')
  }

  /** A gold of the study, or one more. */
  #gold(number: number): GoldStages {
    const { golds } = this.#study
    const own = golds[number]
    if (own !== undefined) return own
    const seed = Math.max(...golds.map((gold) => gold.seed)) + 1 + number - golds.length
    return addGold(this.#graph, seed, number)
  }

  /**
   * Several models of one method: the study's own runs first, then unlearning again from the same originals in another
   * order, as in the NeurIPS 2023 challenge: it costs no further original.
   */
  #repeated(method: string, number: number): StageOutput {
    const { runs, seeds, golds } = this.#study
    const ofMethod = runs.filter((run) => run.method === method)
    const own = ofMethod[number]
    if (own !== undefined) return own.outcome
    const stages = seeds[number % seeds.length]
    const label = `${method}, repeat ${number}`
    const repeat = { seed: firstRepeatSeed + number, label }
    const labelsFor = (id: string) => addLabels(this.#graph, id, stages, golds)
    const { unlearn } = addUnlearnStage(this.#graph, method, stages, labelsFor, repeat)
    return outputOf(this.#graph.predict(unlearn, unlearn.seed, label), 'outcome')
  }

  #relearned(model: StageOutput, name: string): StageOutput {
    const { data, config, images, labels, lists } = this.#graph
    const { optimizer, lr, batchSize, steps } = attackParams.relearn.parse(this.#options('relearn'))
    const node = this.#graph.add(
      'relearn',
      // One seed for all: equal models take equal steps.
      { seed: bootstrapSeed, scope: 'evidence', label: `${name} relearns` },
      { data, architecture: config.architecture, optimizer, lr, batchSize, steps },
      { images, labels, forget: { object: lists.forget.object }, model },
    )
    return outputOf(node, 'relearning')
  }

  #attack(attack: Exclude<AttackId, 'cka'>, name: string, inputs: InputsOf<'attack'>): StageNode<'attack'> {
    return this.#graph.add(
      'attack',
      { seed: bootstrapSeed, scope: 'evidence', label: `${attack} on ${name}` },
      {
        attack,
        classCount: this.#graph.data.classCount,
        draws: bootstrapDraws,
        options: this.#options(attack),
      },
      inputs,
    )
  }

  /** What the golds make of F, and what the run (or `tmu` of its seed) predicted: for the parts of F. */
  #truth(run: CompiledRun): InputsOf<'attack'> {
    const inputs: InputsOf<'attack'> = {}
    for (const [i, number] of run.judges.entries()) {
      inputs[`truth${i}`] = outputOf(this.#study.golds[number].outcome, 'outcome')
    }
    const labels = run.labels ?? this.#predictedLabels(run)
    // The oracle's labels are a gold's: its true parts say as much.
    const isOracle = methodNeeds(this.#graph.config, run.method).easyHard === 'oracle'
    if (labels !== null && !isOracle) inputs.easyHard = { stage: labels, output: 'labels' }
    return inputs
  }

  #predictedLabels(run: CompiledRun): StageKey | null {
    const { seed } = this.#seedOf(run)
    const { runs } = this.#study
    return runs.find((other) => other.method === referenceTmuMethod && other.seed === seed)?.labels ?? null
  }

  /** A gold goes with the first seed, as in its evaluation. */
  #seedOf({ seed }: Pick<CompiledRun, 'seed'>): SeedStages {
    const { seeds } = this.#study
    return seeds.find((stages) => stages.seed === seed) ?? seeds[0]
  }

  #nameOf({ method, seed }: CompiledRun): string {
    const gold = this.#study.golds.findIndex((stages) => stages.seed === seed)
    if (gold >= 0) return `gold ${gold}`
    return `${method}${this.#seedOf({ seed }).suffix}`
  }

  #audit(): InputsOf<'attack'> {
    const audit = this.#graph.lists.shadows?.audit
    return audit === undefined || audit.count === 0 ? {} : { audit: { object: audit.object } }
  }

  #options(attack: AttackId): Readonly<Record<string, unknown>> {
    return this.#plan.options[attack] ?? attackParams[attack].parse({})
  }
}

function shadowInputs(shadows: readonly ShadowStages[]): InputsOf<'attack'> {
  const inputs: InputsOf<'attack'> = {}
  for (const { number, outcome, members } of shadows) {
    inputs[`shadow${number}`] = outputOf(outcome, 'outcome')
    inputs[`members${number}`] = members
  }
  return inputs
}
