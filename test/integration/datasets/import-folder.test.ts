import { spawnSync } from 'node:child_process'
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readIds, readLabels, readSampleTable } from '#main/workbench/datasets/sample-data.ts'
import { AppError } from '#shared/errors.ts'
import {
  folderOf,
  type ImportInput,
  importAll,
  jpegOf,
  objectFiles,
  plain,
  pngOf,
  temporaryFolder,
  testWorkspace,
} from './workspace.ts'

const grey = (value: number, side = 28): Buffer => pngOf(plain(side, side, value, value, value))

/** `count` distinct grey images of each class. */
function greyClasses(count: number, ...classes: readonly string[]): Record<string, Buffer> {
  const entries = classes.flatMap((name, c) =>
    Array.from({ length: count }, (_, i) => [`${name}/${i}.png`, grey(c * count + i)] as const),
  )
  return Object.fromEntries(entries)
}

async function refusal(input: Partial<ImportInput> & { readonly path: string }): Promise<AppError> {
  const workspace = await testWorkspace()
  try {
    await importAll(workspace, input)
  } catch (error) {
    expect(await objectFiles(workspace)).toEqual([])
    expect(workspace.store.repositories.datasets.listDatasets()).toEqual([])
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('was not refused')
}

describe('a folder of class folders', () => {
  it('becomes a data set: pixels, labels and names in natural order', async () => {
    const workspace = await testWorkspace()
    const path = await folderOf({
      'class 10/1.png': grey(40),
      'class 2/img10.png': grey(30),
      'class 2/img9.png': grey(20),
      'class 2/img1.jpg': jpegOf(plain(28, 28, 10, 10, 10)),
    })
    const { dataset } = await importAll(workspace, { path })
    expect(dataset).toMatchObject({
      name: 'pictures',
      format: 'folder',
      source: path,
      sampleCount: 4,
      classes: [
        { name: 'class 2', count: 3 },
        { name: 'class 10', count: 1 },
      ],
      shape: [28, 28, 1],
      duplicateCount: 0,
      problems: [],
    })
    const pixels = await workspace.objects.read(dataset.images)
    expect(pixels).toHaveLength(4 * 784)
    expect(
      [0, 1, 2, 3].map((i) => pixels.subarray(i * 784, (i + 1) * 784)).every((image) => new Set(image).size === 1),
    ).toBe(true)
    expect([0, 784, 1568, 2352].map((at) => pixels[at])).toEqual([10, 20, 30, 40])
    expect([...(await readLabels(workspace.objects, dataset))]).toEqual([0, 0, 0, 1])
    expect(await readSampleTable(workspace.objects, dataset)).toEqual({
      names: ['class 2/img1.jpg', 'class 2/img9.png', 'class 2/img10.png', 'class 10/1.png'],
      givenSplit: [null, null, null, null],
      duplicateOf: [-1, -1, -1, -1],
    })
  })

  it('gets its default split, dealt 70, 15, 15 in each class, with the members’ mean and deviation', async () => {
    const workspace = await testWorkspace()
    const { dataset } = await importAll(workspace, { path: await folderOf(greyClasses(20, 'a', 'b')) })
    const [split, ...others] = await workspace.useCases.splits.list({ dataset: dataset.name })
    expect(others).toEqual([])
    expect(split).toMatchObject({
      name: 'default',
      seed: 1,
      rule: { kind: 'fractions', members: 0.7, twinPool: 0.15, evaluation: 0.15 },
      counts: { members: [14, 14], twinPool: [3, 3], evaluation: [3, 3] },
    })
    const members = await readIds(workspace.objects, split.members)
    const rest = [
      ...(await readIds(workspace.objects, split.twinPool)),
      ...(await readIds(workspace.objects, split.evaluation)),
    ]
    expect([...members, ...rest].sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i))
    // Sample i is a plain image of grey value i.
    const values = [...members].map((id) => id / 255)
    const mean = values.reduce((a, b) => a + b) / 28
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 28)
    expect(split.normalisation.mean).toEqual([expect.closeTo(mean, 10)])
    expect(split.normalisation.std).toEqual([expect.closeTo(deviation, 10)])
  })

  it('with split folders keeps who was where, and makes its test folder the evaluation set', async () => {
    const workspace = await testWorkspace()
    const files = {
      ...Object.fromEntries(Object.entries(greyClasses(10, 'a', 'b')).map(([name, bytes]) => [`train/${name}`, bytes])),
      'test/a/x.png': grey(200),
      'test/b/y.png': grey(201),
      'README.md': 'not an image, and not in the way',
    }
    const { dataset } = await importAll(workspace, { path: await folderOf(files) })
    const { givenSplit, names } = await readSampleTable(workspace.objects, dataset)
    expect(givenSplit).toEqual([...Array(2).fill('test'), ...Array(20).fill('train')])
    const [split] = await workspace.useCases.splits.list({ dataset: dataset.id })
    expect(split.rule).toMatchObject({ kind: 'fractions', evaluationFolder: 'test' })
    const evaluation = await readIds(workspace.objects, split.evaluation)
    expect([...evaluation].map((id) => names[id])).toEqual(['test/a/x.png', 'test/b/y.png'])
    expect(split.counts).toEqual({ members: [8, 8], twinPool: [2, 2], evaluation: [1, 1] })
    expect(dataset.problems).toEqual([])
  })

  it('may have a class called train', async () => {
    const workspace = await testWorkspace()
    const { dataset } = await importAll(workspace, { path: await folderOf(greyClasses(2, 'ship', 'train')) })
    expect(dataset.classes.map((info) => info.name)).toEqual(['ship', 'train'])
  })

  it('has exact copies flagged and kept, also between classes and file formats', async () => {
    const workspace = await testWorkspace()
    const path = await folderOf({
      'a/1.png': grey(1),
      'a/2.png': grey(2),
      'a/3.png': grey(1),
      'b/1.jpg': jpegOf(plain(28, 28, 2, 2, 2)),
      'b/2.png': grey(5),
    })
    const { dataset } = await importAll(workspace, { path })
    expect(dataset.sampleCount).toBe(5)
    expect(dataset.duplicateCount).toBe(2)
    expect((await readSampleTable(workspace.objects, dataset)).duplicateOf).toEqual([-1, -1, 0, 1, -1])
  })

  it('gives the same objects when it is imported again under another name', async () => {
    const workspace = await testWorkspace()
    const path = await folderOf(greyClasses(5, 'a', 'b'))
    const first = await importAll(workspace, { path })
    const before = await objectFiles(workspace)
    const second = await importAll(workspace, { path, name: 'again' })
    const { images, labels, samples } = first.dataset
    expect(second.dataset).toMatchObject({ name: 'again', images, labels, samples })
    expect((await objectFiles(workspace)).toSorted()).toEqual(before.toSorted())
  })

  it('reports scanning, decoding and storing on the way', async () => {
    const workspace = await testWorkspace()
    const { events } = await importAll(workspace, { path: await folderOf(greyClasses(5, 'a', 'b')) })
    const phases = events.flatMap((event) => (event.kind === 'progress' ? [event.phase] : []))
    expect([...new Set(phases)]).toEqual(['scanning', 'decoding', 'storing'])
    expect(events.filter((event) => event.kind === 'progress').at(-1)).toMatchObject({
      phase: 'storing',
      done: 10,
      total: 10,
      etaSeconds: 0,
    })
  })
})

