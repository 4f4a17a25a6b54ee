import type { ObjectStore } from '#main/artifacts/object-store.ts'
import type { Repositories } from '#main/store/index.ts'
import type { NewRun } from '#main/store/repositories/studies.ts'
import type { WorkbenchApi } from '#shared/contract/api.ts'
import type { Dataset } from '#shared/domain/dataset.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import type { ForgetSet } from '#shared/domain/forget-set.ts'
import type { Study, StudyConfig } from '#shared/domain/study.ts'
import { AppError } from '#shared/errors.ts'
import { notFound } from '../datasets/near-matches.ts'
import type { DatasetUseCases } from '../datasets/use-cases.ts'
import { goldMethod } from '../jobs/graph.ts'
import type { StudyLoader } from '../jobs/study-loader.ts'
import { readOriginal } from '../models/given-original.ts'
import { withoutCheckpoints } from '../models/without-checkpoints.ts'
import type { Engines } from '../system/engines.ts'
import { attackPlan } from './attack-plan.ts'
import { chooseMethods, wantedMethods } from './choose-methods.ts'
import { parseSettings } from './settings.ts'
import { forgetSetInSplitOfSeed } from './split-of-seed.ts'
import { studyConfig } from './study-config.ts'
import { idleNotes, sweptMethods } from './sweep.ts'

export interface CreateStudyParts {
  readonly repositories: Repositories
  readonly objects: ObjectStore
  readonly datasets: DatasetUseCases
  readonly loader: StudyLoader
  readonly engines: Engines
  note(line: string): void
}

const noSweep = { factors: {}, grid: false } as const

type CreateStudyInput = Parameters<WorkbenchApi['studies']['create']>[0]

/**
 * Puts a study together; nothing is trained yet. Everything is checked before anything is written.
 * @throws AppError `already-exists`, `not-found` (data set, forget set), `bad-input` (method, setting, architecture),
 * `unsupported` (a method that can't work on this forget set), `engine-unavailable`.
 */
export async function createStudy(
  parts: CreateStudyParts,
  input: CreateStudyInput,
  series?: StudyConfig['series'],
): Promise<Study> {
  const { repositories, datasets, loader, engines } = parts
  if (repositories.studies.findStudy(input.name)?.name === input.name) {
    throw new AppError('already-exists', `There is already a study named "${input.name}".`, {
      hint: 'Choose another name, or run the one that is there.',
    })
  }
  const dataset = await datasets.datasets.get({ dataset: input.dataset })
  const given = requireForgetSetOf(repositories, dataset, input.forgetSet)
  const settings = parseSettings(input.settings, wantedMethods(input.methods))
  const split = repositories.splits.findSplit(dataset.id, given.splitId)
  if (split === null) throw new AppError('corrupt', `The split of the forget set "${given.name}" is missing.`)
  const { lists } = await loader.listsOf(dataset, split, given)
  const original = input.original === undefined ? null : await readOriginal(input.original, dataset, input.architecture)
  if (original !== null && settings.earlyEpoch !== undefined) throw noEarlyEpoch(original.file)
  const chosen = chooseMethods(input.methods, {
    dataset,
    forgetSet: given,
    lists,
    originalFile: original?.file ?? null,
    settings: settings.methods,
  })
  // With a given original, CF drops out of the features.
  const swept = sweptMethods(chosen.methods, settings.methods, input.sweep ?? noSweep, (method, params) =>
    original === null ? params : withoutCheckpoints(method, params).params,
  )
  const config = (forgetSet: ForgetSet): StudyConfig =>
    studyConfig({
      dataset,
      forgetSet,
      architecture: original?.architecture ?? input.architecture,
      isOriginalGiven: original !== null,
      methods: swept.methods,
      seeds: input.seeds,
      golds: input.golds,
      settings: { ...settings, methods: swept.settings },
    })
  // Checked with the forget set at hand before another split and forget set are made for it.
  config(given)
  const attacks = input.attack === undefined ? null : attackPlan(null, input.attack)
  if (input.engine !== undefined) await engines.require(input.engine)
  const forgetSet =
    settings.splitSeed === undefined
      ? given
      : await forgetSetInSplitOfSeed(repositories, datasets, dataset, given, settings.splitSeed)
  const stored = original === null ? {} : { original: await original.store(parts.objects) }
  const study = {
    name: input.name,
    config: { ...config(forgetSet), ...stored, ...(series === undefined ? {} : { series }) },
    engine: input.engine ?? null,
    attacks,
  }
  const created = repositories.studies.insertStudy(study, runsOf(study.config))
  const idle = idleNotes(Object.keys(input.settings), study.config.methodParams)
  for (const line of [...chosen.notes, ...swept.notes, ...idle, ...(original?.notes ?? [])]) parts.note(line)
  return created
}

function noEarlyEpoch(file: string): AppError {
  return new AppError('bad-input', `earlyEpoch is not possible: the given original "${file}" has no checkpoints.`, {
    hint: 'Leave it out; CF, which is measured under the early model, is left out too.',
    details: { key: 'earlyEpoch' },
  })
}

/**
 * A study that was made from another one.
 * @throws AppError `already-exists`.
 */
export function insertDerived(
  { studies }: Repositories,
  study: { readonly name: string; readonly config: StudyConfig; readonly engine: EngineId | null },
): Study {
  return studies.insertStudy(study, runsOf(study.config))
}

/** One row a method and seed; the golds' are theirs. */
function runsOf({ methods, seeds, goldSeeds }: StudyConfig): readonly NewRun[] {
  const golds = methods.includes(goldMethod) ? goldSeeds.map((seed) => ({ method: goldMethod, seed })) : []
  const others = methods.filter((method) => method !== goldMethod)
  return [...golds, ...seeds.flatMap((seed) => others.map((method) => ({ method, seed })))]
}

/** A forget set of this data set: another one's samples mean nothing here. */
export function requireForgetSetOf({ forgetSets }: Repositories, dataset: Dataset, nameOrId: string): ForgetSet {
  const found = forgetSets.findForgetSet(nameOrId)
  if (found?.datasetId === dataset.id) return found
  if (found !== null) {
    throw new AppError('bad-input', `The forget set "${found.name}" is not of the data set "${dataset.name}".`, {
      hint: 'Choose a forget set of this data set: tmu forget list',
    })
  }
  const names = forgetSets.listForgetSets().flatMap((other) => (other.datasetId === dataset.id ? [other.name] : []))
  throw notFound('forget set', nameOrId, names, 'tmu forget list')
}
