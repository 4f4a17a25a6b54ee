import { rm } from 'node:fs/promises'
import type { Dataset, GroupReport, GroupRule } from '#shared/domain/dataset.ts'
import type { CommitLock } from './commit-lock.ts'
import { commitStaged } from './commit-staged.ts'
import type { GroupsResult } from './dataset-job.ts'
import { requireDataset } from './find.ts'
import { checkDistinct } from './groups/group-column.ts'
import { groupColumnOf } from './import-dataset.ts'
import type { DatasetDependencies } from './ports.ts'
import { runDatasetWorker } from './run-dataset-worker.ts'

export interface GroupsInput {
  readonly dataset: string
  readonly rules: readonly GroupRule[]
}

/** What the rules would find, without storing it. @throws AppError `bad-input` of a rule. */
export async function previewGroups(
  dependencies: DatasetDependencies,
  input: GroupsInput,
  signal?: AbortSignal,
): Promise<readonly GroupReport[]> {
  const dataset = requireDataset(dependencies, input.dataset)
  return await withGroups(dependencies, dataset, input.rules, false, signal, async ({ reports }) => reports)
}

/** Adds group columns to a stored data set. @throws AppError `bad-input` of a rule, or for a name that is taken. */
export async function addGroups(
  dependencies: DatasetDependencies,
  lock: CommitLock,
  input: GroupsInput,
  signal?: AbortSignal,
): Promise<Dataset> {
  const { objects, datasets } = dependencies
  const dataset = requireDataset(dependencies, input.dataset)
  return await withGroups(dependencies, dataset, input.rules, true, signal, ({ staged }, staging) =>
    lock.run(() => {
      // Another call may have added columns meanwhile.
      const { groups } = requireDataset(dependencies, dataset.id)
      const all = [...groups, ...staged.map(groupColumnOf)]
      checkDistinct(all.map(({ name }) => name))
      const files = staged.map(({ codes }) => codes)
      return commitStaged(objects, staging, files, () => datasets.setGroups(dataset.id, all))
    }),
  )
}

async function withGroups<T>(
  { objects, launcher, datasetWorker }: DatasetDependencies,
  dataset: Dataset,
  rules: readonly GroupRule[],
  store: boolean,
  signal: AbortSignal | undefined,
  use: (result: GroupsResult, staging: string) => Promise<T>,
): Promise<T> {
  const staging = await objects.createStagingFolder('groups')
  try {
    const result = await runDatasetWorker(
      { kind: 'groups', staging, objectsRoot: objects.root, dataset, rules, store },
      { launcher, entry: datasetWorker, ...(signal === undefined ? {} : { signal }) },
    )
    return await use(result, staging)
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}
