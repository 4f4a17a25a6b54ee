/** From a study to its stages: what must be computed, from what, and for which run. No I/O. */
import { type MethodParams, methodOf, parseMethodOptions } from '#main/compute/methods.ts'
import {
  type DataParams,
  type StageInput,
  type StageNode,
  type StageTypes,
  stageVersions,
} from '#main/compute/stages.ts'
import type { Dataset, Split } from '#shared/domain/dataset.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import type { CostScope, StageKind } from '#shared/domain/stage.ts'
import type { StudyConfig } from '#shared/domain/study.ts'
import { AppError } from '#shared/errors.ts'
import type { StageKey } from '#shared/ids.ts'
import { assertGoldIsEvidence } from './gold-guard.ts'
import type { SampleList, SampleLists } from './sample-lists.ts'
import { stageKeyOf } from './stage-key.ts'

/** Epochs of M_o that are always kept, so that studies with other methods still share the original. */
export const alwaysKeptEpochs: readonly number[] = [1, 2, 3, 4, 6, 8]
export const bootstrapDraws = 1000
/** One for all: every model is resampled alike, and an outcome file gives the same intervals again. */
export const bootstrapSeed = 1
/** The method whose predicted labels the controls without features of their own are matched to. */
export const referenceTmuMethod = 'tmu'
export const goldMethod = 'gold'
export const noneMethod = 'none'
export const controlMethod = 'count-matched-random'

export interface StudyMaterial {
  readonly dataset: Dataset
  readonly split: Split
  readonly lists: SampleLists
}

/** An output of a stage. */
export interface StageOutput {
  readonly stage: StageKey
  readonly output: string
}

/** The twin problem behind a run's labels. */
export interface TwinLineage {
  readonly twinFeatures: StageKey
  readonly twinOutcome: StageKey
  readonly forgetFeatures: StageKey
  readonly predictor: StageKey
  readonly threshold: number
}

/** One row of the study's table, and the stages that make it. */
export interface CompiledRun {
  readonly method: string
  readonly seed: number
  readonly evaluate: StageKey
  /** Weights of the model that this run is about. */
  readonly model: StageOutput
  /** The easy/hard labels it unlearned with. */
  readonly labels: StageKey | null
  readonly twin: TwinLineage | null
}

export interface CompiledStudy {
  /** Every stage after all that it reads. */
  readonly nodes: readonly StageNode[]
  readonly runs: readonly CompiledRun[]
}

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
  const compiled = yield* new StudyCompiler(config, material, engine).compile()
  assertGoldIsEvidence(
    compiled.nodes,
    (method) => methodOf(method).needs(paramsOf(config, method)).easyHard === 'oracle',
  )
  return compiled
}

/** The stages that a node reads, each once. */
export function dependenciesOf(node: Pick<StageNode, 'inputs'>): readonly StageKey[] {
  const keys = new Set<StageKey>()
  for (const input of Object.values(node.inputs)) if ('stage' in input) keys.add(input.stage)
  return [...keys]
}

/** A method's parameters in this study; those of a method outside it are its defaults. */
export function paramsOf(config: StudyConfig, method: string): MethodParams {
  return config.methodParams[method] ?? parseMethodOptions(method, {})
}

interface SeedStages {
  readonly seed: number
  readonly original: StageNode<'train-original'>
  readonly originalOutcome: StageNode<'predict'>
  readonly initialOutcome: StageNode<'predict'>
  readonly suffix: string
}

interface GoldStages {
  readonly seed: number
  readonly train: StageNode<'train-gold'>
  readonly outcome: StageNode<'predict'>
}

interface Labelling {
  readonly labels: StageNode<'label'> | StageNode<'oracle-label'>
  readonly twin: TwinLineage | null
}

type InputsOf<K extends StageKind> = Partial<Record<StageTypes[K]['inputs'] & string, StageInput>>

class StudyCompiler {
  readonly #config: StudyConfig
  readonly #material: StudyMaterial
  readonly #engine: EngineId
  readonly #nodes = new Map<StageKey, StageNode>()
  readonly #data: DataParams
  readonly #images: StageInput
  readonly #labels: StageInput

  constructor(config: StudyConfig, material: StudyMaterial, engine: EngineId) {
    this.#config = config
    this.#material = material
    this.#engine = engine
    const { dataset, split } = material
    const [height, width, channels] = dataset.shape
    this.#data = { height, width, channels, classCount: dataset.classes.length, normalisation: split.normalisation }
    this.#images = { object: dataset.images }
    this.#labels = { object: dataset.labels }
  }

