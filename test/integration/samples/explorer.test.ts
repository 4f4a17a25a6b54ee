import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { forkLauncher } from '#main/compute/pool/fork-launcher.ts'
import { openWorkbench, type Workbench } from '#main/workbench/workbench.ts'
import type { EmbeddingEvent } from '#shared/domain/sample.ts'
import type { AppError } from '#shared/errors.ts'
import { folderOf, plain, pngOf, temporaryFolder } from '#test/integration/datasets/workspace.ts'

const int32 = (packed: string): Int32Array => new Int32Array(Uint8Array.from(Buffer.from(packed, 'base64')).buffer)
const float32 = (packed: string): Float32Array =>
  new Float32Array(Uint8Array.from(Buffer.from(packed, 'base64')).buffer)

/** 30 dark and 30 light images, each of another shade, and a copy of the first. */
async function open(size: number): Promise<{ readonly workbench: Workbench; readonly root: string }> {
  const root = await temporaryFolder()
  const pictures = Object.fromEntries(
    ['dark', 'light'].flatMap((name, c) =>
      Array.from({ length: 30 }, (_, i) => [`${name}/${i}.png`, pngOf(plain(size, size, 120 * c + 2 * i, 120 * c, 9))]),
    ),
  )
  pictures['light/copy.png'] = pictures['dark/0.png']
  const workbench = await openWorkbench({ workspace: root, launcher: forkLauncher, shell: 'cli' })
  for await (const _event of workbench.api.datasets.import({
    path: await folderOf(pictures),
    name: 'shades',
    size,
    strict: true,
    format: 'folder',
  }));
  return { workbench, root }
}

async function pointsOf(stream: AsyncIterable<EmbeddingEvent>): Promise<Extract<EmbeddingEvent, { kind: 'points' }>> {
  let last: EmbeddingEvent | null = null
  for await (const event of stream) last = event
  if (last?.kind !== 'points') throw new Error('There were no points.')
  return last
}

it('the explorer’s procedures tell everything about each sample', async () => {
  const { workbench } = await open(8)
  const { samples, tags, forgetSets } = workbench.api
  const dataset = 'shades'
  try {
    const columns = await samples.columns({ dataset })
    expect(columns).toMatchObject({ count: 61, nearGroup: null, suspects: null, groups: [], givenSplit: null })
    expect([...int32(columns.labels)]).toEqual(Array.from({ length: 61 }, (_, id) => (id < 30 ? 0 : 1)))
    expect(int32(columns.duplicateOf)[60]).toBe(0)

    const { names } = await samples.names({ dataset, offset: 58, limit: 50 })
    expect(names).toEqual(['light/28.png', 'light/29.png', 'light/copy.png'])

    const sheet = await samples.sheet({ dataset, indices: [31, 0, 60] })
    const pixels = Buffer.from(sheet.pixels, 'base64')
    expect(sheet.shape).toEqual([8, 8, 3])
    expect([pixels[0], pixels[192], pixels[384]]).toEqual([122, 0, 0])
    await expect(samples.sheet({ dataset, indices: [61] })).rejects.toMatchObject({ code: 'bad-input' })

    const parts = Buffer.from((await samples.parts({ dataset, split: 'default' })).parts, 'base64')
    const [split] = await workbench.api.splits.list({ dataset })
    const sizes = [split.counts.members, split.counts.twinPool, split.counts.evaluation]
    expect([1, 2, 3].map((part) => parts.filter((code) => code === part).length)).toEqual(
      sizes.map(([dark, light]) => dark + light),
    )

    await tags.add({ dataset, tag: 'odd', samples: '1,3,5' })
    expect(await tags.add({ dataset, tag: 'odd', samples: '5-7' })).toMatchObject({ samples: '1,3,5-7', count: 5 })
    expect((await tags.remove({ dataset, tag: 'odd', samples: '0-3' })).tag).toMatchObject({ samples: '5-7' })
    expect(await tags.list({ dataset })).toHaveLength(1)
    await expect(tags.remove({ dataset, tag: 'even', samples: '1' })).rejects.toMatchObject({ code: 'not-found' })
    await expect(tags.add({ dataset, tag: 'odd', samples: '61' })).rejects.toMatchObject({ code: 'bad-input' })

    await forgetSets.create({ dataset, split: 'default', seed: 1, name: 'all dark', className: 'dark', fraction: 1 })
    const member = parts.indexOf(1)
    const details = await samples.details({ dataset, index: member })
    expect(details).toMatchObject({
      index: member,
      label: 0,
      splits: [{ name: 'default', part: 'members' }],
      forgetSets: [{ name: 'all dark' }],
      predictions: [],
    })
    expect(await samples.details({ dataset, index: 0 })).toMatchObject({ name: 'dark/0.png', copies: [60] })
    expect((await samples.details({ dataset, index: 6 })).tags).toEqual(['odd'])

    expect((await tags.remove({ dataset, tag: 'odd', samples: '0-60' })).tag).toBeNull()
    expect(await tags.list({ dataset })).toEqual([])
  } finally {
    await workbench.close()
  }
})

