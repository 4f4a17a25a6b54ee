import { describe, expect, it } from 'vitest'
import { encodeGroupCodes, readIds } from '#main/workbench/datasets/sample-data.ts'
import type { Dataset, Split } from '#shared/domain/dataset.ts'
import type { ForgetRule } from '#shared/domain/forget-set.ts'
import {
  folderOf,
  importAll,
  objectFiles,
  plain,
  pngOf,
  type TestWorkspace,
  testWorkspace,
} from '#test/integration/datasets/workspace.ts'

/** 40 cats (0..39) and 40 dogs (40..79), every one another shade; four people took ten of each in turn. */
async function withPeople(): Promise<TestWorkspace & { readonly dataset: Dataset; readonly split: Split }> {
  const workspace = await testWorkspace()
  const pictures = Object.fromEntries(
    ['cat', 'dog'].flatMap((name, c) =>
      Array.from({ length: 40 }, (_, i) => [`${name}/${i}.png`, pngOf(plain(8, 8, 5 * i, 100 * c, 7))]),
    ),
  )
  const { dataset: plainSet } = await importAll(workspace, { path: await folderOf(pictures), name: 'plain', size: 8 })
  const { store, objects, useCases } = workspace
  const codes = await objects.put(encodeGroupCodes(Int32Array.from({ length: 80 }, (_, id) => Math.floor(id / 10) % 4)))
  const groups = [{ name: 'person', values: ['Ada', 'Bo', 'Cy', 'Dee'], codes }]
  const dataset = store.repositories.datasets.insertDataset({ ...plainSet, name: 'animals', groups })
  const [given] = await useCases.splits.list({ dataset: 'plain' })
  const split = store.repositories.splits.insertSplit({ ...given, datasetId: dataset.id })
  return { ...workspace, dataset, split }
}

const base = { dataset: 'animals', split: 'default', seed: 1 }

describe('a forget set by group', () => {
  it('holds that person’s members and nobody else’s', async () => {
    const { useCases, objects, split } = await withPeople()
    await useCases.forgetSets.create({ ...base, name: 'Bo', group: { column: 'person', value: 'Bo' } })
    const members = await readIds(objects, split.members)
    const ids = await useCases.forgetSets.ids({ forgetSet: 'Bo' })
    expect(ids).toEqual([...members].filter((id) => Math.floor(id / 10) % 4 === 1))
  })

  it('names the people there are, and the one that may be meant', async () => {
    const { useCases } = await withPeople()
    const attempt = useCases.forgetSets.create({ ...base, name: 'x', group: { column: 'person', value: 'ada' } })
    await expect(attempt).rejects.toMatchObject({
      code: 'bad-input',
      message: 'The data set has no person "ada".',
      hint: expect.stringContaining('Did you mean "Ada"?'),
    })
    await expect(
      useCases.forgetSets.create({ ...base, name: 'x', group: { column: 'patient', value: 'Ada' } }),
    ).rejects.toMatchObject({ message: 'The data set has no group column "patient".' })
  })
})

describe('a combined forget set', () => {
  it('is stored with its rule, and comes out the same again', async () => {
    const { useCases } = await withPeople()
    const rule: ForgetRule = {
      kind: 'minus',
      from: { kind: 'class', className: 'dog', fraction: 1 },
      without: { kind: 'group', column: 'person', values: ['Ada', 'Cy'] },
    }
    const first = await useCases.forgetSets.create({ ...base, name: 'first', rule })
    const second = await useCases.forgetSets.create({ ...base, name: 'second', rule })
    expect(first.rule).toEqual(rule)
    expect(second.ids).toBe(first.ids)
    const ids = await useCases.forgetSets.ids({ forgetSet: 'first' })
    expect(ids.length).toBeGreaterThan(0)
    expect(ids.every((id) => id >= 40 && [1, 3].includes(Math.floor(id / 10) % 4))).toBe(true)
  })

  it('is refused when it chooses nobody', async () => {
    const { useCases } = await withPeople()
    const cat: ForgetRule = { kind: 'class', className: 'cat', fraction: 1 }
    await expect(
      useCases.forgetSets.create({ ...base, name: 'x', rule: { kind: 'minus', from: cat, without: cat } }),
    ).rejects.toMatchObject({ code: 'bad-input', message: expect.stringContaining('chooses no image') })
  })
})