describe('one size', () => {
  it('is 32x32 as soon as one image is not 28x28, whichever comes first', async () => {
    const workspace = await testWorkspace()
    const late = await importAll(workspace, {
      path: await folderOf({ 'a/1.png': grey(7), 'a/2.png': grey(8), 'b/1.png': grey(9, 50) }),
    })
    expect(late.dataset.shape).toEqual([32, 32, 1])
    const early = await importAll(workspace, {
      name: 'early',
      path: await folderOf({ 'a/1.png': grey(7, 50), 'a/2.png': grey(8), 'b/1.png': grey(9) }),
    })
    expect(early.dataset.shape).toEqual([32, 32, 1])
    // Plain images stay plain at any size.
    expect(early.dataset.images).toBe(late.dataset.images)
  })

  it('brings 28x28 images to 32x32 the same way before and after that is known', async () => {
    const workspace = await testWorkspace()
    const pattern = pngOf({ width: 28, height: 28, colour: (x, y) => [(x * 9) % 256, (y * 7) % 256, (x * y) % 256] })
    const other = grey(9, 50)
    const before = await importAll(workspace, { path: await folderOf({ 'a/1.png': pattern, 'b/1.png': other }) })
    const after = await importAll(workspace, {
      name: 'after',
      path: await folderOf({ 'a/1.png': other, 'b/1.png': pattern }),
    })
    const [first, second] = await Promise.all(
      [before, after].map(({ dataset }) => workspace.objects.read(dataset.images)),
    )
    expect(first.subarray(0, 3072)).toEqual(second.subarray(3072))
  })

  it('is what was asked for', async () => {
    const workspace = await testWorkspace()
    const { dataset } = await importAll(workspace, {
      path: await folderOf({ 'a/1.png': grey(7), 'b/1.png': grey(9, 50) }),
      size: 16,
    })
    expect(dataset.shape).toEqual([16, 16, 1])
    expect(await workspace.objects.size(dataset.images)).toBe(2 * 256)
  })

  it('keeps the aspect and crops the centre', async () => {
    const workspace = await testWorkspace()
    // Black left and right of a white square: the square is what remains.
    const wide = pngOf({ width: 96, height: 32, colour: (x) => (x >= 32 && x < 64 ? [255, 255, 255] : [0, 0, 0]) })
    const { dataset } = await importAll(workspace, {
      path: await folderOf({ 'a/1.png': wide, 'b/1.png': grey(255, 32) }),
    })
    expect(new Set(await workspace.objects.read(dataset.images))).toEqual(new Set([255]))
    expect(dataset.duplicateCount).toBe(1)
  })

  it('has three channels when one image has colour, and grey ones are repeated in them', async () => {
    const workspace = await testWorkspace()
    const { dataset } = await importAll(workspace, {
      path: await folderOf({ 'a/1.png': grey(7), 'b/1.png': pngOf(plain(28, 28, 1, 2, 3)) }),
    })
    expect(dataset.shape).toEqual([28, 28, 3])
    const pixels = await workspace.objects.read(dataset.images)
    expect([...pixels.subarray(0, 3), ...pixels.subarray(2352, 2355)]).toEqual([7, 7, 7, 1, 2, 3])
  })
})

