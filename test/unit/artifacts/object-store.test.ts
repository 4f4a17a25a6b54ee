import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hashOf, ObjectStore, type StoredObject, writeSynced } from '#main/artifacts/object-store.ts'
import { storageError } from '#main/artifacts/storage-errors.ts'
import type { ObjectHash } from '#shared/ids.ts'

/** SHA-256 of "abc": FIPS 180-2, appendix B.1. */
const abcHash = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' as ObjectHash
const abc = new TextEncoder().encode('abc')

let folder: string
let store: ObjectStore

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tmu-objects-'))
  store = new ObjectStore(join(folder, 'objects'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** Deterministic bytes that don't repeat in slices. */
function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8) * 7 + (i >> 16)) & 255
  return bytes
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function all(from: ObjectStore): Promise<readonly StoredObject[]> {
  const found: StoredObject[] = []
  for await (const object of from.list()) found.push(object)
  return found
}

describe('storing', () => {
  it('names an object by the SHA-256 of its bytes and keeps it under two folders', async () => {
    expect(await store.put(abc)).toBe(abcHash)
    expect(store.path(abcHash)).toBe(join(folder, 'objects', 'ba', abcHash.slice(2)))
    expect(await readFile(store.path(abcHash), 'utf8')).toBe('abc')
  })

  it('takes a stream of chunks of any size for the same object', async () => {
    const bytes = pattern(3_000_001)
    const hash = createHash('sha256').update(bytes).digest('hex')
    expect(await store.put(bytes)).toBe(hash)
    await store.remove(hash as ObjectHash)
    expect(await store.put(inPieces(bytes, 1_100_003))).toBe(hash)
    expect(Buffer.from(await store.read(hash as ObjectHash)).equals(bytes)).toBe(true)
  })

  it('keeps the empty object too', async () => {
    const hash = await store.put(new Uint8Array(0))
    expect(await store.read(hash)).toEqual(new Uint8Array(0))
    expect(await store.has(hash)).toBe(true)
  })

  it('keeps an object that is already there', async () => {
    await store.put(abc)
    const before = await stat(store.path(abcHash))
    await delay(10)
    await store.put(abc)
    await store.put(inPieces(abc, 1))
    expect((await stat(store.path(abcHash))).mtimeMs).toBe(before.mtimeMs)
  })

  it('heals an object that lost bytes', async () => {
    await store.put(abc)
    await truncate(store.path(abcHash), 2)
    await store.put(abc)
    expect(await store.read(abcHash)).toEqual(abc)
  })

  it('survives many writers of the same object at once', async () => {
    const hashes = await Promise.all(Array.from({ length: 20 }, () => store.put(inPieces(abc, 2))))
    expect(new Set(hashes)).toEqual(new Set([abcHash]))
    expect(await store.leftOvers()).toEqual([])
  })

  it('leaves nothing behind when the stream fails in the middle', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield abc
      throw new Error('the source broke')
    }
    await expect(store.put(failing())).rejects.toThrow('the source broke')
    expect(await store.leftOvers()).toEqual([])
    expect(await all(store)).toEqual([])
  })

  it('takes over a finished file of a staging folder and says whether it was new', async () => {
    const staging = await store.createStagingFolder('import')
    const first = await writeSynced(join(staging, 'one'), [abc])
    const second = await writeSynced(join(staging, 'two'), [abc])
    expect(first).toEqual({ hash: abcHash, size: 3 })
    expect(await store.adopt(join(staging, 'one'), first.hash)).toEqual({ created: true })
    expect(await store.adopt(join(staging, 'two'), second.hash)).toEqual({ created: false })
    expect(await readdir(staging)).toEqual([])
    expect(await store.read(abcHash)).toEqual(abc)
  })
})

describe('reading', () => {
  it('refuses a damaged object and names it', async () => {
    await store.put(abc)
    await writeFile(store.path(abcHash), 'abd')
    await expect(store.read(abcHash)).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining(abcHash),
    })
    await expect(store.readRange(abcHash, 0, 1)).rejects.toMatchObject({ code: 'corrupt' })
  })

  it('refuses a missing object and names it', async () => {
    await expect(store.read(abcHash)).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringMatching(/missing/),
    })
  })

  it('refuses a name that would lead out of the store', async () => {
    await expect(store.read('../../etc/passwd' as ObjectHash)).rejects.toMatchObject({ code: 'corrupt' })
    expect(() => store.path(abcHash.toUpperCase() as ObjectHash)).toThrow(/not the name of an object/)
  })

  it('gives ranges of a large object', async () => {
    const bytes = pattern(2_500_000)
    const hash = await store.put(bytes)
    await using reader = await store.open(hash)
    expect(reader.size).toBe(bytes.length)
    for (const [offset, length] of [
      [0, 10],
      [1_048_570, 12],
      [2_499_999, 1],
      [2_500_000, 0],
    ]) {
      expect(await reader.read(offset, length)).toEqual(bytes.slice(offset, offset + length))
    }
    await expect(reader.read(2_499_999, 2)).rejects.toMatchObject({ code: 'internal' })
  })

  it('checks a large object once, and finds damage that was there before', async () => {
    const bytes = pattern(2_000_000)
    const hash = await store.put(bytes)
    const changed = bytes.slice()
    changed[1_999_999] ^= 1
    await writeFile(store.path(hash), changed)
    await expect(store.readRange(hash, 0, 4)).rejects.toMatchObject({ code: 'corrupt' })
    await writeFile(store.path(hash), bytes)
    expect(await store.readRange(hash, 0, 4)).toEqual(bytes.slice(0, 4))
  })
})

