import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type ObjectReader, type ObjectStore, readFully } from '#main/artifacts/object-store.ts'
import { storageError } from '#main/artifacts/storage-errors.ts'
import type { Launcher } from '#main/compute/pool/launcher.ts'
import { thumbnails } from '#main/workbench/datasets/thumbnails.ts'
import type { Dataset, ImageShape } from '#shared/domain/dataset.ts'
import { AppError } from '#shared/errors.ts'
import type { ObjectHash } from '#shared/ids.ts'
import { fittingShape } from './area-average.ts'
import { runSampleWorker } from './run-sample-worker.ts'

/** Pixels of the longer side of a thumbnail, at most. */
export const thumbnailSide = 64

export interface Sheet {
  readonly shape: ImageShape
  /** uint8 [n, h, w, c] */
  readonly pixels: Uint8Array
}

/** Whether a blob is being hashed still. */
interface Check {
  running: boolean
}

interface Making {
  /** Thumbnails that are in the file. */
  written: number
  /** Resolves at the next change; rejects when the making failed. */
  changed: Promise<void>
}

/**
 * Pages of small pictures, in whatever order a view shows its samples. A data set whose images are no larger than a
 * thumbnail is its own sheet: its blob is read by ranges. Of a larger one, a child process writes the thumbnails once
 * into the workspace's cache; pages are served from it while it grows.
 */
export class Sheets {
  readonly #objects: ObjectStore
  readonly #launcher: Launcher
  readonly #cache: string
  readonly #making = new Map<string, Making>()
  /** Blobs that are or were hashed. */
  readonly #checks = new Map<ObjectHash, Check>()

  constructor(options: { readonly objects: ObjectStore; readonly launcher: Launcher; readonly cache: string }) {
    this.#objects = options.objects
    this.#launcher = options.launcher
    this.#cache = join(options.cache, 'thumbnails')
  }

  /** @throws AppError `bad-input` for a sample that there is not; the child's own. */
  async read(dataset: Dataset, indices: readonly number[]): Promise<Sheet> {
    const target = fittingShape(dataset.shape, thumbnailSide)
    if (target[0] === dataset.shape[0] && target[1] === dataset.shape[1]) {
      return await this.#readImages(dataset, indices)
    }
    const highest = indices.reduce((most, index) => Math.max(most, index), 0)
    if (highest >= dataset.sampleCount) {
      throw new AppError('bad-input', `The data set "${dataset.name}" has no sample ${highest}.`, {
        hint: `Its samples are 0 to ${dataset.sampleCount - 1}.`,
      })
    }
    const file = await this.#fileWith(dataset, target, highest)
    const bytes = target[0] * target[1] * target[2]
    const pixels = new Uint8Array(indices.length * bytes)
    // The growing file may have got its last name since.
    await using handle = await open(file, 'r').catch(() => open(this.#wholeFile(dataset, target), 'r'))
    for (let i = 0; i < indices.length; ) {
      let run = 1
      while (i + run < indices.length && indices[i + run] === indices[i] + run) run++
      const part = pixels.subarray(i * bytes, (i + run) * bytes)
      if (!(await readFully(handle, part, indices[i] * bytes))) throw cacheLost(file)
      i += run
    }
    return { shape: target, pixels }
  }

  /**
   * From the blob itself. Hashing a large one takes a second, and the first pictures shouldn't wait for it: they are
   * shown while it is checked, and refused as soon as the check has failed.
   */
  async #readImages(dataset: Dataset, indices: readonly number[]): Promise<Sheet> {
    const check = this.#checks.get(dataset.images) ?? this.#check(dataset.images)
    const store = check.running ? { open: (hash: ObjectHash) => openUnchecked(this.#objects, hash) } : this.#objects
    return await thumbnails(store, dataset, indices)
  }

  #check(images: ObjectHash): Check {
    const check: Check = { running: true }
    this.#checks.set(images, check)
    // A failure is told by the next question, which asks the object itself.
    const end = (): void => {
      check.running = false
    }
    this.#objects.open(images).then(async (reader) => {
      end()
      await reader.close()
    }, end)
    return check
  }

  #wholeFile(dataset: Dataset, target: ImageShape): string {
    return join(this.#cache, `${dataset.images}-${target[0]}x${target[1]}`)
  }

  /** The cache file as soon as it holds the sample; begins it where nobody has. */
  async #fileWith(dataset: Dataset, target: ImageShape, index: number): Promise<string> {
    const whole = this.#wholeFile(dataset, target)
    const size = dataset.sampleCount * target[0] * target[1] * target[2]
    const found = await stat(whole).catch(() => null)
    if (found?.size === size) return whole
    const growing = `${whole}.${process.pid}`
    const making = this.#making.get(whole) ?? this.#make(dataset, target, growing, whole)
    while (making.written <= index) await making.changed
    return this.#making.has(whole) ? growing : whole
  }

  #make(dataset: Dataset, target: ImageShape, growing: string, whole: string): Making {
    let tell = (): void => {}
    let fail = (_error: unknown): void => {}
    const next = (): Promise<void> =>
      new Promise((resolve, reject) => {
        tell = resolve
        fail = reject
      })
    const making: Making = { written: 0, changed: next() }
    making.changed.catch(() => {})
    this.#making.set(whole, making)
    const run = async (): Promise<void> => {
      await mkdir(this.#cache, { recursive: true })
      await runSampleWorker(
        {
          kind: 'thumbnails',
          objectsRoot: this.#objects.root,
          images: dataset.images,
          shape: dataset.shape,
          count: dataset.sampleCount,
          target,
          file: growing,
        },
        {
          launcher: this.#launcher,
          onInterim: (message) => {
            if (message.kind !== 'written') return
            making.written = message.count
            const told = tell
            making.changed = next()
            making.changed.catch(() => {})
            told()
          },
        },
      )
      await rename(growing, whole)
    }
    run().then(
      () => {
        making.written = dataset.sampleCount
        this.#making.delete(whole)
        tell()
      },
      async (error: unknown) => {
        this.#making.delete(whole)
        fail(storageError(error, 'the thumbnails'))
        await rm(growing, { force: true })
      },
    )
    return making
  }
}

/** Ranges of an object whose bytes are being checked elsewhere. */
async function openUnchecked(objects: ObjectStore, hash: ObjectHash): Promise<ObjectReader> {
  const handle = await open(objects.path(hash), 'r').catch(() => null)
  // What can't be opened is explained by the store.
  if (handle === null) return await objects.open(hash)
  const { size } = await handle.stat()
  const close = async (): Promise<void> => handle.close()
  return {
    size,
    async read(offset, length) {
      const bytes = new Uint8Array(length)
      if (!(await readFully(handle, bytes, offset))) return await objects.readRange(hash, offset, length)
      return bytes
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

function cacheLost(file: string): AppError {
  return new AppError('corrupt', `The thumbnails in "${file}" end too early.`, {
    hint: 'Remove that file; it is made again from the images.',
  })
}
