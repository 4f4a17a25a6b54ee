import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readIds } from '#main/workbench/datasets/sample-data.ts'
import type { Dataset, Split } from '#shared/domain/dataset.ts'
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

/** 40 cats, then 40 dogs; sample i is a plain image of the colour (i, 2 i, 7). */
async function withAnimals(): Promise<TestWorkspace & { readonly dataset: Dataset }> {
  const workspace = await testWorkspace()
  const files = Array.from(
    { length: 80 },
    (_, i) => [`${i < 40 ? 'cat' : 'dog'}/${i}.png`, pngOf(plain(28, 28, i, 2 * i, 7))] as const,
  )
  const { dataset } = await importAll(workspace, { path: await folderOf(Object.fromEntries(files)), name: 'animals' })
  return { ...workspace, dataset }
}

async function idsOf({ objects }: TestWorkspace, split: Split): Promise<readonly (readonly number[])[]> {
  const lists = [split.members, split.twinPool, split.evaluation].map((hash) => readIds(objects, hash))
  return (await Promise.all(lists)).map((ids) => [...ids])
}

describe('data sets', () => {
  it('are found by name and by id, and a slip is answered with what may be meant', async () => {
    const { useCases, dataset } = await withAnimals()
    expect(await useCases.datasets.get({ dataset: 'animals' })).toEqual(dataset)
    expect(await useCases.datasets.get({ dataset: dataset.id })).toEqual(dataset)
    expect(await useCases.datasets.list(undefined)).toEqual([dataset])
    await expect(useCases.datasets.get({ dataset: 'animal' })).rejects.toMatchObject({
      code: 'not-found',
      message: 'There is no data set "animal".',
      hint: 'Did you mean "animals"?',
    })
  })

  it('show the pixels of any samples, in the order asked for', async () => {
    const { useCases } = await withAnimals()
    const { shape, pixels } = await useCases.datasets.thumbnails({ dataset: 'animals', indices: [79, 3, 4, 5, 3] })
    const bytes = Buffer.from(pixels, 'base64')
    expect(shape).toEqual([28, 28, 3])
    expect(bytes).toHaveLength(5 * 2352)
    expect([0, 1, 2, 3, 4].map((i) => [...bytes.subarray(i * 2352, i * 2352 + 3)])).toEqual([
      [79, 158, 7],
      [3, 6, 7],
      [4, 8, 7],
      [5, 10, 7],
      [3, 6, 7],
    ])
  })

  it('refuse a sample that they do not have', async () => {
    const { useCases } = await withAnimals()
    await expect(useCases.datasets.thumbnails({ dataset: 'animals', indices: [0, 80] })).rejects.toMatchObject({
      code: 'bad-input',
      message: 'The data set "animals" has no sample 80.',
    })
  })
})

describe('splits', () => {
  it('can be dealt anew by other shares and another seed', async () => {
    const workspace = await withAnimals()
    const { useCases, dataset } = workspace
    const made = await useCases.splits.create({
      dataset: 'animals',
      name: 'half',
      fractions: [0.5, 0.25, 0.25],
      seed: 3,
    })
    expect(made).toMatchObject({ name: 'half', seed: 3, datasetId: dataset.id })
    expect(made.counts).toEqual({ members: [20, 20], twinPool: [10, 10], evaluation: [10, 10] })
    const [members, twinPool, evaluation] = await idsOf(workspace, made)
    expect(new Set([...members, ...twinPool, ...evaluation]).size).toBe(80)
    const reds = members.map((id) => id / 255)
    expect(made.normalisation.mean[0]).toBeCloseTo(reds.reduce((a, b) => a + b) / 40, 10)
    expect(made.normalisation.mean[2]).toBeCloseTo(7 / 255, 12)
    expect(made.normalisation.std[2]).toBe(1)
    expect((await useCases.splits.list({ dataset: 'animals' })).map((split) => split.name)).toEqual(['default', 'half'])
  })

  it('are the import’s own under the same rule and seed, and others under another seed', async () => {
    const workspace = await withAnimals()
    const { useCases, dataset } = workspace
    const [given] = await useCases.splits.list({ dataset: dataset.id })
    const same = await useCases.createSplit({ dataset, name: 'same', rule: given.rule, seed: given.seed })
    expect({ ...same, id: given.id, name: given.name, createdAt: given.createdAt }).toEqual(given)
    const other = await useCases.createSplit({ dataset, name: 'other', rule: given.rule, seed: 2 })
    expect(other.counts).toEqual(given.counts)
    expect(await idsOf(workspace, other)).not.toEqual(await idsOf(workspace, given))
  })

  it('refuse shares of more than everything, a taken name and an unknown data set', async () => {
    const workspace = await withAnimals()
    const { useCases } = workspace
    const before = await objectFiles(workspace)
    const base = { dataset: 'animals', name: 'x', fractions: [0.7, 0.2, 0.2] as [number, number, number], seed: 1 }
    await expect(useCases.splits.create(base)).rejects.toMatchObject({ code: 'bad-input', message: /add up to 110 %/ })
    await expect(
      useCases.splits.create({ ...base, fractions: [0.7, 0.1, 0.1], name: 'default' }),
    ).rejects.toMatchObject({
      code: 'already-exists',
      message: 'The data set "animals" already has a split named "default".',
    })
    await expect(useCases.splits.create({ ...base, dataset: 'plants' })).rejects.toMatchObject({ code: 'not-found' })
    expect(await objectFiles(workspace)).toEqual(before)
  })
})

