import { type FileHandle, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readFully } from '#main/artifacts/object-store.ts'
import { storageError } from '#main/artifacts/storage-errors.ts'
import type { DecodedImage } from '#main/formats/images.ts'
import { fitToSquare } from '#main/formats/resize.ts'
import type { ImageShape } from '#shared/domain/dataset.ts'
import { AppError } from '#shared/errors.ts'

/** Size that a set keeps when all its images have it, and size it gets otherwise. */
const keptSide = 28
const defaultSide = 32
const writeBytes = 4 << 20

/**
 * Takes images one by one while two things are still open: whether all are 28x28, and whether all are grey. Pixels go
 * to a scratch file as RGB; the first image that isn't 28x28 has what is there brought to 32x32 first.
 */
export class PixelScratch {
  readonly #folder: string
  /** null: all images so far are 28x28 and nobody asked for another size. */
  #side: number | null
  #grey = true
  #count = 0
  #file: FileHandle | null = null
  #generation = 0
  #pending: Uint8Array[] = []
  #pendingBytes = 0

  constructor(folder: string, side: number | null) {
    this.#folder = folder
    this.#side = side
  }

  get count(): number {
    return this.#count
  }

  get shape(): ImageShape {
    const side = this.#side ?? keptSide
    return [side, side, this.#grey ? 1 : 3]
  }

  async add(image: DecodedImage): Promise<void> {
    if (this.#side === null && (image.width !== keptSide || image.height !== keptSide)) await this.#grow()
    if (image.channels === 3) this.#grey = false
    const side = this.#side ?? keptSide
    await this.#append(toRgb(fitToSquare(image, side), image.channels))
    this.#count++
  }

  /** All images in their final form, in chunks of whole ones. Call when everything was added. */
  async *images(): AsyncGenerator<Uint8Array> {
    await this.#flush()
    for await (const rgb of this.#chunks(this.#side ?? keptSide)) yield this.#grey ? everyThird(rgb) : rgb
  }

  async close(): Promise<void> {
    await this.#file?.close()
    this.#file = null
    await rm(this.#path, { force: true })
  }

  get #path(): string {
    return join(this.#folder, `scratch-${this.#generation}`)
  }

  async #grow(): Promise<void> {
    await this.#flush()
    const [oldFile, oldPath] = [this.#file, this.#path]
    this.#side = defaultSide
    if (oldFile === null) return
    const kept = this.#chunks(keptSide)
    this.#generation++
    this.#file = null
    const bytes = keptSide * keptSide * 3
    for await (const chunk of kept) {
      for (let at = 0; at < chunk.byteLength; at += bytes) {
        const pixels = chunk.subarray(at, at + bytes)
        await this.#append(fitToSquare({ width: keptSide, height: keptSide, channels: 3, pixels }, defaultSide))
      }
    }
    await oldFile.close()
    await rm(oldPath, { force: true })
  }

  async #append(rgb: Uint8Array): Promise<void> {
    this.#pending.push(rgb)
    this.#pendingBytes += rgb.byteLength
    if (this.#pendingBytes >= writeBytes) await this.#flush()
  }

  async #flush(): Promise<void> {
    if (this.#pendingBytes === 0) return
    const bytes = Buffer.concat(this.#pending)
    this.#pending = []
    this.#pendingBytes = 0
    try {
      this.#file ??= await open(this.#path, 'wx+')
      await this.#file.appendFile(bytes)
    } catch (error) {
      throw storageError(error, "the import's working copy")
    }
  }

  /** What the scratch file holds now, read by position so that it can be replaced meanwhile. */
  #chunks(side: number): AsyncGenerator<Uint8Array> {
    return readChunks(this.#file, side * side * 3)
  }
}

async function* readChunks(file: FileHandle | null, imageBytes: number): AsyncGenerator<Uint8Array> {
  if (file === null) return
  const { size } = await file.stat()
  const chunkBytes = Math.max(1, Math.floor((1 << 20) / imageBytes)) * imageBytes
  for (let position = 0; position < size; position += chunkBytes) {
    const bytes = new Uint8Array(Math.min(chunkBytes, size - position))
    if (!(await readFully(file, bytes, position))) throw new AppError('internal', 'The working copy lost bytes.')
    yield bytes
  }
}

function toRgb(pixels: Uint8Array, channels: 1 | 3): Uint8Array {
  if (channels === 3) return pixels
  const rgb = new Uint8Array(pixels.length * 3)
  for (let i = 0, at = 0; i < pixels.length; i++, at += 3) rgb[at] = rgb[at + 1] = rgb[at + 2] = pixels[i]
  return rgb
}

function everyThird(rgb: Uint8Array): Uint8Array {
  const grey = new Uint8Array(rgb.length / 3)
  for (let i = 0; i < grey.length; i++) grey[i] = rgb[3 * i]
  return grey
}
