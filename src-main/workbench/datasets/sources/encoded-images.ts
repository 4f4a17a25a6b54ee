import { decodeImage } from '#main/formats/images.ts'
import { grouped } from '#main/formats/text.ts'
import { AppError } from '#shared/errors.ts'
import type { LoadedImage } from './sample-source.ts'
import type { SourceTree } from './source-tree.ts'

/** A photo has a few megabytes; this is read into memory whole. */
const maxFileBytes = 256 * 1024 * 1024
/** Files read ahead while one is decoded, and how many bytes they may hold together. */
const readAhead = 32
const readAheadBytes = 64 * 1024 * 1024

interface ReadFile {
  readonly bytes: Uint8Array | null
  /** Why there are no bytes. */
  readonly reason: string
}

/** Loads PNG and JPEG files of a tree in order, with some reads under way ahead. */
export async function* loadImageFiles(
  tree: SourceTree,
  files: readonly string[],
  indices: readonly number[] | null,
): AsyncGenerator<LoadedImage> {
  const wanted = indices ?? files.keys().toArray()
  const reads: Promise<ReadFile>[] = []
  let held = 0
  const start = async (file: string): Promise<ReadFile> => {
    const read = await readOne(tree, file)
    held += read.bytes?.byteLength ?? 0
    return read
  }
  let next = 0
  for (const index of wanted) {
    while (reads.length === 0 || (reads.length < readAhead && held < readAheadBytes)) {
      if (next >= wanted.length) break
      reads.push(start(files[wanted[next++]]))
    }
    const read = await reads.shift()
    if (read === undefined) return
    held -= read.bytes?.byteLength ?? 0
    yield read.bytes === null ? { index, image: null, reason: read.reason } : decodeEncoded(index, read.bytes)
  }
}

/** Decodes one file's bytes; what is wrong with them becomes the reason. */
export function decodeEncoded(index: number, bytes: Uint8Array): LoadedImage {
  try {
    return { index, image: decodeImage(bytes), reason: '' }
  } catch (error) {
    if (error instanceof AppError && error.code === 'bad-input') return { index, image: null, reason: error.message }
    throw error
  }
}

async function readOne(tree: SourceTree, file: string): Promise<ReadFile> {
  try {
    await using input = await tree.open(file)
    if (input.size > maxFileBytes) return { bytes: null, reason: `too large: ${grouped(input.size)} bytes` }
    return { bytes: await input.read(0, input.size), reason: '' }
  } catch {
    return { bytes: null, reason: 'cannot be read' }
  }
}
