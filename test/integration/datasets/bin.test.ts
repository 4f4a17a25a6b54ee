import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ObjectStore } from '#main/artifacts/object-store.ts'
import { forkLauncher } from '#main/compute/pool/fork-launcher.ts'
import { openStore } from '#main/store/open-store.ts'
import { createDatasetUseCases, type DatasetUseCases } from '#main/workbench/datasets/use-cases.ts'
import { dropSampleCache } from '#main/workbench/samples/drop-cache.ts'
import type { Dataset } from '#shared/domain/dataset.ts'
import {
  folderOf,
  importAll,
  objectFiles,
  plain,
  pngOf,
  type TestWorkspace,
  temporaryFolder,
  testWorkspace,
} from './workspace.ts'

const forGood = true
const day = 24 * 3600 * 1000

/** Twelve animals in two classes, with a group column, a forget set and its second version. */
async function withAnimals(): Promise<TestWorkspace & { readonly dataset: Dataset }> {
  const workspace = await testWorkspace()
  const files = Array.from(
    { length: 12 },
    (_, i) => [`${i < 6 ? 'cat' : 'dog'}/p${i % 3}-${i}.png`, pngOf(plain(8, 8, i, 2 * i, 7))] as const,
  )
  const path = await folderOf(Object.fromEntries(files))
  const groups = [{ kind: 'pattern', pattern: '(?<patient>p\\d)' }] as const
  const { dataset } = await importAll(workspace, { path, name: 'animals', groups: [...groups] })
  const base = { dataset: 'animals', split: 'default', seed: 1 }
  await workspace.useCases.forgetSets.create({ ...base, name: 'dogs', className: 'dog', fraction: 0.5 })
  await workspace.useCases.forgetSets.create({
    ...base,
    name: 'more dogs',
    className: 'dog',
    fraction: 1,
    versionOf: 'dogs',
  })
  workspace.store.repositories.tags.setTag(dataset.id, 'odd', '1,3', 2)
  return { ...workspace, dataset }
}

async function everything({ store }: TestWorkspace, { datasets, splits, forgetSets }: DatasetUseCases) {
  const sets = await datasets.list(undefined)
  return {
    sets,
    splits: await Promise.all(sets.map(({ id }) => splits.list({ dataset: id }))),
    forgetSets: await forgetSets.list(undefined),
    tags: sets.map(({ id }) => store.repositories.tags.listTags(id)),
  }
}

