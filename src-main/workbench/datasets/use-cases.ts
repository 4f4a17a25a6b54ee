import { createForgetSet, forgetSetIds, removeForgetSet } from '#main/workbench/forget-sets/create-forget-set.ts'
import { matchList } from '#main/workbench/forget-sets/match-list.ts'
import { Embeddings } from '#main/workbench/samples/embeddings.ts'
import { pack } from '#main/workbench/samples/pack.ts'
import type { WorkbenchApi } from '#shared/contract/api.ts'
import type { Split } from '#shared/domain/dataset.ts'
import { addGroups, previewGroups } from './add-groups.ts'
import { CommitLock } from './commit-lock.ts'
import { type CreateSplitInput, createSplit } from './create-split.ts'
import { clearOldBin, emptyBin, listBin, removeDataset, restoreDataset } from './dataset-bin.ts'
import { datasetCard } from './dataset-card.ts'
import { requireDataset, requireForgetSet } from './find.ts'
import { requireGroup } from './groups/require-group.ts'
import { importDataset } from './import-dataset.ts'
import type { DatasetDependencies } from './ports.ts'
import { previewSource } from './preview-source.ts'
import { checkQuality, qualityReport } from './quality-check.ts'
import { thumbnails } from './thumbnails.ts'

/** The contract's data set, split and forget set procedures, and what other use cases need of them. */
export interface DatasetUseCases extends Pick<WorkbenchApi, 'datasets' | 'splits' | 'forgetSets'> {
  /** A split by any rule, such as another one's rule under another seed. */
  createSplit(input: CreateSplitInput, signal?: AbortSignal): Promise<Split>
  /** Frees removed data sets that were kept for long enough. */
  clearOldBin(): Promise<void>
}

export function createDatasetUseCases(dependencies: DatasetDependencies): DatasetUseCases {
  const { objects } = dependencies
  const lock = new CommitLock()
  const embeddings = new Embeddings(dependencies)
  return {
    datasets: {
      list: async () => dependencies.datasets.listDatasets(),
      get: async ({ dataset }) => requireDataset(dependencies, dataset),
      preview: (input, options) => previewSource(dependencies, input, options?.signal),
      import: (input, options) => importDataset(dependencies, lock, input, options?.signal),
      previewGroups: (input, options) => previewGroups(dependencies, input, options?.signal),
      addGroups: (input, options) => addGroups(dependencies, lock, input, options?.signal),
      check: (input, options) => checkQuality(dependencies, lock, input, options?.signal),
      quality: (input) => qualityReport(dependencies, input),
      card: ({ dataset }) => datasetCard(dependencies, dataset),
      remove: (input) => removeDataset(dependencies, lock, input),
      bin: () => listBin(dependencies),
      restore: (input) => restoreDataset(dependencies, lock, input),
      emptyBin: () => emptyBin(dependencies, lock),
      thumbnails: async ({ dataset, indices }) => {
        const { shape, pixels } = await thumbnails(objects, requireDataset(dependencies, dataset), indices)
        return { shape, pixels: Buffer.from(pixels.buffer).toString('base64') }
      },
    },
    splits: {
      list: async ({ dataset }) => dependencies.splits.listSplits(requireDataset(dependencies, dataset).id),
      create: async ({ dataset: reference, name, fractions, groupKey, seed }, options) => {
        const dataset = requireDataset(dependencies, reference)
        if (groupKey !== undefined) requireGroup(dataset, groupKey)
        const base = { kind: 'shares', shares: fractions } as const
        const rule = groupKey === undefined ? base : { ...base, groupKey }
        return await createSplit(dependencies, lock, { dataset, name, rule, seed }, options?.signal)
      },
    },
    forgetSets: {
      list: async () => dependencies.forgetSets.listForgetSets(),
      get: async ({ forgetSet }) => requireForgetSet(dependencies, forgetSet),
      ids: async ({ forgetSet }) => Array.from(await forgetSetIds(dependencies, forgetSet)),
      create: (input, options) => createForgetSet(dependencies, embeddings, lock, input, options?.signal),
      remove: async ({ forgetSet }) => ({ removed: await removeForgetSet(dependencies, lock, forgetSet) }),
      async clusters({ dataset: reference, ...request }, options) {
        const dataset = requireDataset(dependencies, reference)
        const { codes, ...found } = await embeddings.clusters({ dataset, ...request }, options?.signal)
        return { codes: pack(codes), ...found }
      },
      matchList: async ({ dataset, text, source }) =>
        await matchList(objects, requireDataset(dependencies, dataset), text, source),
    },
    createSplit: (input, signal) => createSplit(dependencies, lock, input, signal),
    clearOldBin: () => clearOldBin(dependencies, lock),
  }
}
