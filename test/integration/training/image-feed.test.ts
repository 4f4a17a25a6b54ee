import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { createPixelFeed, ImageCache, withLabels } from '#main/compute/worker/data/image-feed.ts'
import { loadEngine } from '#main/compute/worker/engines/engine.ts'
import { storeProblem } from './tiny-problem.ts'

// Three images of 1x2 pixels with two channels.
const data = {
  height: 1,
  width: 2,
  channels: 2,
  classCount: 2,
  normalisation: { mean: [0.5, 0.2], std: [0.25, 0.1] },
}
const bytes = Uint8Array.of(0, 51, 255, 0, 1, 2, 3, 4, 255, 255, 0, 0)

describe('an image feed', () => {
  it('gathers samples in the order asked for, normalised channel by channel', async () => {
    const engine = await loadEngine('wasm')
    const batch = createPixelFeed(engine, data, bytes).batch([2, 0, 2])
    expect(batch.shape).toEqual([3, 1, 2, 2])
    // (1 - 0.5) / 0.25 = 2, (1 - 0.2) / 0.1 = 8, (0 - 0.5) / 0.25 = -2, (0 - 0.2) / 0.1 = -2, 51 / 255 = 0.2.
    const image2 = [2, 8, -2, -2]
    const expected = [...image2, -2, 0, 2, -2, ...image2]
    const values = [...batch.dataSync()]
    for (const [i, value] of values.entries()) expect(value).toBeCloseTo(expected[i], 5)
    batch.dispose()
  })

  it('adds noise of the given strength to the given rows only', async () => {
    const engine = await loadEngine('wasm')
    const feed = createPixelFeed(engine, data, bytes)
    let drawn = 0
    const normals = (): number => ++drawn
    const [clean, noisy] = [feed.batch([0, 1]), feed.batch([0, 1], { sigma: Float32Array.of(0, 0.5), normals })]
    const difference = noisy.dataSync().map((value, i) => value - clean.dataSync()[i])
    for (const [i, value] of [0, 0, 0, 0, 0.5, 1, 1.5, 2].entries()) expect(difference[i]).toBeCloseTo(value, 5)
    clean.dispose()
    noisy.dispose()
  })

  it('shows each row in the view it is given, black border and all, on every engine alike', async () => {
    const rows: number[][] = []
    for (const id of ['wasm', 'cpu'] as const) {
      const batch = createPixelFeed(await loadEngine(id), data, bytes).batch([2, 0, 0], undefined, {
        flips: Uint8Array.of(1, 0, 0),
        down: Int8Array.of(0, 0, 1),
        right: Int8Array.of(0, 1, 0),
      })
      rows.push([...batch.dataSync()])
      batch.dispose()
    }
    // Image 2 is (255, 255)(0, 0), mirrored; image 0 is (0, 51)(255, 0), of which only the right half, then nothing is left.
    const black = [-2, -2]
    const expected = [...black, 2, 8, 2, -2, ...black, ...black, ...black]
    for (const [i, value] of rows[0].entries()) expect(value).toBeCloseTo(expected[i], 5)
    expect(rows[1]).toEqual(rows[0])
  })

  it('keeps a channel without spread finite', async () => {
    const engine = await loadEngine('wasm')
    const flat = { ...data, normalisation: { mean: [0.5, 0.5], std: [0, 0.1] } }
    const batch = createPixelFeed(engine, flat, bytes).batch([0, 1, 2])
    expect([...batch.dataSync()].every(Number.isFinite)).toBe(true)
    batch.dispose()
  })

  it('refuses bytes that are no whole images, labels of another number, and samples that are not there', async () => {
    const engine = await loadEngine('wasm')
    expect(() => createPixelFeed(engine, data, bytes.subarray(1))).toThrow('11 bytes')
    const feed = createPixelFeed(engine, data, bytes)
    expect(() => withLabels(feed, new Int32Array(4))).toThrow('3 images but 4 labels')
    for (const sample of [-1, 3, Number.NaN]) expect(() => feed.batch([sample])).toThrow(`no sample ${sample}`)
  })
})

describe('the image cache', () => {
  it('reads an object once, and another one when it is asked for', async () => {
    await using stored = await storeProblem()
    const cache = new ImageCache()
    const first = await cache.read(stored.objects, stored.images)
    expect(await cache.read(stored.objects, stored.images)).toBe(first)
    const others = await stored.objects.put(bytes)
    expect(await cache.read(stored.objects, others)).toEqual(bytes)
  })

  it('holds a large set once, however many ask for it', async () => {
    await using stored = await storeProblem()
    const size = 48 * 2 ** 20
    const large = await stored.objects.put(
      Readable.from(Array.from({ length: 48 }, (_, i) => Buffer.alloc(2 ** 20, i))),
    )
    const cache = new ImageCache()
    const before = process.memoryUsage().arrayBuffers
    const reads = await Promise.all([1, 2, 3].map(() => cache.read(stored.objects, large)))
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1.25 * size)
    expect(new Set(reads).size).toBe(1)
  })

  it('tries again after a read that failed', async () => {
    await using stored = await storeProblem()
    const cache = new ImageCache()
    await stored.objects.remove(stored.images)
    await expect(cache.read(stored.objects, stored.images)).rejects.toMatchObject({ code: 'corrupt' })
    const { problem } = await import('./tiny-problem.ts')
    await stored.objects.put(problem.pixels)
    expect(await cache.read(stored.objects, stored.images)).toEqual(problem.pixels)
  })
})
