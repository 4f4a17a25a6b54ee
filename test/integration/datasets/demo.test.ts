import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { demoClassNames, readDemoSet } from '#main/workbench/datasets/demo-set.ts'
import { readLabels, readSampleTable } from '#main/workbench/datasets/sample-data.ts'
import { importAll, objectFiles, temporaryFolder, testWorkspace } from './workspace.ts'

const script = resolve(import.meta.dirname, '..', '..', '..', 'resources', 'pack-demo.ts')
let folder: string
let packed: string

function pack(): ReturnType<typeof spawnSync> {
  return spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', script, folder], { encoding: 'utf8' })
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tmu-demo-'))
  packed = join(folder, 'fashion-mnist.bin')
  const { status, stderr } = pack()
  expect({ status, stderr }).toEqual({ status: 0, stderr: 'Packing the demo images; this happens once.\n' })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('packing the demo images', () => {
  it('keeps every valid, distinct image of the package under 40 MB', async () => {
    const { images, labels, rows } = await readDemoSet(packed)
    // 70,002 rows, 2 of them empty, 54 exact duplicates (SCIENCE, section 7).
    expect(labels).toHaveLength(69_946)
    expect((await stat(packed)).size).toBeLessThan(40e6)
    const digests = new Set<string>()
    for (let i = 0; i < labels.length; i++) {
      digests.add(
        createHash('sha256')
          .update(images.subarray(i * 784, (i + 1) * 784))
          .digest('base64'),
      )
    }
    expect(digests.size).toBe(labels.length)

    const source = dirname(createRequire(import.meta.url).resolve('fashion-mnist/package.json'))
    const shirts = JSON.parse(readFileSync(join(source, 'src', 'clothes', '6.json'), 'utf8')) as { data: number[][] }
    const first = labels.indexOf(6)
    for (const i of [first, first + 1, first + 5000]) {
      expect([...images.subarray(i * 784, (i + 1) * 784)]).toEqual(shirts.data[rows[i]])
    }
  })

  it('does nothing the second time, and everything again when the file was damaged', async () => {
    const before = await stat(packed)
    expect(pack()).toMatchObject({ status: 0, stderr: '' })
    expect((await stat(packed)).mtimeMs).toBe(before.mtimeMs)
    const bytes = await readFile(packed)
    await writeFile(packed, bytes.subarray(0, 1000))
    expect(pack()).toMatchObject({ status: 0, stderr: expect.stringContaining('Packing') })
    expect((await readFile(packed)).equals(bytes)).toBe(true)
    expect((await readdir(folder)).toSorted()).toEqual(['fashion-mnist.bin', 'fashion-mnist.json'])
  })
})

describe('importing the demo set', () => {
  it('gives Fashion-MNIST with the split that the demo study is made for', async () => {
    const workspace = await testWorkspace({ demoFile: packed })
    const { dataset } = await importAll(workspace, { path: 'demo' })
    expect(dataset).toMatchObject({
      name: 'fashion-mnist',
      format: 'demo',
      source: 'demo',
      sampleCount: 69_946,
      shape: [28, 28, 1],
      duplicateCount: 0,
      problems: [],
    })
    expect(dataset.classes.map((info) => info.name)).toEqual([...demoClassNames])
    // 7,000 of each class without the duplicates and, in class 0, the empty rows.
    expect(dataset.classes.map((info) => info.count)).toEqual([
      6997, 6994, 6987, 6993, 6994, 7000, 6987, 6996, 7000, 6998,
    ])
    const { images, labels } = await readDemoSet(packed)
    expect(Buffer.from(await workspace.objects.read(dataset.images)).equals(images)).toBe(true)
    expect(await readLabels(workspace.objects, dataset)).toEqual(labels)
    const { names } = await readSampleTable(workspace.objects, dataset)
    expect(new Set(names).size).toBe(names.length)
    expect(names[0]).toMatch(/^0\/000\d$/)

    const [split] = await workspace.useCases.splits.list({ dataset: 'fashion-mnist' })
    const shirtsElse = (ofShirts: number, ofOthers: number): number[] =>
      demoClassNames.map((name) => (name === 'Shirt' ? ofShirts : ofOthers))
    expect(split.counts).toEqual({
      members: shirtsElse(1000, 400),
      twinPool: shirtsElse(400, 0),
      evaluation: shirtsElse(1000, 1000),
    })
    const made = await workspace.useCases.forgetSets.create({
      name: 'shirts',
      dataset: 'fashion-mnist',
      split: 'default',
      className: 'Shirt',
      fraction: 0.3,
      seed: 1,
    })
    expect(made.count).toBe(300)
  })

  it('is refused under another size, without the packed file, and from a damaged one', async () => {
    const workspace = await testWorkspace({ demoFile: packed })
    await expect(importAll(workspace, { path: 'demo', size: 32 })).rejects.toMatchObject({ code: 'bad-input' })
    const broken = join(await temporaryFolder(), 'broken.bin')
    await writeFile(broken, (await readFile(packed)).subarray(0, 100_000))
    await expect(importAll(workspace, { path: broken, format: 'demo' })).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringContaining('does not hold the demo images'),
    })
    const absent = await testWorkspace({ demoFile: join(folder, 'absent.bin') })
    await expect(importAll(absent, { path: 'demo' })).rejects.toMatchObject({
      code: 'not-found',
      hint: 'Pack them with: npm run pack:demo',
    })
    expect(await objectFiles(workspace)).toEqual([])
  })
})