describe('a removed data set', () => {
  it('lies in the bin, and comes back with all that was its own, exactly as it was', async () => {
    const workspace = await withAnimals()
    const { useCases, dataset } = workspace
    const [before, filesBefore] = [await everything(workspace, useCases), await objectFiles(workspace)]
    const removed = await useCases.datasets.remove({ dataset: 'animals', forGood: false })
    expect(removed).toMatchObject({ id: dataset.id, name: 'animals', splits: 1, forgetSets: 2, freedBytes: 0 })
    expect(Date.parse(removed.keptUntil ?? '') - Date.now()).toBeGreaterThan(29 * day)
    expect(await everything(workspace, useCases)).toEqual({ sets: [], splits: [], forgetSets: [], tags: [] })
    await expect(useCases.datasets.get({ dataset: 'animals' })).rejects.toMatchObject({ code: 'not-found' })
    expect(await objectFiles(workspace)).toEqual(filesBefore)
    const [binned] = await useCases.datasets.bin(undefined)
    expect(binned).toMatchObject({ id: dataset.id, name: 'animals', sampleCount: 12, splits: 1, forgetSets: 2 })
    expect(binned.bytes).toBeGreaterThan(12 * 8 * 8 * 3)

    const { renamed } = await useCases.datasets.restore({ dataset: 'animals' })
    expect(renamed).toEqual([])
    expect(await everything(workspace, useCases)).toEqual(before)
    expect(await useCases.datasets.bin(undefined)).toEqual([])
  })

  it('leaves its names to others: it comes back under another one, and so do its forget sets', async () => {
    const workspace = await withAnimals()
    const { useCases, dataset } = workspace
    await useCases.datasets.remove({ dataset: 'animals', forGood: false })
    const files = { 'a/1.png': pngOf(plain(8, 8, 1, 2, 3)), 'b/1.png': pngOf(plain(8, 8, 9, 9, 9)) }
    const more = { 'a/2.png': pngOf(plain(8, 8, 4, 5, 6)), 'b/2.png': pngOf(plain(8, 8, 7, 8, 9)) }
    await importAll(workspace, { path: await folderOf({ ...files, ...more }), name: 'animals' })
    await useCases.forgetSets.create({ dataset: 'animals', split: 'default', seed: 1, name: 'dogs', random: 0.5 })
    await expect(useCases.datasets.restore({ dataset: 'animals' })).rejects.toMatchObject({
      code: 'already-exists',
      message: 'There is another data set named "animals" by now.',
    })
    const back = await useCases.datasets.restore({ dataset: dataset.id, name: 'old animals' })
    expect(back.dataset).toMatchObject({ id: dataset.id, name: 'old animals' })
    expect(back.renamed).toEqual([{ from: 'dogs', to: 'dogs 2' }])
    const own = (await useCases.forgetSets.list(undefined)).filter(({ datasetId }) => datasetId === dataset.id)
    expect(own.map(({ name, version }) => [name, version])).toEqual([
      ['dogs 2', 1],
      ['more dogs', 2],
    ])
    expect(own[1].previous).toBe(own[0].id)
  })

  it('frees its space when it goes for good, and nothing that another one needs', async () => {
    const workspace = await withAnimals()
    const { useCases, dataset } = workspace
    const { dataset: twin } = await importAll(workspace, { path: dataset.source, name: 'twin' })
    expect(twin.images).toBe(dataset.images)
    const removed = await useCases.datasets.remove({ dataset: 'animals', forGood })
    expect(removed.keptUntil).toBeNull()
    // Its group codes and the two lists of dogs were its own.
    expect(removed.freedBytes).toBeGreaterThan(0)
    expect(await workspace.objects.has(dataset.groups[0].codes)).toBe(false)
    expect(await workspace.objects.verify(twin.images)).toMatchObject({ state: 'ok' })
    await useCases.datasets.remove({ dataset: 'twin', forGood: false })
    expect((await useCases.datasets.bin(undefined))[0].bytes).toBeGreaterThan(12 * 8 * 8 * 3)
    expect(await useCases.datasets.emptyBin(undefined)).toMatchObject({ names: ['twin'] })
    expect(await objectFiles(workspace)).toEqual([])
    await expect(useCases.datasets.restore({ dataset: 'twin' })).rejects.toMatchObject({ code: 'not-found' })
  })

  it('goes for good after 30 days, with its thumbnails and maps', async () => {
    const cache = await temporaryFolder()
    const workspace = await withAnimals()
    const { store, objects, dataset } = workspace
    const useCases = reopened(workspace, cache)
    await workspace.useCases.datasets.remove({ dataset: 'animals', forGood: false })
    await useCases.clearOldBin()
    expect(await useCases.datasets.bin(undefined)).toHaveLength(1)
    store.db
      .prepare('UPDATE removed_datasets SET removed_at = ?')
      .run(new Date(Date.now() - 30 * day - 1).toISOString())
    const made = join(cache, 'thumbnails')
    await mkdir(made)
    await writeFile(join(made, `${dataset.images}-64x64`), 'x')
    await writeFile(join(made, 'another-64x64'), 'y')
    await useCases.clearOldBin()
    expect(await useCases.datasets.bin(undefined)).toEqual([])
    expect(await objectFiles({ ...workspace, objects })).toEqual([])
    await expect(readFile(join(made, `${dataset.images}-64x64`))).rejects.toMatchObject({ code: 'ENOENT' })
    expect(await readFile(join(made, 'another-64x64'), 'utf8')).toBe('y')
  })

  it('is either whole or cleared away, wherever a kill interrupts its end', async () => {
    const workspace = await withAnimals()
    const { useCases, objects, store } = workspace
    await useCases.datasets.remove({ dataset: 'animals', forGood: false })
    const dying = new ObjectStore(objects.root)
    let left = 3
    dying.remove = async (hash) => {
      if (left-- === 0) throw new Error('killed')
      return await objects.remove(hash)
    }
    const inside = createDatasetUseCases({ ...dependenciesOf(workspace), objects: dying })
    await expect(inside.datasets.emptyBin(undefined)).rejects.toThrow('killed')
    // Half of its objects are gone: it is no longer offered, and what is left goes at the next start.
    await store.close()
    const again = await openStore(workspace.root, { minimumFreeBytes: 0 })
    try {
      const next = createDatasetUseCases(dependenciesOf({ ...workspace, store: again }))
      expect(await next.datasets.bin(undefined)).toEqual([])
      await expect(next.datasets.restore({ dataset: 'animals' })).rejects.toMatchObject({ code: 'not-found' })
      expect((await objectFiles(workspace)).length).toBeGreaterThan(0)
      await next.clearOldBin()
      expect(await objectFiles(workspace)).toEqual([])
      expect(again.repositories.bin.listBin()).toEqual([])
    } finally {
      await again.close()
    }
  })
})

function dependenciesOf({ store, objects }: Pick<TestWorkspace, 'store' | 'objects'>) {
  const { references } = store.repositories
  return {
    ...store.repositories,
    isReferenced: references.isReferenced,
    countReferences: references.countReferences,
    launcher: forkLauncher,
    objects,
    cache: store.paths.cache,
  }
}

function reopened(workspace: TestWorkspace, cache: string): DatasetUseCases {
  return createDatasetUseCases({
    ...dependenciesOf(workspace),
    dropCache: (object) => dropSampleCache(cache, object),
  })
}