it('maps are computed in a process of their own, once, and neighbours are found by them', async () => {
  const { workbench, root } = await open(8)
  const { embedding } = workbench.api
  const request = { dataset: 'shades', method: 'pca', limit: 50, seed: 1 } as const
  try {
    const first = await pointsOf(embedding.compute(request))
    expect(first).toMatchObject({ method: 'pca', total: 61 })
    const points = float32(first.points)
    expect(points).toHaveLength(122)
    // One direction, from dark to light, carries nearly everything, and copies lie on one point.
    expect(first.explained?.[0]).toBeGreaterThan(0.9)
    expect(points[0]).toBeCloseTo(points[120], 4)
    const darkest = Math.max(...[...points.filter((_, i) => i % 2 === 0)].slice(1, 30))
    expect(Math.min(...[...points.filter((_, i) => i % 2 === 0)].slice(30, 60))).toBeGreaterThan(darkest)
    expect(await pointsOf(embedding.compute(request))).toEqual(first)

    const umap = await pointsOf(embedding.compute({ ...request, method: 'umap' }))
    expect(umap).toMatchObject({ method: 'umap', total: 61, explained: null })
    expect(int32(umap.ids)).toHaveLength(50)
    expect(float32(umap.points).every(Number.isFinite)).toBe(true)

    const near = await embedding.neighbours({ dataset: 'shades', index: 10, count: 4 })
    expect(near.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual([8, 9, 11, 12])
    expect(near[0].distance).toBeLessThanOrEqual(near[3].distance)

    // A cache that was damaged, or is gone, is made again with the same bits.
    const folder = join(root, 'cache', 'embeddings', (await workbench.api.datasets.get({ dataset: 'shades' })).images)
    for (const file of await readdir(folder)) await truncate(join(folder, file), 40)
    expect(await pointsOf(embedding.compute({ ...request, method: 'umap' }))).toEqual(umap)
    await rm(join(root, 'cache'), { recursive: true })
    expect(await pointsOf(embedding.compute(request))).toEqual(first)
  } finally {
    await workbench.close()
  }
})

it('a map that nobody waits for any more stops, and leaves nothing half done', async () => {
  const { workbench, root } = await open(8)
  try {
    const stop = new AbortController()
    const stream = workbench.api.embedding.compute(
      { dataset: 'shades', method: 'umap', limit: 50, seed: 3 },
      { signal: stop.signal },
    )
    const seen: string[] = []
    await expect(async () => {
      for await (const event of stream) {
        seen.push(event.kind)
        stop.abort()
      }
    }).rejects.toMatchObject({ code: 'cancelled' })
    expect(seen).toContain('progress')
    const files = await readdir(join(root, 'cache', 'embeddings'), { recursive: true })
    expect(files.filter((name) => name.includes('.'))).toEqual([])
  } finally {
    await workbench.close()
  }
})

it('thumbnails of larger images are made once in the workspace, and kept', async () => {
  const { workbench, root } = await open(128)
  try {
    const indices = Array.from({ length: 61 }, (_, id) => 60 - id)
    const sheet = await workbench.api.samples.sheet({ dataset: 'shades', indices })
    expect(sheet.shape).toEqual([64, 64, 3])
    const pixels = Buffer.from(sheet.pixels, 'base64')
    expect([pixels[0], pixels[64 * 64 * 3]]).toEqual([0, 120 + 2 * 29])
    const again = await workbench.api.samples.sheet({ dataset: 'shades', indices })
    expect(again).toEqual(sheet)
    // The pages were there before the file had its last name.
    await expect
      .poll(() => readdir(join(root, 'cache', 'thumbnails')))
      .toEqual([expect.stringMatching(/^[0-9a-f]{64}-64x64$/)])
    expect(await workbench.api.samples.sheet({ dataset: 'shades', indices })).toEqual(sheet)
  } finally {
    await workbench.close()
  }
})

it('pictures of a damaged data set are refused as soon as the damage is known', async () => {
  const { workbench, root } = await open(8)
  try {
    const { images } = await workbench.api.datasets.get({ dataset: 'shades' })
    const file = join(root, 'objects', images.slice(0, 2), images.slice(2))
    const bytes = await readFile(file)
    bytes[5] ^= 1
    await writeFile(file, bytes)
    const ask = () => workbench.api.samples.sheet({ dataset: 'shades', indices: [0] })
    await expect
      .poll(() =>
        ask().then(
          () => 'shown',
          (error: AppError) => error.code,
        ),
      )
      .toBe('corrupt')
    await expect(ask()).rejects.toMatchObject({ code: 'corrupt' })
  } finally {
    await workbench.close()
  }
})
