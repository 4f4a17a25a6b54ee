import { rm } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import type { Dataset, GroupColumn, GroupRule } from '#shared/domain/dataset.ts'
import { AppError } from '#shared/errors.ts'
import type { ImportEvent } from '#shared/progress.ts'
import type { CommitLock } from './commit-lock.ts'
import { commitStaged } from './commit-staged.ts'
import type { ImportJob, ImportResult, StagedGroup } from './dataset-job.ts'
import { defaultDemoFile, demoName, demoSide } from './demo-set.ts'
import { checkName, nameTaken } from './name-check.ts'
import type { DatasetDependencies } from './ports.ts'
import type { WantedFormat } from './sources/open-source.ts'
import { streamJob } from './stream-job.ts'

export interface ImportDatasetInput {
  /** A folder, a data file, an archive, or `demo`. */
  readonly path: string
  readonly name?: string | undefined
  readonly size?: number | undefined
  readonly strict: boolean
  /** With `demo`, a path other than `demo` is that of a packed demo file or of a folder of JSON files. */
  readonly format: WantedFormat
  readonly columns?: ColumnInput | undefined
  readonly groups?: readonly GroupRule[] | undefined
  readonly licence?: string | undefined
}

interface ColumnInput {
  readonly path?: string | undefined
  readonly label?: string | undefined
  readonly split?: string | undefined
}

/** Of the `default` split that every data set gets. */
export const defaultSplitSeed = 1
export const defaultSplitName = 'default'

/**
 * Imports a data set and deals its default split, in a child process. The last event carries the data set's id.
 * Aborting the signal, or leaving the stream, kills the process at once. However it ends without `finished`, nothing
 * is left behind: neither row nor object nor temporary file.
 * @throws AppError `bad-input`, `already-exists`, `cancelled`, `disk-full`, `workspace-read-only`, `worker-died`.
 */
export async function* importDataset(
  dependencies: DatasetDependencies,
  lock: CommitLock,
  input: ImportDatasetInput,
  signal?: AbortSignal,
): AsyncGenerator<ImportEvent> {
  const { objects, datasets } = dependencies
  const { path, format, name: sourceName } = locateSource(dependencies, input)
  const name = checkName('data set', input.name ?? sourceName)
  if (datasets.findDataset(name)?.name === name) throw nameTaken('data set', name)
  if (path === demoFileOf(dependencies) && input.size !== undefined && input.size !== demoSide) {
    throw new AppError(
      'bad-input',
      `The demo images are ${demoSide}x${demoSide}; they can't be brought to ${input.size}.`,
      {
        hint: 'Leave --size out.',
      },
    )
  }
  const staging = await objects.createStagingFolder('import')
  try {
    const { columns, groups = [], strict } = input
    const job: ImportJob = {
      kind: 'import',
      staging,
      path,
      format,
      ...(columns === undefined ? {} : { columns }),
      groups,
      size: input.size ?? null,
      strict,
      splitSeed: defaultSplitSeed,
    }
    const result = yield* streamJob(dependencies, job, signal)
    const meta = { name, source: input.path, licence: input.licence ?? null }
    const dataset = await lock.run(() => commit(dependencies, staging, result, meta, signal))
    yield { kind: 'finished', datasetId: dataset.id }
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

function demoFileOf(dependencies: DatasetDependencies): string {
  return dependencies.demoFile ?? defaultDemoFile
}

/** The path that is read, and the name that a data set of it gets. */
export function locateSource(
  dependencies: DatasetDependencies,
  { path, format }: Pick<ImportDatasetInput, 'path' | 'format'>,
): { readonly path: string; readonly format: WantedFormat; readonly name: string } {
  if (path === 'demo' && (format === 'demo' || format === 'auto')) {
    return { path: demoFileOf(dependencies), format: 'demo', name: demoName }
  }
  const full = resolve(path)
  const name = basename(full).replace(/(?:\.(?:tar|tgz|gz|zip|npz|csv|tsv|parquet|bin))+$/i, '')
  return { path: full, format, name: name === '' ? basename(full) : name }
}

/** Both rows and all objects, or nothing. */
async function commit(
  dependencies: DatasetDependencies,
  staging: string,
  { dataset: staged, split }: ImportResult,
  meta: { readonly name: string; readonly source: string; readonly licence: string | null },
  signal: AbortSignal | undefined,
): Promise<Dataset> {
  const { objects, datasets, splits, transaction } = dependencies
  const { format, images, labels, samples, groups, shape, sampleCount, classes, duplicateCount, problems } = staged
  const { members, twinPool, evaluation, rule, seed, counts, normalisation } = split
  const insertBoth = (): Dataset => {
    const objectsOfIt = { images: images.hash, labels: labels.hash, samples: samples.hash }
    const known = { format, groups: groups.map(groupColumnOf), quality: null }
    const row = { ...meta, ...known, sampleCount, classes, shape, ...objectsOfIt, duplicateCount, problems }
    const dataset = datasets.insertDataset(row)
    const ids = { members: members.hash, twinPool: twinPool.hash, evaluation: evaluation.hash }
    splits.insertSplit({ datasetId: dataset.id, name: defaultSplitName, rule, seed, ...ids, counts, normalisation })
    return dataset
  }
  return await commitStaged(
    objects,
    staging,
    [images, labels, samples, ...groups.map(({ codes }) => codes), members, twinPool, evaluation],
    () => {
      if (signal?.aborted === true) throw new AppError('cancelled', 'The import was cancelled; nothing was stored.')
      return transaction(insertBoth)
    },
  )
}

export function groupColumnOf({ name, values, codes }: StagedGroup): GroupColumn {
  return { name, values, codes: codes.hash }
}
