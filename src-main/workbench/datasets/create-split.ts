import { rm } from 'node:fs/promises'
import { quoted } from '#main/formats/text.ts'
import type { Dataset, Split } from '#shared/domain/dataset.ts'
import { AppError } from '#shared/errors.ts'
import type { CommitLock } from './commit-lock.ts'
import { commitStaged } from './commit-staged.ts'
import type { SplitRequest } from './dataset-job.ts'
import { checkName } from './name-check.ts'
import type { DatasetDependencies } from './ports.ts'
import { runDatasetWorker } from './run-dataset-worker.ts'

export interface CreateSplitInput {
  readonly dataset: Dataset
  readonly name: string
  readonly rule: SplitRequest
  readonly seed: number
}

/**
 * Deals a data set out anew, under a name of its own; the reading and counting is done in a child process.
 * @throws AppError `already-exists`, `cancelled`, and `bad-input` of the rule.
 */
export async function createSplit(
  dependencies: DatasetDependencies,
  lock: CommitLock,
  { dataset, name: givenName, rule, seed }: CreateSplitInput,
  signal?: AbortSignal,
): Promise<Split> {
  const { objects, splits } = dependencies
  const name = checkName('split', givenName)
  if (splits.findSplit(dataset.id, name)?.name === name) {
    throw new AppError(
      'already-exists',
      `The data set ${quoted(dataset.name)} already has a split named ${quoted(name)}.`,
      {
        hint: 'Choose another name, or use the one that is there.',
      },
    )
  }
  const staging = await objects.createStagingFolder('split')
  try {
    const staged = await runDatasetWorker(
      { kind: 'split', staging, objectsRoot: objects.root, dataset, request: rule, seed },
      {
        launcher: dependencies.launcher,
        entry: dependencies.datasetWorker,
        ...(signal === undefined ? {} : { signal }),
      },
    )
    const { members, twinPool, evaluation, counts, normalisation } = staged
    return await lock.run(() =>
      commitStaged(objects, staging, [members, twinPool, evaluation], () =>
        splits.insertSplit({
          datasetId: dataset.id,
          name,
          rule: staged.rule,
          seed,
          members: members.hash,
          twinPool: twinPool.hash,
          evaluation: evaluation.hash,
          counts,
          normalisation,
        }),
      ),
    )
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}
