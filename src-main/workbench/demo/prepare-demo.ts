import { demoMethodOptions, demoMethods } from '#main/compute/methods.ts'
import type { Repositories } from '#main/store/index.ts'
import type { Dataset } from '#shared/domain/dataset.ts'
import type { ForgetSet } from '#shared/domain/forget-set.ts'
import type { Study } from '#shared/domain/study.ts'
import { AppError } from '#shared/errors.ts'
import { demoClassNames, demoForgetClass, demoName } from '../datasets/demo-set.ts'
import type { DatasetUseCases } from '../datasets/use-cases.ts'
import type { Jobs } from '../jobs/jobs.ts'
import { type CreateStudyParts, createStudy } from '../studies/create-study.ts'
import { planStudy } from '../studies/plan-study.ts'

const forgetSetName = 'shirts-300'
/** 300 of the demo's 1,000 Shirts. */
const forgetFraction = 0.3

/** The fast form is for a first look and for tests: fewer epochs would leave the original below the gate's 97 % on F. */
const forms = {
  full: { name: 'demo', epochs: 30 },
  fast: { name: 'demo-fast', epochs: 24 },
} as const

/** Seconds on two cores of a common laptop, for a workspace in which nothing was measured. */
const typicalSeconds = { full: 180, fast: 120 } as const

/** How long the guided study takes from now: by its plan, where it exists and the machine is known. */
export async function estimateDemo(
  parts: CreateStudyParts & { readonly jobs: Jobs },
  fast: boolean,
): Promise<{ readonly seconds: number; readonly measured: boolean }> {
  const { repositories, jobs, engines } = parts
  const study = repositories.studies.findStudy((fast ? forms.fast : forms.full).name)
  const engine = study?.engine ?? (await engines.best())
  if (study === null || !jobs.knows(engine)) {
    return { seconds: fast ? typicalSeconds.fast : typicalSeconds.full, measured: false }
  }
  const { seconds } = await planStudy(repositories, jobs, await jobs.loader.load(study, engine))
  return { seconds: seconds ?? 0, measured: true }
}

/**
 * The guided study: made at the first call, found at every further one.
 * @throws AppError `not-found` where the demo's images weren't packed.
 */
export async function prepareDemo(parts: CreateStudyParts, fast: boolean): Promise<Study> {
  const { repositories, datasets } = parts
  const form = fast ? forms.fast : forms.full
  const known = repositories.studies.findStudy(form.name)
  if (known !== null) return known
  const dataset = await demoDataset(repositories, datasets)
  const forgetSet = await demoForgetSet(repositories, datasets, dataset)
  return await createStudy(parts, {
    name: form.name,
    dataset: dataset.id,
    forgetSet: forgetSet.id,
    architecture: 'tiny-cnn',
    methods: [...demoMethods],
    seeds: 1,
    golds: 2,
    settings: { epochs: form.epochs, lr: 3e-3, batchSize: 64, ...demoSettings() },
  })
}

/** The rates that the baselines need on this network, as settings. */
function demoSettings(): Readonly<Record<string, number | string | boolean>> {
  const settings: Record<string, number | string | boolean> = {}
  for (const [method, options] of Object.entries(demoMethodOptions)) {
    for (const [key, value] of Object.entries(options)) {
      if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean') {
        settings[`${method}.${key}`] = value
      }
    }
  }
  return settings
}

async function demoDataset(repositories: Repositories, { datasets }: DatasetUseCases): Promise<Dataset> {
  const known = repositories.datasets.findDataset(demoName)
  if (known !== null) return known
  for await (const event of datasets.import({ path: 'demo', format: 'demo', strict: false, name: demoName })) {
    if (event.kind === 'finished') return await datasets.get({ dataset: event.datasetId })
  }
  throw new AppError('internal', 'The import of the demo images ended without a data set.')
}

async function demoForgetSet(
  repositories: Repositories,
  { forgetSets }: DatasetUseCases,
  dataset: Dataset,
): Promise<ForgetSet> {
  const known = repositories.forgetSets.findForgetSet(forgetSetName)
  if (known?.datasetId === dataset.id) return known
  return await forgetSets.create({
    name: forgetSetName,
    dataset: dataset.id,
    split: 'default',
    className: demoClassNames[demoForgetClass],
    fraction: forgetFraction,
    seed: 1,
  })
}
