/** What every part of a study's graph is built from: the study, and the nodes so far. */
import {
  type DataParams,
  type OutcomeSet,
  type StageInput,
  type StageNode,
  type StageTypes,
  stageVersions,
} from '#main/compute/stages.ts'
import type { Dataset, Split } from '#shared/domain/dataset.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import type { CostScope, StageKind } from '#shared/domain/stage.ts'
import type { StudyConfig } from '#shared/domain/study.ts'
import type { StageKey } from '#shared/ids.ts'
import type { SampleList, SampleLists, ShadowHalf } from '../sample-lists.ts'
import { stageKeyOf } from '../stage-key.ts'

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

export type InputsOf<K extends StageKind> = Partial<Record<StageTypes[K]['inputs'] & string, StageInput>>

/** Who pays for a node, and what people call it. */
export interface NodeAbout {
  readonly seed: number
  readonly scope: CostScope
  readonly label: string
}

interface AttackedProblem {
  readonly half: ShadowHalf
  readonly nodes: Map<StageKey, StageNode>
}

/** The nodes of one study for one engine; a node that is wanted again is the same one. */
export class GraphBuilder {
  readonly config: StudyConfig
  readonly lists: SampleLists
  readonly members: StageInput
  readonly data: DataParams
  readonly images: StageInput
  readonly labels: StageInput
  readonly #material: StudyMaterial
  readonly #engine: EngineId
  readonly #nodes: Map<StageKey, StageNode>
  /** Whatever is added here serves evidence, whoever adds it. */
  readonly #isEvidence: boolean

  constructor(config: StudyConfig, material: StudyMaterial, engine: EngineId, attacked?: AttackedProblem) {
    const { dataset, split, lists } = material
    this.config = config
    this.lists = attacked === undefined ? lists : { ...lists, ...attacked.half }
    this.#material = material
    this.#engine = engine
    this.#nodes = attacked?.nodes ?? new Map()
    this.#isEvidence = attacked !== undefined
    const [height, width, channels] = dataset.shape
    this.data = {
      height,
      width,
      channels,
      classCount: dataset.classes.length,
      normalisation: config.original?.normalisation ?? split.normalisation,
    }
    this.images = { object: dataset.images }
    this.labels = { object: dataset.labels }
    this.members = { object: attacked?.half.members.object ?? split.members }
  }

  /** The same study with a shadow model's half in the place of D and F: what an attack has a method unlearn. */
  ofShadow(half: ShadowHalf): GraphBuilder {
    return new GraphBuilder(this.config, this.#material, this.#engine, { half, nodes: this.#nodes })
  }

  /** Each after all that it reads. */
  get nodes(): readonly StageNode[] {
    return [...this.#nodes.values()]
  }

  add<K extends StageKind>(
    kind: K,
    { seed, scope, label }: NodeAbout,
    params: StageTypes[K]['params'],
    inputs: InputsOf<K>,
  ): StageNode<K> {
    const given = inputs as Readonly<Record<string, StageInput>>
    const version = stageVersions[kind]
    const engine = this.#engine
    const key = stageKeyOf({ kind, version, params, seed, engine, inputs: given })
    const known = this.#nodes.get(key) as StageNode<K> | undefined
    if (known !== undefined) return known
    const serves = this.#isEvidence ? 'evidence' : scope
    const node: StageNode<K> = { key, kind, version, params, seed, engine, inputs: given, label, scope: serves }
    this.#nodes.set(key, node)
    return node
  }

  /** A model on everything that figures are made of. */
  predict(model: StageNode, seed: number, label: string): StageNode<'predict'> {
    const { forget, retainSample, evaluation } = this.lists
    const featureSets = evaluation.count === 0 ? [] : (['evaluation'] as const)
    return this.add(
      'predict',
      { seed, scope: 'evidence', label },
      { data: this.data, architecture: this.config.architecture, featureSets },
      {
        images: this.images,
        model: outputOf(model, 'weights'),
        forget: { object: forget.object },
        ...setOf('retain', retainSample),
        ...setOf('evaluation', evaluation),
      },
    )
  }
}

export function outputOf(node: StageNode, output: string): StageOutput {
  return { stage: node.key, output }
}

/** A set of samples to predict and measure on; an outcome names no empty one. */
export function setOf<Name extends OutcomeSet>(
  name: Name,
  { object, count }: SampleList,
): Partial<Record<Name, StageInput>> {
  return count === 0 ? {} : ({ [name]: { object } } as Partial<Record<Name, StageInput>>)
}
