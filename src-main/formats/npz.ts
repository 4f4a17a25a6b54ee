import { crc32 } from 'node:zlib'
import type { Entry, ZipFile } from 'yauzl'
import { AppError } from '#shared/errors.ts'
import { type InputFile, openInputFile } from './input-file.ts'
import { decodeNpy, type NpyHeader, type NpySource, npyHeaderBytes, parseNpyHeader } from './npy.ts'
import { maxTensorBytes, type Tensor } from './tensor.ts'
import { counted, quoted } from './text.ts'
import { openZip } from './zip-input.ts'

const maxEntries = 10_000
/**
 * Deflate can expand a thousandfold, which real predictions never do: an archive may unpack to this plus a hundred
 * times its size.
 */
const freeBytes = 64 * 1024 * 1024
const maxExpansion = 100
const stored = 0
const deflated = 8

/**
 * Reads a numpy archive (numpy.savez, numpy.savez_compressed): every array, under its name without `.npy`. Checksums
 * are verified; an array is allocated only when its header, the archive's directory and the caps agree.
 * @throws AppError `bad-input` naming the file and the array: damaged or encrypted archives, members that are no
 * arrays, duplicate names, object arrays, archives that unpack to implausibly much.
 */
export async function readNpzFile(path: string): Promise<ReadonlyMap<string, Tensor>> {
  await using file = await openInputFile(path)
  using archive = await openNpz(file, path)
  const tensors = new Map<string, Tensor>()
  for (const name of archive.names) tensors.set(name, await archive.read(name))
  return tensors
}

/** A numpy archive whose directory was read and checked; the file stays the caller's. */
export interface NpzArchive extends Disposable {
  readonly names: readonly string[]
  header(name: string): Promise<NpyHeader>
  /** The whole array, its checksum verified. */
  read(name: string): Promise<Tensor>
  /** The array's elements as they lie in the file, in pieces, for those that needn't be in memory at once. */
  pieces(name: string): AsyncGenerator<Uint8Array>
}

/** @throws AppError `bad-input`, as `readNpzFile`. */
export async function openNpz(file: InputFile, path = file.path): Promise<NpzArchive> {
  let zip: ZipFile
  try {
    zip = await openZip(file, { strictFileNames: true })
  } catch (error) {
    throw damaged(path, error)
  }
  try {
    const entries = await listEntries(zip, path, file.size)
    const entryOf = (name: string): Entry => {
      const entry = entries.get(name)
      if (entry === undefined) throw refuse(path, `holds no array ${quoted(name)}`)
      return entry
    }
    return {
      names: [...entries.keys()],
      header: (name) => readHeader(zip, entryOf(name), { file: path, array: name }),
      read: (name) => readEntry(zip, entryOf(name), { file: path, array: name }),
      pieces: (name) => entryPieces(zip, entryOf(name), { file: path, array: name }),
      [Symbol.dispose]: () => zip.close(),
    }
  } catch (error) {
    zip.close()
    throw error
  }
}

async function listEntries(zip: ZipFile, path: string, fileSize: number): Promise<ReadonlyMap<string, Entry>> {
  const entries = new Map<string, Entry>()
  let total = 0
  try {
    for await (const entry of zip.eachEntry()) {
      const { fileName } = entry
      if (!fileName.endsWith('.npy')) {
        throw refuse(path, `holds ${quoted(fileName)}, which is not an array (its name does not end in .npy)`)
      }
      const name = fileName.slice(0, -'.npy'.length)
      if (entries.has(name)) throw refuse(path, `holds the array ${quoted(name)} twice`)
      entries.set(name, entry)
      if (entries.size > maxEntries) throw refuse(path, `holds more than ${counted(maxEntries, 'array')}`)
      total += entry.uncompressedSize
      if (total > Math.min(maxTensorBytes, freeBytes + maxExpansion * fileSize)) {
        throw refuse(
          path,
          `says it unpacks to more than ${Math.floor(total / 2 ** 20)} MiB, which no real file of its size does`,
        )
      }
    }
  } catch (error) {
    throw error instanceof AppError ? error : damaged(path, error)
  }
  return entries
}