describe('forget sets', () => {
  const base = { dataset: 'animals', split: 'default', seed: 1 }

  it('are a share of the members of a class', async () => {
    const workspace = await withAnimals()
    const { useCases, dataset } = workspace
    const made = await useCases.forgetSets.create({ ...base, name: 'dogs', className: 'dog', fraction: 0.5 })
    expect(made).toMatchObject({
      name: 'dogs',
      datasetId: dataset.id,
      rule: { kind: 'class', className: 'dog', fraction: 0.5 },
      count: 14,
      classCounts: [0, 14],
      memberCounts: [28, 28],
    })
    const ids = await useCases.forgetSets.ids({ forgetSet: 'dogs' })
    const [split] = await useCases.splits.list({ dataset: dataset.id })
    const [members] = await idsOf(workspace, split)
    expect(ids).toHaveLength(14)
    expect(ids.every((id) => id >= 40 && members.includes(id))).toBe(true)
    expect(await useCases.forgetSets.get({ forgetSet: made.id })).toEqual(made)
    expect(await useCases.forgetSets.list(undefined)).toEqual([made])
  })

  it('are a share of everything, or the samples of a list', async () => {
    const workspace = await withAnimals()
    const { useCases, notes } = workspace
    expect((await useCases.forgetSets.create({ ...base, name: 'some', random: 0.25 })).count).toBe(14)
    const [split] = await useCases.splits.list({ dataset: 'animals' })
    const [members] = await idsOf(workspace, split)
    const list = join(await temporaryFolder(), 'list.csv')
    const cat = members.find((id) => id < 40)
    await writeFile(list, `path\n${members[members.length - 1]}\ncat/${cat}.png\n${cat}\n`)
    const made = await useCases.forgetSets.create({ ...base, name: 'listed', idsFile: list })
    expect(await useCases.forgetSets.ids({ forgetSet: 'listed' })).toEqual([cat, members[members.length - 1]])
    expect(made.classCounts).toEqual([1, 1])
    expect(notes).toEqual([`1 entry of "${list}" named a sample once more.`])
  })

  it('are refused in a sentence, leaving nothing behind', async () => {
    const workspace = await withAnimals()
    const { useCases } = workspace
    await useCases.forgetSets.create({ ...base, name: 'taken', random: 0.1 })
    const before = await objectFiles(workspace)
    const refused = async (input: object, code: string, message: RegExp): Promise<void> => {
      const attempt = useCases.forgetSets.create({ ...base, name: 'x', ...input })
      await expect(attempt).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
    }
    await refused({ className: 'fox', fraction: 0.5 }, 'bad-input', /no class "fox"/)
    await refused({ className: 'dog', fraction: 0.001 }, 'bad-input', /no image at all/)
    await refused({ className: 'dog' }, 'bad-input', /How much of the class "dog"/)
    await refused({ className: 'dog', fraction: 0.5, random: 0.5 }, 'bad-input', /exactly one/)
    await refused({ random: 0.5, fraction: 0.5 }, 'bad-input', /belongs to a class/)
    await refused({ idsFile: '/nowhere.csv' }, 'bad-input', /"\/nowhere.csv" does not exist/)
    await refused({ random: 0.5, split: 'other' }, 'not-found', /no split of the data set "animals" "other"/)
    await refused({ random: 0.5, dataset: 'plants' }, 'not-found', /no data set "plants"/)
    await refused({ random: 0.5, name: 'taken' }, 'already-exists', /already a forget set named "taken"/)
    expect(await objectFiles(workspace)).toEqual(before)
    await expect(useCases.forgetSets.ids({ forgetSet: 'nope' })).rejects.toMatchObject({ code: 'not-found' })
  })
})
