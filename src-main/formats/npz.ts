import { crc32 } from 'node:zlib'
import { type Entry, openPromise, type ZipFile } from 'yauzl'
import { AppError } from '#shared/errors.ts'
import { openInputFile } from './input-file.ts'
import { decodeNpy, type NpyHeader, type NpySource, npyHeaderBytes, parseNpyHeader } from './npy.ts'
import { maxTensorBytes, type Tensor } from './tensor.ts'
import { counted, quoted } from './text.ts'

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
  const fileSize = await sizeOf(path)
  let zip: ZipFile
  try {
    zip = await openPromise(path, { autoClose: false, strictFileNames: true })
  } catch (error) {
    throw damaged(path, error)
  }
  try {
    const tensors = new Map<string, Tensor>()
    for (const [name, entry] of await listEntries(zip, path, fileSize)) {
      tensors.set(name, await readEntry(zip, entry, { file: path, array: name }))
    }
    return tensors
  } finally {
    zip.close()
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
  if (entry.isEncrypted()) throw refuseArray(source, 'is encrypted')
  if (entry.compressionMethod !== stored && entry.compressionMethod !== deflated) {
    throw refuseArray(source, `is compressed by the unknown method ${entry.compressionMethod}`)
  }
  let header: NpyHeader | null = null
  let start = Buffer.alloc(0)
  let data = new Uint8Array(0)
  let filled = 0
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
        data = new Uint8Array(header.dataBytes)
        body = start.subarray(headerBytes)
      }
      if (filled + body.byteLength > data.byteLength) throw refuseArray(source, 'is longer than its header says')
      data.set(body, filled)
      filled += body.byteLength
    }
  } catch (error) {
    throw error instanceof AppError ? error : refuseArray(source, `is damaged (${reasonOf(error)})`)
  }
  if (header === null) throw refuseArray(source, 'ends in its header')
  if (checksum !== entry.crc32) throw refuseArray(source, 'is damaged (its checksum does not match)')
  return decodeNpy(header, data.subarray(0, filled), source)
}

async function sizeOf(path: string): Promise<number> {
  await using file = await openInputFile(path)
  return file.size
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
