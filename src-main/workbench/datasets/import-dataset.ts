import { rm } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import type { Dataset } from '#shared/domain/dataset.ts'
import { AppError } from '#shared/errors.ts'
import type { ImportEvent } from '#shared/progress.ts'
import { ProgressQueue } from '../progress-queue.ts'
import type { CommitLock } from './commit-lock.ts'
import { commitStaged } from './commit-staged.ts'
import type { ImportJob, ImportResult, ProgressEvent } from './dataset-job.ts'
import { defaultDemoFile, demoName, demoSide } from './demo-set.ts'
import { checkName, nameTaken } from './name-check.ts'
import type { DatasetDependencies } from './ports.ts'
import { runDatasetWorker } from './run-dataset-worker.ts'

export interface ImportDatasetInput {
  /** A folder of class folders, or `demo`. */
  readonly path: string
  readonly name?: string | undefined
  readonly size?: number | undefined
  readonly strict: boolean
  /** With `demo`, a path other than `demo` is that of a packed demo file. */
  readonly format: 'auto' | 'folder' | 'demo'
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
  const isDemo = input.format === 'demo' || (input.format === 'auto' && input.path === 'demo')
  const path = isDemo && input.path === 'demo' ? (dependencies.demoFile ?? defaultDemoFile) : resolve(input.path)
  const name = checkName('data set', input.name ?? (isDemo ? demoName : basename(path)))
  if (datasets.findDataset(name)?.name === name) throw nameTaken('data set', name)
  if (isDemo && input.size !== undefined && input.size !== demoSide) {
    throw new AppError(
      'bad-input',
      `The demo images are ${demoSide}x${demoSide}; they can't be brought to ${input.size}.`,
      {
        hint: 'Leave --size out.',
      },
    )
  }

  const left = new AbortController()
  const stop = signal === undefined ? left.signal : AbortSignal.any([signal, left.signal])
  const staging = await objects.createStagingFolder('import')
  try {
    const base = { staging, splitSeed: defaultSplitSeed }
    const job: ImportJob = isDemo
      ? { ...base, kind: 'demo', path }
      : { ...base, kind: 'folder', path, size: input.size ?? null, strict: input.strict }
    const events = new ProgressQueue<ProgressEvent>()
    const running = runDatasetWorker(job, {
      launcher: dependencies.launcher,
      entry: dependencies.datasetWorker,
      signal: stop,
      onProgress: (event) => events.push(event),
    })
    const settled = running.then(
      () => events.end(),
      () => events.end(),
    )
    try {
      yield* events
    } finally {
      left.abort()
      await settled
    }
    const result = await running
    const meta = { name, format: isDemo ? 'demo' : 'folder', source: input.path }
    const dataset = await lock.run(() => commit(dependencies, staging, result, meta, signal))
    yield { kind: 'finished', datasetId: dataset.id }
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

/** Both rows and all objects, or nothing. */
async function commit(
  dependencies: DatasetDependencies,
  staging: string,
  { dataset: staged, split }: ImportResult,
  meta: { readonly name: string; readonly format: string; readonly source: string },
  signal: AbortSignal | undefined,
): Promise<Dataset> {
  const { objects, datasets, splits, transaction } = dependencies
  const { images, labels, samples, shape, sampleCount, classes, duplicateCount, problems } = staged
  const { members, twinPool, evaluation, rule, seed, counts, normalisation } = split
  const insertBoth = (): Dataset => {
    const objectsOfIt = { images: images.hash, labels: labels.hash, samples: samples.hash }
    const known = { groups: [], quality: null, licence: null }
    const row = { ...meta, ...known, sampleCount, classes, shape, ...objectsOfIt, duplicateCount, problems }
    const dataset = datasets.insertDataset(row)
    const ids = { members: members.hash, twinPool: twinPool.hash, evaluation: evaluation.hash }
    splits.insertSplit({ datasetId: dataset.id, name: defaultSplitName, rule, seed, ...ids, counts, normalisation })
    return dataset
  }
  return await commitStaged(objects, staging, [images, labels, samples, members, twinPool, evaluation], () => {
    if (signal?.aborted === true) throw new AppError('cancelled', 'The import was cancelled; nothing was stored.')
    return transaction(insertBoth)
  })
}