describe('samples outside D', () => {
  it('are refused with their names, or get a split that has them in D', async () => {
    const workspace = await withPeople()
    const { useCases, objects, dataset, split } = workspace
    const evaluation = await readIds(objects, split.evaluation)
    const members = await readIds(objects, split.members)
    const rule: ForgetRule = { kind: 'picked', ids: `${evaluation[0]},${evaluation[1]},${members[0]}`, source: 'test' }
    const before = await objectFiles(workspace)
    const names = [...evaluation.subarray(0, 2)].map((id) => `${id < 40 ? 'cat' : 'dog'}/${id % 40}.png`)
    await expect(useCases.forgetSets.create({ ...base, name: 'x', rule })).rejects.toMatchObject({
      code: 'bad-input',
      details: { outside: [...evaluation.subarray(0, 2)], names },
    })
    expect(await objectFiles(workspace)).toEqual(before)

    const made = await useCases.forgetSets.create({ ...base, name: 'picked', rule, aroundIds: true })
    const splits = await useCases.splits.list({ dataset: 'animals' })
    const around = splits.find(({ id }) => id === made.splitId)
    expect(around?.name).toBe('around picked')
    expect(around?.counts).toEqual(split.counts)
    const newMembers = await readIds(objects, around?.members ?? split.members)
    expect([...newMembers]).toEqual(expect.arrayContaining([evaluation[0], evaluation[1], members[0]]))
    // Two members made room, and nobody else moved.
    expect([...newMembers].filter((id) => !members.includes(id))).toEqual([evaluation[0], evaluation[1]])
    expect(dataset.sampleCount).toBe(80)

    const again = await useCases.forgetSets.create({ ...base, name: 'again', rule, aroundIds: true })
    expect(again.splitId).toBe(made.splitId)
  })
})

describe('versions', () => {
  it('go on from one another, and what is in use stays', async () => {
    const workspace = await withPeople()
    const { useCases } = workspace
    const first = await useCases.forgetSets.create({ ...base, name: 'dogs', className: 'dog', fraction: 0.5 })
    const second = await useCases.forgetSets.create({
      ...base,
      name: 'dogs v2',
      className: 'dog',
      fraction: 0.75,
      versionOf: 'dogs',
    })
    expect(second).toMatchObject({ version: 2, previous: first.id })
    await expect(useCases.forgetSets.remove({ forgetSet: 'dogs' })).rejects.toMatchObject({ code: 'conflict' })
    expect(await useCases.forgetSets.remove({ forgetSet: 'dogs v2' })).toEqual({ removed: true })
    expect(await workspace.objects.has(second.ids)).toBe(false)
    expect(await useCases.forgetSets.remove({ forgetSet: 'dogs' })).toEqual({ removed: true })
  })

  it('leave ids that another set has too', async () => {
    const { useCases, objects } = await withPeople()
    const first = await useCases.forgetSets.create({ ...base, name: 'a', className: 'dog', fraction: 0.5 })
    await useCases.forgetSets.create({ ...base, name: 'b', className: 'dog', fraction: 0.5 })
    await useCases.forgetSets.remove({ forgetSet: 'b' })
    expect(await objects.has(first.ids)).toBe(true)
  })
})

describe('a list', () => {
  it('is matched without storing anything, with what names nobody', async () => {
    const { useCases } = await withPeople()
    const matched = await useCases.forgetSets.matchList({
      dataset: 'animals',
      text: 'path\ncat/3.png\ncat/4.png\nfox/1.png\n79\n3\n',
      source: 'list.csv',
    })
    expect(matched).toEqual({ ids: '3-4,79', count: 3, unmatched: ['fox/1.png'], repeated: 1 })
  })
})

