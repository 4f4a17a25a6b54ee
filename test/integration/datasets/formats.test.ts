import { gzipSync } from 'node:zlib'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, it } from 'vitest'
import { readGroupCodes, readIds, readLabels, readSampleTable } from '#main/workbench/datasets/sample-data.ts'
import type { Dataset, DatasetPreview } from '#shared/domain/dataset.ts'
import {
  good,
  goodArrays,
  goodTar,
  goodZip,
  idxImages,
  idxLabels,
  npy,
  npz,
  png,
  text,
  unicode,
} from '#test/fixtures/hostile/bytes.ts'
import { folderOf, type ImportInput, importAll, objectFiles, type TestWorkspace, testWorkspace } from './workspace.ts'

const pixelsOf = async (workspace: TestWorkspace, dataset: Dataset): Promise<Uint8Array> =>
  workspace.objects.read(dataset.images)

async function preview(
  workspace: TestWorkspace,
  input: Pick<ImportInput, 'path'> & Partial<ImportInput>,
): Promise<DatasetPreview> {
  for await (const event of workspace.useCases.datasets.preview({ format: 'auto', ...input })) {
    if (event.kind === 'finished') return event.preview
  }
  throw new Error('The preview did not finish.')
}

describe('each format, detected by its content', () => {
  it('CIFAR-100 binary: planes become pixels, the coarse label a group', async () => {
    const workspace = await testWorkspace()
    const record = (coarse: number, fine: number, red: number): Buffer =>
      Buffer.concat([
        Buffer.from([coarse, fine]),
        Buffer.alloc(1024, red),
        Buffer.alloc(1024, 2),
        Buffer.alloc(1024, 3),
      ])
    const path = await folderOf({
      'cifar/train.bin': Buffer.concat([record(1, 7, 10), record(2, 8, 20)]),
      'cifar/test.bin': record(1, 7, 30),
      'cifar/fine_label_names.txt': Array.from({ length: 100 }, (_, i) => `fine ${i}`).join('\n'),
    })
    const { dataset } = await importAll(workspace, { path })
    expect(dataset).toMatchObject({ format: 'cifar', sampleCount: 3, shape: [32, 32, 3], problems: [] })
    expect(dataset.classes).toEqual([
      { name: 'fine 7', count: 2 },
      { name: 'fine 8', count: 1 },
    ])
    const pixels = await pixelsOf(workspace, dataset)
    // Folders list test.bin before train.bin.
    expect([...pixels.subarray(0, 6)]).toEqual([30, 2, 3, 30, 2, 3])
    expect(pixels[3072]).toBe(10)
    const [column] = dataset.groups
    expect(column).toMatchObject({ name: 'superclass', values: ['1', '2'] })
    expect([...(await readGroupCodes(workspace.objects, dataset, column))]).toEqual([0, 0, 1])
    expect((await readSampleTable(workspace.objects, dataset)).givenSplit).toEqual(['test', 'train', 'train'])
  })

  it('IDX, packed or not: t10k is the test folder', async () => {
    const workspace = await testWorkspace()
    const path = await folderOf({
      'train-images-idx3-ubyte.gz': gzipSync(idxImages(4, 28)),
      'train-labels-idx1-ubyte.gz': gzipSync(idxLabels(0, 1, 0, 1)),
      't10k-images.idx3-ubyte': idxImages(2, 28),
      't10k-labels.idx1-ubyte': idxLabels(1, 0),
    })
    const { dataset } = await importAll(workspace, { path })
    expect(dataset).toMatchObject({ format: 'idx', sampleCount: 6, shape: [28, 28, 1] })
    expect((await readSampleTable(workspace.objects, dataset)).givenSplit).toEqual([
      'test',
      'test',
      'train',
      'train',
      'train',
      'train',
    ])
    expect([...(await readLabels(workspace.objects, dataset))]).toEqual([1, 0, 0, 1, 0, 1])
    expect((await pixelsOf(workspace, dataset)).subarray(0, 784)).toEqual(
      Uint8Array.from({ length: 784 }, (_, i) => i % 251),
    )
  })

  it('npz: classes, splits, names and groups come along', async () => {
    const workspace = await testWorkspace()
    const path = await folderOf({
      'set.npz': npz({
        ...goodArrays(),
        classes: npy('<U3', [2], unicode(3, 'cat', 'dog')),
        split: npy('<U5', [4], unicode(5, 'train', 'train', 'test', 'train')),
        names: npy('<U1', [4], unicode(1, 'd', 'c', 'b', 'a')),
        group_patient: npy('<U2', [4], unicode(2, 'p2', 'p1', '', 'p2')),
      }),
    })
    const { dataset } = await importAll(workspace, { path: `${path}/set.npz` })
    expect(dataset).toMatchObject({ name: 'set', format: 'npz', sampleCount: 4 })
    expect(dataset.classes.map(({ name }) => name)).toEqual(['cat', 'dog'])
    expect(await readSampleTable(workspace.objects, dataset)).toMatchObject({
      names: ['d', 'c', 'b', 'a'],
      givenSplit: ['train', 'train', 'test', 'train'],
    })
    expect(dataset.groups[0]).toMatchObject({ name: 'patient', values: ['p1', 'p2'] })
    expect([...(await readGroupCodes(workspace.objects, dataset, dataset.groups[0]))]).toEqual([1, 0, -1, 1])
  })

  it('a table of pixels', async () => {
    const workspace = await testWorkspace()
    const row = (label: number, value: number): string => [label, ...Array<number>(784).fill(value)].join(',')
    const path = await folderOf({ 'mnist_test.csv': [row(7, 1), row(2, 255), row(7, 3)].join('\n') })
    const { dataset } = await importAll(workspace, { path: `${path}/mnist_test.csv` })
    expect(dataset).toMatchObject({ format: 'csv', sampleCount: 3, shape: [28, 28, 1] })
    expect(dataset.classes.map(({ name }) => name)).toEqual(['2', '7'])
    expect([0, 784, 1568].map(async (at) => (await pixelsOf(workspace, dataset))[at])).toHaveLength(3)
    const pixels = await pixelsOf(workspace, dataset)
    expect([pixels[0], pixels[784], pixels[1568]]).toEqual([1, 255, 3])
  })

  it('a table of paths, whose columns may have any names', async () => {
    const workspace = await testWorkspace()
    const path = await folderOf({
      'images/1.png': png(1),
      'images/2.png': png(200),
      'list.csv': 'id,dx,group_site\n1,mel,Kiel\n2,nv,\n',
    })
    const { dataset } = await importAll(workspace, { path: `${path}/list.csv`, columns: { path: 'id', label: 'dx' } })
    expect(dataset.classes.map(({ name }) => name)).toEqual(['mel', 'nv'])
    expect(dataset.groups[0]).toMatchObject({ name: 'site', values: ['Kiel'] })
  })

  it('Parquet as Hugging Face writes it: structs of bytes, class names in the metadata, splits in the file names', async () => {
    const workspace = await testWorkspace()
    const file = (values: readonly number[], labels: readonly number[]): Buffer =>
      Buffer.from(
        parquetWriteBuffer({
          columnData: [
            { name: 'image', data: values.map((value) => png(value)), type: 'BYTE_ARRAY' },
            { name: 'label', data: [...labels], type: 'INT64' as const },
          ].map((column) => (column.name === 'label' ? { ...column, data: labels.map(BigInt) } : column)) as never,
          kvMetadata: [
            {
              key: 'huggingface',
              value: JSON.stringify({
                info: {
                  features: { image: { _type: 'Image' }, label: { names: ['cat', 'dog'], _type: 'ClassLabel' } },
                },
              }),
            },
          ],
        }),
      )
    const path = await folderOf({
      'data/train-00000-of-00001.parquet': file([1, 60, 120], [1, 0, 1]),
      'data/test-00000-of-00001.parquet': file([200], [0]),
    })
    const { dataset } = await importAll(workspace, { path })
    expect(dataset).toMatchObject({ format: 'parquet', sampleCount: 4 })
    expect(dataset.classes).toEqual([
      { name: 'cat', count: 2 },
      { name: 'dog', count: 2 },
    ])
    expect((await readSampleTable(workspace.objects, dataset)).givenSplit).toEqual(['test', 'train', 'train', 'train'])
  })

  it('one JSON file a class, rows or a flat list of fractions', async () => {
    const workspace = await testWorkspace()
    const path = await folderOf({
      '0.json': JSON.stringify({ data: Array<number>(784).fill(0.5) }),
      '1.json': JSON.stringify({ data: Array<number>(2 * 784).fill(1) }),
    })
    const { dataset } = await importAll(workspace, { path })
    expect(dataset).toMatchObject({ format: 'demo', sampleCount: 3, shape: [28, 28, 1] })
    const pixels = await pixelsOf(workspace, dataset)
    expect([pixels[0], pixels[784]]).toEqual([128, 255])
  })

  it.each([
    ['zip', goodZip()],
    ['tar', goodTar()],
    ['tar.gz', gzipSync(goodTar())],
  ])('a %s holds the same data set as the folder it was made of', async (ending, archive) => {
    const workspace = await testWorkspace()
    const path = await folderOf({ [`set.${ending}`]: archive })
    const packed = await importAll(workspace, { path: `${path}/set.${ending}` })
    const { dataset } = await importAll(workspace, { path: await folderOf(good()), name: 'folder' })
    expect(packed.dataset).toMatchObject({
      name: 'set',
      format: 'folder',
      images: dataset.images,
      samples: dataset.samples,
    })
  })
})