async function readEntry(zip: ZipFile, entry: Entry, source: NpySource): Promise<Tensor> {
  let header: NpyHeader | null = null
  let data = new Uint8Array(0)
  let filled = 0
  for await (const part of entryParts(zip, entry, source)) {
    if (header === null) data = new Uint8Array(part.header.dataBytes)
    header = part.header
    data.set(part.body, filled)
    filled += part.body.byteLength
  }
  if (header === null) throw refuseArray(source, 'ends in its header')
  return decodeNpy(header, data.subarray(0, filled), source)
}

async function readHeader(zip: ZipFile, entry: Entry, source: NpySource): Promise<NpyHeader> {
  for await (const { header } of entryParts(zip, entry, source)) return header
  throw refuseArray(source, 'ends in its header')
}

async function* entryPieces(zip: ZipFile, entry: Entry, source: NpySource): AsyncGenerator<Uint8Array> {
  for await (const { body } of entryParts(zip, entry, source)) yield body
}

/** The header with each piece of the elements; the checksum is verified at the end. */
async function* entryParts(
  zip: ZipFile,
  entry: Entry,
  source: NpySource,
): AsyncGenerator<{ readonly header: NpyHeader; readonly body: Uint8Array }> {
  if (entry.isEncrypted()) throw refuseArray(source, 'is encrypted')
  if (entry.compressionMethod !== stored && entry.compressionMethod !== deflated) {
    throw refuseArray(source, `is compressed by the unknown method ${entry.compressionMethod}`)
  }
  let header: NpyHeader | null = null
  let start = Buffer.alloc(0)
  let passed = 0
  let checksum = 0
  try {
    const stream = await zip.openReadStreamPromise(entry)
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      checksum = crc32(chunk, checksum)
      let body: Uint8Array = chunk
      if (header === null) {
        start = Buffer.concat([start, chunk])
        if (start.byteLength < Math.min(12, entry.uncompressedSize)) continue
        const headerBytes = npyHeaderBytes(start, source)
        if (start.byteLength < headerBytes) continue
        header = parseNpyHeader(start, source)
        if (header.headerBytes + header.dataBytes !== entry.uncompressedSize) {
          const have = entry.uncompressedSize - header.headerBytes
          throw refuseArray(source, `has ${have} bytes where its shape takes ${header.dataBytes}`)
        }
        body = start.subarray(headerBytes)
      }
      passed += body.byteLength
      if (passed > header.dataBytes) throw refuseArray(source, 'is longer than its header says')
      yield { header, body }
    }
  } catch (error) {
    throw error instanceof AppError ? error : refuseArray(source, `is damaged (${reasonOf(error)})`)
  }
  if (header !== null && checksum !== entry.crc32) {
    throw refuseArray(source, 'is damaged (its checksum does not match)')
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function damaged(path: string, error: unknown): AppError {
  return new AppError('bad-input', `${quoted(path, 200)} is not a readable npz archive (${reasonOf(error)}).`, {
    hint: 'The file may be truncated: copy it again, or write it again with numpy.savez.',
    details: { file: path },
    cause: error,
  })
}

function refuse(path: string, what: string): AppError {
  return new AppError('bad-input', `${quoted(path, 200)} ${what}.`, {
    hint: 'Write the file again with numpy.savez, arrays only.',
    details: { file: path },
  })
}

function refuseArray(source: NpySource, what: string): AppError {
  return new AppError('bad-input', `The array ${quoted(source.array)} of ${quoted(source.file, 200)} ${what}.`, {
    hint: 'Write the file again with numpy.savez.',
    details: { file: source.file, array: source.array },
  })
}