  *compile(): Generator<void, CompiledStudy, void> {
    const config = this.#config
    if (config.seeds.some((seed) => config.goldSeeds.includes(seed))) {
      throw new AppError('internal', 'The golds of a study share a seed with its runs.')
    }
    const golds = config.goldSeeds.map((seed, number) => this.#gold(seed, number))
    const seeds = config.seeds.map((seed) => this.#seed(seed))
    yield
    const runs: CompiledRun[] = []
    if (config.methods.includes(goldMethod)) {
      for (const gold of golds) runs.push(this.#goldRun(gold, golds, seeds[0]))
    }
    for (const seed of seeds) {
      // The control first: the TMU family is compared with it, pair by pair.
      const control = config.methods.includes(controlMethod) ? this.#unlearn(controlMethod, seed, golds) : null
      for (const method of config.methods) {
        if (method === goldMethod) continue
        runs.push(method === noneMethod ? this.#noneRun(seed, golds) : this.#methodRun(method, seed, golds, control))
      }
      yield
    }
    return { nodes: [...this.#nodes.values()], runs }
  }

  #gold(seed: number, number: number): GoldStages {
    const { architecture, recipe } = this.#config
    const label = `gold ${number}`
    const train = this.#add(
      'train-gold',
      seed,
      'evidence',
      label,
      { data: this.#data, architecture, recipe },
      {
        images: this.#images,
        labels: this.#labels,
        retain: { object: this.#material.lists.retain.object },
      },
    )
    return { seed, train, outcome: this.#predict(train, 'weights', seed, label) }
  }

  #seed(seed: number): SeedStages {
    const { architecture, recipe, seeds } = this.#config
    const suffix = seeds.length > 1 ? `, seed ${seed}` : ''
    const original = this.#add(
      'train-original',
      seed,
      'dataset',
      `original${suffix}`,
      { data: this.#data, architecture, recipe, keepEpochs: this.#keptEpochs() },
      { images: this.#images, labels: this.#labels, members: { object: this.#material.split.members } },
    )
    const initial = this.#add(
      'random-init',
      seed,
      'evidence',
      `untrained${suffix}`,
      { data: this.#data, architecture },
      {},
    )
    const initialOutcome = this.#add(
      'predict',
      seed,
      'evidence',
      `untrained${suffix}`,
      { data: this.#data, architecture, featureSets: [] },
      {
        images: this.#images,
        model: outputOf(initial, 'weights'),
        forget: { object: this.#material.lists.forget.object },
      },
    )
    const originalOutcome = this.#predict(original, 'weights', seed, `original${suffix}`)
    return { seed, original, originalOutcome, initialOutcome, suffix }
  }

  #keptEpochs(): readonly number[] {
    const config = this.#config
    const epochs = new Set([...alwaysKeptEpochs, config.earlyEpoch].filter((epoch) => epoch <= config.recipe.epochs))
    for (const method of config.methods) {
      for (const epoch of methodOf(method).needs(paramsOf(config, method)).epochs ?? []) {
        epochs.add(epoch)
      }
    }
    return [...epochs].sort((a, b) => a - b)
  }

  #goldRun(gold: GoldStages, golds: readonly GoldStages[], seed: SeedStages): CompiledRun {
    const others = golds.map((other) => (other === gold ? null : other))
    const number = golds.indexOf(gold)
    const evaluate = this.#evaluate(gold.outcome, `gold ${number}`, seed, others, null)
    return run(goldMethod, gold.seed, evaluate, outputOf(gold.train, 'weights'))
  }

  /** Doing nothing: the original itself, scored as if it had unlearned. */
  #noneRun(seed: SeedStages, golds: readonly GoldStages[]): CompiledRun {
    const evaluate = this.#evaluate(seed.originalOutcome, `${noneMethod}${seed.suffix}`, seed, golds, null)
    return run(noneMethod, seed.seed, evaluate, outputOf(seed.original, 'weights'))
  }

  #methodRun(
    method: string,
    seed: SeedStages,
    golds: readonly GoldStages[],
    control: { readonly outcome: StageNode<'predict'> } | null,
  ): CompiledRun {
    const { unlearn, outcome, labelling } = this.#unlearn(method, seed, golds)
    const definition = methodOf(method)
    const isOracle = labelling?.labels.kind === 'oracle-label'
    // Gold 0 gave the oracle its labels, so it can't also be its judge.
    const judges = golds.map((gold, number) => (isOracle && number === 0 ? null : gold))
    const rival = definition.family === 'tmu' ? (control?.outcome ?? null) : null
    const evaluate = this.#evaluate(outcome, `${method}${seed.suffix}`, seed, judges, rival)
    return {
      ...run(method, seed.seed, evaluate, outputOf(unlearn, 'weights')),
      labels: labelling?.labels.key ?? null,
      twin: labelling?.twin ?? null,
    }
  }

  #unlearn(
    method: string,
    seed: SeedStages,
    golds: readonly GoldStages[],
  ): {
    readonly unlearn: StageNode<'unlearn'>
    readonly outcome: StageNode<'predict'>
    readonly labelling: Labelling | null
  } {
    const { architecture, recipe } = this.#config
    const { lists } = this.#material
    const options = paramsOf(this.#config, method)
    const definition = methodOf(method)
    const needs = definition.needs(options)
    const labelling = needs.easyHard === undefined ? null : this.#labelling(method, seed, golds)
    const inputs: InputsOf<'unlearn'> = {
      images: this.#images,
      labels: this.#labels,
      forget: { object: lists.forget.object },
      retain: { object: lists.retain.object },
      original: outputOf(seed.original, 'weights'),
    }
    if (labelling !== null) inputs.easyHard = outputOf(labelling.labels, 'labels')
    if (needs.twin === true) {
      inputs.twin = { object: lists.twin.object }
      inputs.twinModel = outputOf(this.#twin(seed), 'weights')
    }
    for (const epoch of needs.epochs ?? []) inputs[`epoch-${epoch}`] = outputOf(seed.original, `epoch-${epoch}`)
    const label = `${method}${seed.suffix}`
    const unlearn = this.#add(
      'unlearn',
      seed.seed,
      'request',
      label,
      { data: this.#data, architecture, recipe, method, options },
      inputs,
    )
    return { unlearn, outcome: this.#predict(unlearn, 'weights', seed.seed, label), labelling }
  }

  #labelling(method: string, seed: SeedStages, golds: readonly GoldStages[]): Labelling {
    const { lists } = this.#material
    const source = methodOf(method).needs(paramsOf(this.#config, method)).easyHard
    const forget: StageInput = { object: lists.forget.object }
    const label = `${source ?? 'no'} labels${seed.suffix}`
    switch (source) {
      case 'all-easy':
      case 'all-hard': {
        const params = { rule: source, threshold: 0.5 } as const
        return { labels: this.#add('label', seed.seed, 'request', label, params, { forget }), twin: null }
      }
      case 'oracle': {
        const [gold] = golds
        const inputs = { forget, labels: this.#labels, goldOutcome: outputOf(gold.outcome, 'outcome') }
        return { labels: this.#add('oracle-label', gold.seed, 'evidence', 'oracle labels', {}, inputs), twin: null }
      }
      case 'predicted':
      case 'predicted-faithful':
        return this.#predictedLabels(method, seed, label)
      case 'cf-quantile': {
        const twin = this.#twinLineage(this.#featureMethod(method), seed)
        const inputs = {
          forget,
          predictor: { stage: twin.predictor, output: 'predictor' },
          features: { stage: twin.forgetFeatures, output: 'features' },
        }
        const params = { rule: source, threshold: twin.threshold } as const
        return { labels: this.#add('label', seed.seed, 'request', label, params, inputs), twin }
      }
      case 'count-matched-random': {
        const matched = this.#predictedLabels(this.#featureMethod(method), seed, `predicted labels${seed.suffix}`)
        const inputs = { forget, predicted: outputOf(matched.labels, 'labels') }
        const params = { rule: source, threshold: matched.twin?.threshold ?? 0.5 } as const
        return { labels: this.#add('label', seed.seed, 'request', label, params, inputs), twin: matched.twin }
      }
      case undefined:
        throw new AppError('internal', `The method ${method} unlearns with no easy and hard labels.`)
    }
  }

  #predictedLabels(method: string, seed: SeedStages, label: string): Labelling {
    const twin = this.#twinLineage(method, seed)
    const inputs = {
      forget: { object: this.#material.lists.forget.object },
      predictor: { stage: twin.predictor, output: 'predictor' },
      features: { stage: twin.forgetFeatures, output: 'features' },
    }
    const params = { rule: 'predicted', threshold: twin.threshold } as const
    return { labels: this.#add('label', seed.seed, 'request', label, params, inputs), twin }
  }

  /** Whose features a control reads that declares none of its own. */
  #featureMethod(method: string): string {
    return methodOf(method).features === undefined ? referenceTmuMethod : method
  }

  #twinLineage(method: string, seed: SeedStages): TwinLineage {
    const { architecture, earlyEpoch } = this.#config
    const { lists } = this.#material
    const settings = methodOf(method).features?.(paramsOf(this.#config, method))
    if (settings === undefined) {
      throw new AppError('internal', `The method ${method} predicts labels but names no features.`)
    }
    const {
      features,
      neighbours,
      epsilon,
      steps,
      pgdTarget,
      bounds,
      referenceUnderTwin,
      threshold,
      predictor: training,
    } = settings
    const twinModel = outputOf(this.#twin(seed), 'weights')
    const original = outputOf(seed.original, 'weights')
    const params = { data: this.#data, architecture, features, neighbours, epsilon, steps, pgdTarget }
    const common = {
      images: this.#images,
      labels: this.#labels,
      references: { object: lists.retain.object },
      early: outputOf(seed.original, `epoch-${earlyEpoch}`),
    }
    const twinFeatures = this.#add('features', seed.seed, 'request', `features of the twin${seed.suffix}`, params, {
      ...common,
      samples: { object: lists.twin.object },
      model: twinModel,
    })
    const forgetFeatures = this.#add('features', seed.seed, 'request', `features of F${seed.suffix}`, params, {
      ...common,
      samples: { object: lists.forget.object },
      model: original,
      ...(referenceUnderTwin ? { referenceModel: twinModel } : {}),
    })
    // Apart from the other predictions, so that it is shared by every forget set of the class.
    const twinOutcome = this.#add(
      'predict',
      seed.seed,
      'class',
      `original on the twin${seed.suffix}`,
      { data: this.#data, architecture, featureSets: [] },
      { images: this.#images, model: original, twin: { object: lists.twin.object } },
    )
    const predictor = this.#add(
      'fit-predictor',
      seed.seed,
      'request',
      `twin predictor${seed.suffix}`,
      { features, bounds, ...training },
      { twinFeatures: outputOf(twinFeatures, 'features'), twinOutcome: outputOf(twinOutcome, 'outcome') },
    )
    return {
      twinFeatures: twinFeatures.key,
      twinOutcome: twinOutcome.key,
      forgetFeatures: forgetFeatures.key,
      predictor: predictor.key,
      threshold,
    }
  }

  #twin(seed: SeedStages): StageNode<'train-twin'> {
    const { architecture, twinRecipe } = this.#config
    const params = { data: this.#data, architecture, recipe: twinRecipe }
    return this.#add('train-twin', seed.seed, 'class', `twin${seed.suffix}`, params, {
      images: this.#images,
      labels: this.#labels,
      members: { object: this.#material.split.members },
      twin: { object: this.#material.lists.twin.object },
      original: outputOf(seed.original, 'weights'),
    })
  }

  #predict(model: StageNode, output: string, seed: number, label: string): StageNode<'predict'> {
    const { lists } = this.#material
    const featureSets = lists.evaluation.count === 0 ? [] : (['evaluation'] as const)
    const params = { data: this.#data, architecture: this.#config.architecture, featureSets }
    return this.#add('predict', seed, 'evidence', label, params, {
      images: this.#images,
      model: outputOf(model, output),
      forget: { object: lists.forget.object },
      ...setOf('retain', lists.retainSample),
      ...setOf('evaluation', lists.evaluation),
    })
  }

  /** `golds` keep their numbers; a null is a gold that must not judge. */
  #evaluate(
    outcome: StageNode<'predict'>,
    label: string,
    { originalOutcome, initialOutcome }: SeedStages,
    golds: readonly (GoldStages | null)[],
    control: StageNode<'predict'> | null,
  ): StageNode<'evaluate'> {
    const { lists } = this.#material
    const inputs: InputsOf<'evaluate'> = {
      labels: this.#labels,
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
    const params = { draws: bootstrapDraws, classCount: this.#data.classCount }
    return this.#add('evaluate', bootstrapSeed, 'evidence', label, params, inputs)
  }

  #add<K extends StageKind>(
    kind: K,
    seed: number,
    scope: CostScope,
    label: string,
    params: StageTypes[K]['params'],
    inputs: InputsOf<K>,
  ): StageNode<K> {
    const given = inputs as Readonly<Record<string, StageInput>>
    const version = stageVersions[kind]
    const engine = this.#engine
    const key = stageKeyOf({ kind, version, params, seed, engine, inputs: given })
    const known = this.#nodes.get(key) as StageNode<K> | undefined
    if (known !== undefined) return known
    const node: StageNode<K> = { key, kind, version, params, seed, engine, inputs: given, label, scope }
    this.#nodes.set(key, node)
    return node
  }
}

function outputOf(node: StageNode, output: string): StageOutput {
  return { stage: node.key, output }
}

/** A set of samples to predict and measure on; an outcome names no empty one. */
function setOf<Name extends string>(name: Name, { object, count }: SampleList): Partial<Record<Name, StageInput>> {
  return count === 0 ? {} : ({ [name]: { object } } as Partial<Record<Name, StageInput>>)
}

function run(method: string, seed: number, evaluate: StageNode<'evaluate'>, model: StageOutput): CompiledRun {
  return { method, seed, evaluate: evaluate.key, model, labels: null, twin: null }
}
