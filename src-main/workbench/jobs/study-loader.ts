import type { ObjectStore } from '#main/artifacts/object-store.ts'
import { attackOf } from '#main/compute/attacks.ts'
import type { Repositories } from '#main/store/index.ts'
import type { Dataset, Split } from '#shared/domain/dataset.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import type { ForgetSet } from '#shared/domain/forget-set.ts'
import type { Study } from '#shared/domain/study.ts'
import { AppError } from '#shared/errors.ts'
import type { RunId, StageKey } from '#shared/ids.ts'
import { eachInTurns, mapInTurns, stepsInTurns } from '../turns.ts'
import type { CompiledAttack, CompiledRun } from './graph/compiled-study.ts'
import { type CompiledStudy, compilationSteps, dependenciesOf } from './graph.ts'
import { type DerivedLists, deriveSampleLists, type NewLists, type SampleLists } from './sample-lists.ts'
import { deriveShadowLists } from './shadow-lists.ts'

/** A run of the table with the stages behind it. */
export interface PlannedRun extends CompiledRun {
  readonly id: RunId
  /** Every stage that it needs, itself included; after all that they read. */
  readonly needs: readonly StageKey[]
}

/** A study, compiled for an engine. */
export interface LoadedStudy {
  readonly study: Study
  readonly engine: EngineId
  readonly dataset: Dataset
  readonly split: Split
  readonly forgetSet: ForgetSet
  readonly lists: SampleLists
  /** Content of the lists that stages read, to be stored before any runs. */
  readonly newLists: NewLists
  readonly nodes: CompiledStudy['nodes']
  readonly runs: readonly PlannedRun[]
  readonly attacks: readonly PlannedAttack[]
  /** Which runs need a stage. */
  readonly users: ReadonlyMap<StageKey, readonly PlannedRun[]>
}

/** An attack with the stages behind it. */
export interface PlannedAttack extends CompiledAttack {
  /** Every stage that it needs, its own included; after all that they read. */
  readonly needs: readonly StageKey[]
}

const mostCached = 8

/** Compiles studies; but for its attacks, what a study is made of never changes, so that the last few are kept. */
export class StudyLoader {
  readonly #repositories: Repositories
  readonly #objects: ObjectStore
  readonly #lists = new Map<string, Promise<DerivedLists>>()
  readonly #loaded = new Map<string, Promise<Omit<LoadedStudy, 'study'>>>()

  constructor(repositories: Repositories, objects: ObjectStore) {
    this.#repositories = repositories
    this.#objects = objects
  }

  async load(study: Study, engine: EngineId): Promise<LoadedStudy> {
    const name = `${study.id} ${engine} ${JSON.stringify(study.attacks)}`
    const loaded = await remember(this.#loaded, name, () => this.#compile(study, engine))
    return { ...loaded, study }
  }

  /** What the study is about; a data set, split and forget set that exist can't be removed. */
  partsOf(study: Study): { readonly dataset: Dataset; readonly split: Split; readonly forgetSet: ForgetSet } {
    const { datasetId, splitId, forgetSetId } = study.config
    const dataset = this.#repositories.datasets.findDataset(datasetId)
    const split = this.#repositories.splits.findSplit(datasetId, splitId)
    const forgetSet = this.#repositories.forgetSets.findForgetSet(forgetSetId)
    if (dataset === null || split === null || forgetSet === null) {
      throw new AppError('corrupt', `The study "${study.name}" is about a data set that isn't in the workspace.`, {
        hint: 'Run "workspace check" to see what else is missing.',
      })
    }
    return { dataset, split, forgetSet }
  }

  listsOf(dataset: Dataset, split: Split, forgetSet: ForgetSet): Promise<DerivedLists> {
    return remember(this.#lists, forgetSet.id, () => deriveSampleLists(this.#objects, dataset, split, forgetSet))
  }

  async #compile(study: Study, engine: EngineId): Promise<Omit<LoadedStudy, 'study'>> {
    const { dataset, split, forgetSet } = this.partsOf(study)
    const derived = await this.listsOf(dataset, split, forgetSet)
    const { lists, content } = await this.#withShadows(derived.lists, { dataset, split, forgetSet }, study)
    const { nodes, runs, attacks } = await stepsInTurns(
      compilationSteps(study.config, { dataset, split, lists }, engine, study.attacks),
    )
    const dependencies = new Map<StageKey, readonly StageKey[]>()
    await eachInTurns(nodes, (node) => dependencies.set(node.key, dependenciesOf(node)))
    const rows = new Map(
      this.#repositories.runs.briefRuns(study.id).map(({ id, method, seed }) => [`${method} ${seed}`, id]),
    )
    const planned = await mapInTurns(runs, (run): PlannedRun => {
      const id = rows.get(`${run.method} ${run.seed}`)
      if (id === undefined) {
        throw new AppError('corrupt', `The study "${study.name}" has no row for ${run.method} with seed ${run.seed}.`)
      }
      return { ...run, id, needs: closureOf(run.evaluate, (key) => dependencies.get(key) ?? []) }
    })
    const attacked = await mapInTurns(attacks, (attack): PlannedAttack => {
      return { ...attack, needs: closureOf(attack.stage, (key) => dependencies.get(key) ?? []) }
    })
    // Not before: compiling may have made further lists.
    const newLists = new Map([...derived.content, ...content])
    const users = await runsByStage(planned)
    return { engine, dataset, split, forgetSet, lists, newLists, nodes, runs: planned, attacks: attacked, users }
  }

  async #withShadows(
    lists: SampleLists,
    { dataset, split, forgetSet }: ReturnType<StudyLoader['partsOf']>,
    { attacks }: Study,
  ): Promise<DerivedLists> {
    const needed = attacks?.attacks.some((attack) => attackOf(attack).trains === 'shadows') === true
    if (attacks === null || !needed) return { lists, content: new Map() }
    const { shadows, content } = await deriveShadowLists(this.#objects, dataset, split, forgetSet, attacks.shadows)
    return { lists: { ...lists, shadows }, content }
  }
}

/** Which stages each run needs, the other way round. */
async function runsByStage(runs: readonly PlannedRun[]): Promise<ReadonlyMap<StageKey, readonly PlannedRun[]>> {
  const found = new Map<StageKey, PlannedRun[]>()
  await eachInTurns(runs, (run) => {
    for (const key of run.needs) {
      const others = found.get(key)
      if (others === undefined) found.set(key, [run])
      else others.push(run)
    }
  })
  return found
}

/** A stage and all that it is made from, at any distance, each after all that it reads. */
export function closureOf(
  root: StageKey,
  dependenciesOfKey: (key: StageKey) => readonly StageKey[],
): readonly StageKey[] {
  const seen = new Set<StageKey>([root])
  const order: StageKey[] = []
  const visit = (key: StageKey): void => {
    for (const dependency of dependenciesOfKey(key)) {
      if (seen.has(dependency)) continue
      seen.add(dependency)
      visit(dependency)
    }
    order.push(key)
  }
  visit(root)
  return order
}

async function remember<T>(cache: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const known = cache.get(key)
  if (known !== undefined) return await known
  const made = make()
  cache.set(key, made)
  for (const oldest of cache.keys()) {
    if (cache.size <= mostCached) break
    cache.delete(oldest)
  }
  try {
    return await made
  } catch (error) {
    // The next attempt may find what this one missed.
    cache.delete(key)
    throw error
  }
}