describe('files that are no readable images', () => {
  const truncated = jpegOf(plain(40, 40, 9, 9, 9)).subarray(0, 500)
  const files = {
    ...greyClasses(3, 'a', 'b'),
    'a/notes.txt': 'hello',
    'b/broken.jpg': truncated,
    'b/empty.png': '',
    'b/picture.gif': 'GIF89a',
    'b/deeper/1.png': grey(1),
    'loose.png': grey(3),
    'c/only-text.txt': 'x',
  }
  const problems = [
    { path: 'a/notes.txt', reason: 'not an image; only PNG and JPEG are read' },
    { path: 'b/broken.jpg', reason: 'truncated: the JPEG has no end' },
    { path: 'b/deeper', reason: 'a folder inside a class folder' },
    { path: 'b/empty.png', reason: 'an empty file' },
    { path: 'b/picture.gif', reason: 'a GIF image; only PNG and JPEG are read' },
    { path: 'c', reason: 'a class folder without a readable image' },
    { path: 'c/only-text.txt', reason: 'not an image; only PNG and JPEG are read' },
    { path: 'loose.png', reason: 'not in a class folder' },
  ]

  it('are left out and listed', async () => {
    const workspace = await testWorkspace()
    const { dataset } = await importAll(workspace, { path: await folderOf(files) })
    expect(dataset.sampleCount).toBe(6)
    expect(dataset.classes).toEqual([
      { name: 'a', count: 3 },
      { name: 'b', count: 3 },
    ])
    expect(dataset.problems).toEqual(problems)
  })

  it('make a strict import fail, with the list', async () => {
    const error = await refusal({ path: await folderOf(files), strict: true })
    expect(error.code).toBe('bad-input')
    expect(error.message).toMatch(/^7 files of ".*pictures" cannot be imported, the first being /)
    expect(error.details).toMatchObject({ problems: expect.arrayContaining(problems.slice(0, 5)) })
  })

  it('leave a strict import of good images alone', async () => {
    const workspace = await testWorkspace()
    const { dataset } = await importAll(workspace, {
      path: await folderOf({ ...greyClasses(3, 'a', 'b'), 'a/.DS_Store': 'x' }),
      strict: true,
    })
    expect(dataset.problems).toEqual([{ path: 'a/.DS_Store', reason: 'a hidden file' }])
  })

  it('are links, hidden files and special files too, each with its reason', async () => {
    const workspace = await testWorkspace()
    const path = await folderOf({
      ...greyClasses(3, 'a', 'b'),
      'a/.hidden.png': grey(1),
      '.git/x.png': grey(1),
      'b/Thumbs.db': 'x',
    })
    await symlink(join(path, 'b', '1.png'), join(path, 'a', 'link.png'))
    await symlink(join(path, 'b'), join(path, 'c'))
    expect(spawnSync('mkfifo', [join(path, 'a', 'pipe.png')]).status).toBe(0)
    const { dataset } = await importAll(workspace, { path })
    expect(dataset.sampleCount).toBe(6)
    expect(dataset.problems).toEqual([
      { path: '.git', reason: 'a hidden file' },
      { path: 'a/.hidden.png', reason: 'a hidden file' },
      { path: 'a/link.png', reason: 'a symbolic link' },
      { path: 'a/pipe.png', reason: 'not a regular file' },
      { path: 'b/Thumbs.db', reason: 'a hidden file' },
      { path: 'c', reason: 'a symbolic link' },
    ])
  })

  it.skipIf(process.getuid?.() === 0)('include files that may not be read', async () => {
    const workspace = await testWorkspace()
    const path = await folderOf({ ...greyClasses(3, 'a', 'b'), 'a/secret.png': grey(1) })
    await chmod(join(path, 'a', 'secret.png'), 0)
    const { dataset } = await importAll(workspace, { path })
    expect(dataset.problems).toEqual([{ path: 'a/secret.png', reason: 'cannot be read' }])
  })
})