describe('a forget set by likeness', () => {
  /** Images of three shades, each class with its own: 20 dark and 10 bright cats, 15 dark and 15 middling dogs. */
  async function withShades(): Promise<TestWorkspace> {
    const workspace = await testWorkspace()
    const shades = [...Array.from({ length: 20 }, () => 20), ...Array.from({ length: 10 }, () => 240)]
    const others = [...Array.from({ length: 15 }, () => 20), ...Array.from({ length: 15 }, () => 130)]
    const pictures = Object.fromEntries(
      [shades, others].flatMap((list, c) =>
        list.map((shade, i) => [`${['cat', 'dog'][c]}/${i}.png`, pngOf(plain(8, 8, shade + (i % 5), 30 + c, i))]),
      ),
    )
    await importAll(workspace, { path: await folderOf(pictures), name: 'shades', size: 8 })
    return workspace
  }
  const of = { dataset: 'shades', split: 'default', seed: 1 }
  const looksOf = (ids: readonly number[]): ReadonlySet<string> =>
    new Set(ids.map((id) => (id < 20 ? 'dark cat' : id < 30 ? 'bright cat' : id < 45 ? 'dark dog' : 'middling dog')))

  it('holds all members of the chosen cluster, of whatever class they are', async () => {
    const { useCases, objects } = await withShades()
    const made = await useCases.forgetSets.create({
      ...of,
      name: 'dark',
      cluster: { clusters: 3, chosen: [1] },
    })
    expect(made.rule).toEqual({ kind: 'cluster', clusters: 3, chosen: [1], within: null })
    const ids = await useCases.forgetSets.ids({ forgetSet: 'dark' })
    expect(looksOf(ids)).toEqual(new Set(['dark cat', 'dark dog']))
    const [split] = await useCases.splits.list({ dataset: 'shades' })
    const members = [...(await readIds(objects, split.members))]
    expect(ids).toEqual(members.filter((id) => id < 20 || (id >= 30 && id < 45)))
  })

  it('combines with any other rule and comes out the same in another workspace', async () => {
    const rule: ForgetRule = {
      kind: 'minus',
      from: { kind: 'class', className: 'cat', fraction: 1 },
      without: { kind: 'cluster', clusters: 2, chosen: [1], within: 'cat' },
    }
    const chosen: (readonly number[])[] = []
    for (let copy = 0; copy < 2; copy++) {
      const { useCases } = await withShades()
      await useCases.forgetSets.create({ ...of, name: 'x', rule })
      chosen.push(await useCases.forgetSets.ids({ forgetSet: 'x' }))
    }
    expect(looksOf(chosen[0])).toEqual(new Set(['bright cat']))
    expect(chosen[1]).toEqual(chosen[0])
  })

  it('says which clusters there are, and refuses what there is not', async () => {
    const { useCases } = await withShades()
    const found = await useCases.forgetSets.clusters({ dataset: 'shades', clusters: 3, within: null, seed: 1 })
    expect(found.counts).toEqual([35, 15, 10])
    expect(found.nearest.map(looksOf)).toEqual([expect.any(Set), new Set(['middling dog']), new Set(['bright cat'])])
    const attempt = (given: object) => useCases.forgetSets.create({ ...of, name: 'x', ...given })
    await expect(attempt({ cluster: { clusters: 3, chosen: [4] } })).rejects.toMatchObject({
      message: 'There is no cluster 4 among 3.',
    })
    await expect(attempt({ className: 'cat', cluster: { clusters: 40, chosen: [1] } })).rejects.toMatchObject({
      code: 'bad-input',
      message: 'There are 30 images; 40 clusters can’t be made of them.',
    })
    await expect(attempt({ className: 'cow', cluster: { clusters: 2, chosen: [1] } })).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringContaining('has no class "cow"'),
    })
  })
})
