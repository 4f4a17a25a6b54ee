import type { ObjectStore } from '#main/artifacts/object-store.ts'
import type { Launcher } from '#main/compute/pool/launcher.ts'
import type { Outcome } from '#main/metrics/outcome.ts'
import type { Repositories } from '#main/store/index.ts'
import { requireDataset, requireSplit } from '#main/workbench/datasets/find.ts'
import { readSampleTable } from '#main/workbench/datasets/sample-data.ts'
import type { Jobs } from '#main/workbench/jobs/jobs.ts'
import { readOutcome } from '#main/workbench/outcomes/outcome-object.ts'
import { requireRun, requireStudy, toRun } from '#main/workbench/studies/find.ts'
import type { Engines } from '#main/workbench/system/engines.ts'
import type { WorkbenchApi } from '#shared/contract/api.ts'
import type { Dataset } from '#shared/domain/dataset.ts'
import type { SamplePrediction } from '#shared/domain/sample.ts'
import { AppError } from '#shared/errors.ts'
import type { ObjectHash } from '#shared/ids.ts'
import { packSamples, partsOfSplit } from './columns.ts'
import { predictionOf, sampleDetails } from './details.ts'
import { type EmbeddingSource, Embeddings } from './embeddings.ts'
import { pack } from './pack.ts'
import { runFigures } from './run-figures.ts'
import { Sheets } from './sheets.ts'
import { changeTag } from './tags.ts'

export interface SampleParts {
  readonly repositories: Repositories
  readonly objects: ObjectStore
  readonly launcher: Launcher
  readonly jobs: Pick<Jobs, 'loader'>
  readonly engines: Pick<Engines, 'best'>
  /** A folder for what can be made again. */
  readonly cache: string
}

const mostOutcomes = 16
/** Runs that an image's inspector speaks of: the newest study's. */
const mostPredictions = 40

/** The contract's procedures about single samples. */
export function createSampleUseCases(parts: SampleParts): Pick<WorkbenchApi, 'samples' | 'tags' | 'embedding'> {
  const { repositories, objects } = parts
  const sheets = new Sheets(parts)
  const embeddings = new Embeddings(parts)
  const outcomes = new Map<ObjectHash, Promise<Outcome>>()
  const datasetOf = (reference: string): Dataset => requireDataset(repositories, reference)

  const outcomeOf = (object: ObjectHash): Promise<Outcome> => {
    const known = outcomes.get(object)
    if (known !== undefined) return known
    const read = readOutcome(objects, object)
    outcomes.set(object, read)
    read.catch(() => outcomes.delete(object))
    for (const oldest of outcomes.keys()) {
      if (outcomes.size <= mostOutcomes) break
      outcomes.delete(oldest)
    }
    return read
  }

  /** The newest studies first, until there is enough to read. */
  const predictionsOf = async (dataset: Dataset, index: number): Promise<readonly SamplePrediction[]> => {
    const found: SamplePrediction[] = []
    const studies = repositories.studies.listStudies().filter(({ config }) => config.datasetId === dataset.id)
    for (const study of studies.toReversed()) {
      for (const run of repositories.runs.listRuns({ studyId: study.id })) {
        if (run.outcome === null) continue
        const prediction = predictionOf(await outcomeOf(run.outcome), toRun(objects, run), index)
        if (prediction !== null) found.push(prediction)
        if (found.length >= mostPredictions) return found
      }
    }
    return found
  }

  /** The original of the study, whose features every run's outcome carries. */
  const sourceOf = (dataset: Dataset, reference: string | undefined): EmbeddingSource => {
    if (reference === undefined) return 'pixels'
    const study = requireStudy(repositories, reference)
    if (study.config.datasetId !== dataset.id) {
      throw new AppError('bad-input', `The study "${study.name}" is about another data set.`)
    }
    const run = repositories.runs.listRuns({ studyId: study.id }).find(({ outcome }) => outcome !== null)
    if (run?.outcome) return { outcome: run.outcome, model: 'original' }
    throw new AppError('not-found', `The study "${study.name}" has no run that is done.`, {
      hint: 'Run it first, or compare by pixels.',
    })
  }

  return {
    samples: {
      columns: async ({ dataset }) => await packSamples(objects, datasetOf(dataset)),
      async names({ dataset, offset, limit }) {
        const { names } = await readSampleTable(objects, datasetOf(dataset))
        return { names: names.slice(offset, offset + limit) }
      },
      async sheet({ dataset, indices }) {
        const { shape, pixels } = await sheets.read(datasetOf(dataset), indices)
        return { shape, pixels: pack(pixels) }
      },
      async parts({ dataset: reference, split }) {
        const dataset = datasetOf(reference)
        const found = requireSplit(repositories, dataset, split)
        return { parts: pack(await partsOfSplit(objects, dataset, found)) }
      },
      async figures({ run: reference }) {
        const run = requireRun(repositories, reference)
        if (run.outcome === null) {
          throw new AppError('not-found', `The run ${run.id} (${run.method}) has no predictions yet.`, {
            hint: `It is ${run.state}; run or resume it first.`,
          })
        }
        const study = requireStudy(repositories, run.studyId)
        const loaded = await parts.jobs.loader.load(study, study.engine ?? (await parts.engines.best()))
        const twin = loaded.runs.find((planned) => planned.id === run.id)?.twin ?? null
        const stages = twin === null ? [] : [twin.twinFeatures, twin.forgetFeatures]
        const features = stages.flatMap((key) => repositories.stages.getStage(key)?.outputs['features'] ?? [])
        return await runFigures(objects, {
          run: run.id,
          outcome: await outcomeOf(run.outcome),
          features: twin === null ? null : features,
        })
      },
      async details({ dataset: reference, index }) {
        const dataset = datasetOf(reference)
        return await sampleDetails(
          objects,
          {
            dataset,
            splits: repositories.splits.listSplits(dataset.id),
            forgetSets: repositories.forgetSets.listForgetSets().filter(({ datasetId }) => datasetId === dataset.id),
            tags: repositories.tags.listTags(dataset.id),
            predictions: await predictionsOf(dataset, index),
          },
          index,
        )
      },
    },
    tags: {
      list: async ({ dataset }) => repositories.tags.listTags(datasetOf(dataset).id),
      async add({ dataset, tag, samples }) {
        const made = changeTag(repositories, datasetOf(dataset), tag, samples, 'add')
        if (made === null) throw new AppError('bad-input', `No image was named that the tag "${tag}" should be put on.`)
        return made
      },
      remove: async ({ dataset, tag, samples }) => ({
        tag: changeTag(repositories, datasetOf(dataset), tag, samples, 'remove'),
      }),
    },
    embedding: {
      compute({ dataset: reference, study, method, limit, seed }, options) {
        const dataset = datasetOf(reference)
        const request = { dataset, source: sourceOf(dataset, study), method, limit, seed }
        return embeddings.compute(request, options?.signal)
      },
      async neighbours({ dataset: reference, index, study, count }, options) {
        const dataset = datasetOf(reference)
        return await embeddings.neighbours({ dataset, source: sourceOf(dataset, study), index, count }, options?.signal)
      },
    },
  }
}