describe('what is refused in a sentence, leaving nothing behind', () => {
  it('a missing folder', async () => {
    const error = await refusal({ path: '/nowhere/at/all' })
    expect(error).toMatchObject({ code: 'bad-input', message: '"/nowhere/at/all" does not exist.' })
  })

  it('a file of no kind that is read', async () => {
    const path = join(await temporaryFolder(), 'file')
    await writeFile(path, 'x')
    expect((await refusal({ path })).message).toMatch(/file" is a file of no kind that is read/)
  })

  it('an empty folder', async () => {
    expect((await refusal({ path: await temporaryFolder() })).message).toMatch(/holds no class folders/)
  })

  it('empty class folders', async () => {
    const path = await temporaryFolder()
    await mkdir(join(path, 'a'))
    expect((await refusal({ path })).message).toMatch(/class folders of ".*" hold no files/)
  })

  it('a single class', async () => {
    expect((await refusal({ path: await folderOf(greyClasses(3, 'a')) })).message).toMatch(
      /images of only one class \("a"\)/,
    )
  })

  it('one class with images and one without', async () => {
    const path = await folderOf({ ...greyClasses(3, 'a'), 'b/x.txt': 'x' })
    expect((await refusal({ path })).message).toMatch(/images of only one class \("a"\)/)
  })

  it('no image at all, naming an example', async () => {
    const path = await folderOf({ 'a/x.txt': 'x', 'b/y.txt': 'y' })
    expect((await refusal({ path })).message).toMatch(
      /No file of ".*" is a readable PNG or JPEG: "a\/x\.txt" is not an image/,
    )
  })

  it('images directly in the folder', async () => {
    expect((await refusal({ path: await folderOf({ '1.png': grey(1), '2.png': grey(2) }) })).message).toMatch(
      /no class folders/,
    )
  })

  it('split folders beside class folders', async () => {
    const path = await folderOf({ 'train/a/1.png': grey(1), 'train/b/1.png': grey(2), 'c/1.png': grey(3) })
    expect((await refusal({ path })).message).toMatch(/mixes split folders \("train"\) with folders of images \("c"\)/)
  })

  it('a size that no disk has room for, before anything is decoded', async () => {
    const error = await refusal({ path: await folderOf(greyClasses(2, 'a', 'b')), size: 2_000_000 })
    expect(error).toMatchObject({ code: 'disk-full', message: expect.stringMatching(/needs 91,552,\d\d\d MiB/) })
  })

  it('a name that is no name', async () => {
    const error = await refusal({ path: await folderOf(greyClasses(2, 'a', 'b')), name: 'a/b' })
    expect(error).toMatchObject({ code: 'bad-input', message: '"a/b" can\'t be the name of a data set.' })
  })

  it('a name that is taken, before any image is read', async () => {
    const workspace = await testWorkspace()
    const path = await folderOf(greyClasses(2, 'a', 'b'))
    await importAll(workspace, { path })
    const before = await objectFiles(workspace)
    await expect(importAll(workspace, { path })).rejects.toMatchObject({
      code: 'already-exists',
      message: `There is already a data set named "${basename(path)}".`,
    })
    expect(await objectFiles(workspace)).toEqual(before)
  })
})