describe('a preview', () => {
  it('says what would be imported, and stores nothing', async () => {
    const workspace = await testWorkspace()
    const path = await folderOf({
      'set.zip': goodZip({ name: '../out.png', content: png(1) }, { name: 'a/bad.png', content: text('no image') }),
    })
    const found = await preview(workspace, {
      path: `${path}/set.zip`,
      groups: [{ kind: 'pattern', pattern: '(?<digit>\\d)\\.png' }],
    })
    expect(found).toMatchObject({ format: 'folder', sampleCount: 5, problemCount: 2 })
    expect(found.classes).toEqual([
      { name: 'a', count: 3 },
      { name: 'b', count: 2 },
    ])
    expect(found.thumbnails.samples).toHaveLength(4)
    expect(found.groups).toEqual([
      expect.objectContaining({
        name: 'digit',
        matched: 3,
        unmatched: 2,
        valueCount: 2,
        unmatchedExamples: ['a/bad.png', 'b/2.jpg'],
      }),
    ])
    expect(await objectFiles(workspace)).toEqual([])
  })
})

describe('group columns', () => {
  it('come from file names, folders and tables, at the import or later', async () => {
    const workspace = await testWorkspace()
    const files = { 'a/C1P1_1.png': png(10), 'a/C2P1_1.png': png(20), 'b/C1P2_7.png': png(30), 'b/other.png': png(40) }
    const folder = await folderOf({ ...files, 'patients.csv': 'slide,site\nC1,Kiel\nC2,Bonn\n' })
    const { dataset } = await importAll(workspace, {
      path: folder,
      name: 'cells',
      groups: [{ kind: 'pattern', pattern: '(?<patient>C\\d+)P' }],
    })
    expect(dataset.groups[0]).toMatchObject({ name: 'patient', values: ['C1', 'C2'] })
    expect([...(await readGroupCodes(workspace.objects, dataset, dataset.groups[0]))]).toEqual([0, 1, 0, -1])
    const { datasets } = workspace.useCases
    const later = await datasets.addGroups({
      dataset: 'cells',
      rules: [
        { kind: 'csv', path: `${folder}/patients.csv`, key: 'slide' },
        { kind: 'level', level: 1, name: 'folder' },
      ],
    })
    expect(later.groups.map(({ name, values }) => [name, values])).toEqual([
      ['patient', ['C1', 'C2']],
      ['site', ['Bonn', 'Kiel']],
      ['folder', ['a', 'b']],
    ])
    await expect(
      datasets.addGroups({ dataset: 'cells', rules: [{ kind: 'level', level: 1, name: 'folder' }] }),
    ).rejects.toMatchObject({ code: 'bad-input' })
  })

  it('stay together in a split by them, and the report says that nothing leaks', async () => {
    const workspace = await testWorkspace()
    const files = Object.fromEntries(
      Array.from({ length: 60 }, (_, i) => [`${i % 2 === 0 ? 'a' : 'b'}/P${Math.floor(i / 5)}_${i}.png`, png(4 * i)]),
    )
    const { dataset } = await importAll(workspace, {
      path: await folderOf(files),
      groups: [{ kind: 'pattern', pattern: '(?<person>P\\d+)_' }],
    })
    const split = await workspace.useCases.splits.create({
      dataset: dataset.id,
      name: 'persons',
      fractions: [0.6, 0.2, 0.2],
      groupKey: 'person',
      seed: 1,
    })
    expect(split.rule).toMatchObject({ kind: 'fractions', groupKey: 'person' })
    const codes = await readGroupCodes(workspace.objects, dataset, dataset.groups[0])
    const sides = await Promise.all(
      [split.members, split.twinPool, split.evaluation].map((ids) => readIds(workspace.objects, ids)),
    )
    const groups = sides.map((ids) => new Set([...ids].map((id) => codes[id])))
    expect(groups.map(({ size }) => size).reduce((a, b) => a + b)).toBe(12)
    expect(sides.map(({ length }) => length)).toEqual([35, 15, 10])
    for await (const _ of workspace.useCases.datasets.check({ dataset: dataset.id, again: false }));
    const report = async (name: string) =>
      (await workspace.useCases.datasets.quality({ dataset: dataset.id, split: name }))?.leakage.filter(
        ({ kind }) => kind === 'group',
      )
    expect(await report('persons')).toEqual([])
    expect((await report('default'))?.length).toBeGreaterThan(0)
  })
})

describe('a data set', () => {
  it('has a card with the checksum of every object', async () => {
    const workspace = await testWorkspace()
    const { dataset } = await importAll(workspace, { path: await folderOf(good()), licence: 'CC-BY-4.0' })
    const card = await workspace.useCases.datasets.card({ dataset: dataset.id })
    expect(card).toMatchObject({
      '@type': 'sc:Dataset',
      license: 'CC-BY-4.0',
      conformsTo: 'http://mlcommons.org/croissant/1.0',
    })
    const files = card['distribution'] as readonly { readonly sha256: string }[]
    expect(files.map(({ sha256 }) => sha256)).toEqual(
      expect.arrayContaining([dataset.images, dataset.labels, dataset.samples]),
    )
  })
})