describe('looking after objects', () => {
  it('lists every object with its size and passes over other files', async () => {
    const other = await store.put(new Uint8Array([1, 2]))
    await store.put(abc)
    await writeFile(join(store.root, 'ba', 'README'), 'not an object')
    await mkdir(join(store.root, 'zz'))
    const listed = await all(store)
    expect(listed).toEqual(
      [
        { hash: abcHash, size: 3 },
        { hash: other, size: 2 },
      ].sort((a, b) => (a.hash < b.hash ? -1 : 1)),
    )
  })

  it('lists nothing in a store that was never written to, and makes no folder for that', async () => {
    expect(await all(store)).toEqual([])
    expect(await store.leftOvers()).toEqual([])
    expect(await readdir(folder)).toEqual([])
  })

  it('tells sound, damaged and missing objects apart', async () => {
    await store.put(abc)
    expect(await store.verify(abcHash)).toEqual({ state: 'ok', size: 3 })
    await store.read(abcHash)
    await writeFile(store.path(abcHash), 'xyz')
    const found = hashOf(new TextEncoder().encode('xyz'))
    expect(await store.verify(abcHash)).toEqual({ state: 'damaged', found, size: 3 })
    await store.remove(abcHash)
    expect(await store.verify(abcHash)).toEqual({ state: 'missing' })
  })

  it('says whether there was something to remove', async () => {
    await store.put(abc)
    expect(await store.remove(abcHash)).toBe(true)
    expect(await store.remove(abcHash)).toBe(false)
    expect(await store.has(abcHash)).toBe(false)
  })

  it('leaves what another machine writes alone, unless it is a day old', async () => {
    await store.put(abc)
    const foreign = join(store.root, 'tmp', `${2 ** 30}-0123abcd-0123abcd-put-x`)
    await writeFile(foreign, 'half')
    await store.removeLeftOvers()
    expect(await store.leftOvers()).toEqual([expect.objectContaining({ path: foreign, ownerAlive: true })])
    const longAgo = new Date(Date.now() - 25 * 3600 * 1000)
    await utimes(foreign, longAgo, longAgo)
    await store.removeLeftOvers()
    expect(await store.leftOvers()).toEqual([])
  })

  it('finds and removes what a killed writer left, and spares what a live one is writing', async () => {
    const script = `
      const { ObjectStore } = await import(${JSON.stringify(new URL('../../../src-main/artifacts/object-store.ts', import.meta.url).href)})
      const store = new ObjectStore(${JSON.stringify(store.root)})
      await store.createStagingFolder('import')
      await store.put((async function* () {
        yield new Uint8Array(1000)
        process.stdout.write('writing')
        await new Promise((resolve) => setTimeout(resolve, 60_000))
      })())`
    const writer = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await new Promise((resolve) => writer.stdout.once('data', resolve))
    expect((await store.leftOvers()).map((found) => [found.size, found.ownerAlive])).toEqual([
      [0, true],
      [1000, true],
    ])
    expect(await store.removeLeftOvers()).toEqual([])
    const ended = new Promise((resolve) => writer.once('exit', resolve))
    writer.kill('SIGKILL')
    await ended
    expect((await store.leftOvers()).map((found) => found.ownerAlive)).toEqual([false, false])
    expect(await store.removeLeftOvers()).toHaveLength(2)
    expect(await store.leftOvers()).toEqual([])
  })
})

describe('a disk that refuses', () => {
  it('because it is full leaves nothing behind and goes on when there is room again', async (context) => {
    const disk = join(folder, 'small-disk')
    await mkdir(disk)
    // Only root on Linux may make a small disk; elsewhere this is shown as skipped.
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]).status !== 0) context.skip()
    try {
      const small = new ObjectStore(join(disk, 'objects'))
      await expect(small.put(inPieces(pattern(3_000_000), 100_000))).rejects.toMatchObject({ code: 'disk-full' })
      expect(await small.leftOvers()).toEqual([])
      expect(await all(small)).toEqual([])
      expect(await small.put(abc)).toBe(abcHash)
    } finally {
      spawnSync('umount', [disk])
    }
  })

  it.skipIf(process.platform !== 'linux')('because it is full is called that', async () => {
    const error: unknown = await writeFile('/dev/full', 'x').catch((reason: unknown) => reason)
    expect(storageError(error, 'an object')).toMatchObject({
      code: 'disk-full',
      message: expect.stringContaining('an object'),
    })
  })

  it.skipIf(process.platform !== 'linux')('because it is read-only is called that, by the store itself', async () => {
    // The kernel's own file systems let nobody write, not even root; elsewhere a folder without the right does it.
    const root = process.getuid?.() === 0 ? '/sys/tmu-objects' : join(folder, 'locked')
    if (process.getuid?.() !== 0) {
      await mkdir(root)
      await chmod(root, 0o500)
    }
    const locked = new ObjectStore(root)
    await expect(locked.put(abc)).rejects.toMatchObject({ code: 'workspace-read-only' })
    await expect(locked.createStagingFolder('import')).rejects.toMatchObject({ code: 'workspace-read-only' })
  })
})
