import { type FileHandle, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32, inflateRawSync } from 'node:zlib'
import type { Entry, ZipFile } from 'yauzl'
import { readFully } from '#main/artifacts/object-store.ts'
import { storageError } from '#main/artifacts/storage-errors.ts'
import { gunzipPieces, isGzip, readPieces } from '#main/formats/gunzip.ts'
import type { InputFile } from '#main/formats/input-file.ts'
import { grouped, quoted } from '#main/formats/text.ts'
import { openZip } from '#main/formats/zip-input.ts'
import { AppError } from '#shared/errors.ts'
import { compareNatural } from '../natural-order.ts'
import { ByteReader } from './byte-reader.ts'
import type { LeftOut } from './left-out.ts'
import { isHiddenName, type SourceTree, type TreeListing } from './source-tree.ts'
import { tarEntries } from './tar-entries.ts'

/** No set of images that one machine trains on comes near these. */
const maxEntries = 2_000_000
const maxTotalBytes = 64 * 2 ** 30
const maxNameLength = 1024
const maxDepth = 32
/**
 * Deflate can expand a thousandfold, which images, already compressed, never do: an archive may unpack to this plus a
 * hundred times its size.
 */
const freeBytes = 64 * 2 ** 20
const maxExpansion = 100
/** Smaller members of a zip are inflated in one call. */
const wholeBytes = 16 * 2 ** 20
const writeBytes = 4 * 2 ** 20

interface Place {
  readonly offset: number
  readonly size: number
}

interface Folder {
  readonly files: Map<string, Place>
  readonly folders: Map<string, Folder>
}

export interface UnpackOptions {
  /** An existing folder; the contents go into one file of it, whatever the archive's names are. */
  readonly staging: string
  /** Called with the bytes of the archive that were read. */
  readonly onRead?: (bytes: number, total: number) => void
}

/** Whether bytes begin as an archive that is unpacked here does. */
export async function archiveKind(file: InputFile): Promise<'zip' | 'tar' | null> {
  if (file.size < 22) return null
  const start = await file.read(0, Math.min(512, file.size))
  if (start[0] === 0x50 && start[1] === 0x4b && (start[2] === 3 || start[2] === 5)) return 'zip'
  if (!(await isGzip(file))) return isTarHeader(start) ? 'tar' : null
  const reader = new ByteReader(gunzipPieces(file))
  try {
    return isTarHeader(await reader.take(512)) ? 'tar' : null
  } catch {
    return null
  } finally {
    await reader.close()
  }
}

function isTarHeader(block: Uint8Array): boolean {
  if (block.byteLength < 512) return false
  if (Buffer.from(block.subarray(257, 262)).toString('latin1') === 'ustar') return true
  // The oldest form has no mark: its checksum, in octal, is what gives it away.
  let sum = 0
  for (let i = 0; i < 512; i++) sum += i >= 148 && i < 156 ? 32 : block[i]
  const text = Buffer.from(block.subarray(148, 156))
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .trim()
  return /^[0-7]+$/.test(text) && Number.parseInt(text, 8) === sum && block[0] !== 0
}

/**
 * Unpacks an archive (zip, tar, tar packed with gzip) into one spool file and gives its contents as a tree. No name of
 * the archive ever becomes a path on disk. Links, special files and names that lead out of the archive are left out,
 * each with its reason.
 * @throws AppError `bad-input` for damaged and encrypted archives and those that unpack to implausibly much;
 * `disk-full`.
 */
export async function unpackArchive(file: InputFile, root: string, options: UnpackOptions): Promise<SourceTree> {
  const kind = await archiveKind(file)
  if (kind === null) throw refuse(root, 'is not a zip or tar archive')
  const path = join(options.staging, 'unpacked')
  const spool = new Spool(await open(path, 'wx+'), path, root, file.size)
  try {
    if (kind === 'zip') await unpackZip(file, spool, options)
    else await unpackTar(file, spool, options)
    await spool.flush()
    return spool
  } catch (error) {
    await spool[Symbol.asyncDispose]()
    if (error instanceof AppError)
      throw error.code === 'bad-input' && !error.message.startsWith('"') ? refuse(root, `is ${error.message}`) : error
    throw refuse(root, `is a damaged archive (${error instanceof Error ? error.message : String(error)})`)
  }
}

/** The unpacked contents, one behind the other, and where each is. */
class Spool implements SourceTree {
  readonly root: string
  readonly leftOut: LeftOut[] = []
  readonly #handle: FileHandle
  readonly #path: string
  readonly #top: Folder = { files: new Map(), folders: new Map() }
  readonly #limit: number
  #entries = 0
  #size = 0
  #pending: Uint8Array[] = []
  #pendingBytes = 0

  constructor(handle: FileHandle, path: string, root: string, archiveBytes: number) {
    this.#handle = handle
    this.#path = path
    this.root = root
    this.#limit = Math.min(maxTotalBytes, freeBytes + maxExpansion * archiveBytes)
  }

  get limit(): number {
    return this.#limit
  }

  note(path: string, reason: string, hidden = false): void {
    this.leftOut.push({ path: path.slice(0, maxNameLength), reason, hidden })
  }

  /** Counts an entry of whatever kind. */
  count(): void {
    if (++this.#entries > maxEntries) throw refuse(this.root, `holds more than ${grouped(maxEntries)} entries`)
  }

  /** A slot for a file of that name, or null (and a note) where it must be left out. */
  place(name: string): ((size: number) => void) | null {
    const clean = name.replaceAll('\\', '/').replace(/^(?:\.\/)+/, '')
    const parts = clean.split('/')
    const refuseIt = (reason: string, hidden = false): null => {
      this.note(name, reason, hidden)
      return null
    }
    if (clean.startsWith('/') || /^[a-z]:/i.test(clean)) return refuseIt('a name that leads out of the archive')
    if (parts.some((part) => part === '..')) return refuseIt('a name that leads out of the archive')
    if (parts.some((part) => part === '' || part === '.' || part.includes('\0'))) return refuseIt('a name that is none')
    if (clean.length > maxNameLength || parts.length > maxDepth) return refuseIt('a name that is too long')
    if (parts.some(isHiddenName)) return refuseIt('a hidden file', true)
    let folder = this.#top
    for (const part of parts.slice(0, -1)) {
      if (folder.files.has(part)) return refuseIt('a folder where there is a file')
      let next = folder.folders.get(part)
      if (next === undefined) {
        next = { files: new Map(), folders: new Map() }
        folder.folders.set(part, next)
      }
      folder = next
    }
    const last = parts[parts.length - 1]
    if (folder.files.has(last)) return refuseIt('a second file of this name')
    if (folder.folders.has(last)) return refuseIt('a file where there is a folder')
    const offset = this.#size
    return (size) => void folder.files.set(last, { offset, size })
  }

  /** Appends to what is being unpacked. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#size += bytes.byteLength
    if (this.#size > this.#limit) throw bomb(this.root, this.#limit)
    this.#pending.push(bytes)
    this.#pendingBytes += bytes.byteLength
    if (this.#pendingBytes >= writeBytes) await this.flush()
  }

  async flush(): Promise<void> {
    if (this.#pendingBytes === 0) return
    const bytes = Buffer.concat(this.#pending)
    this.#pending = []
    this.#pendingBytes = 0
    try {
      await this.#handle.appendFile(bytes)
    } catch (error) {
      throw storageError(error, "the archive's working copy")
    }
  }

  async list(name: string): Promise<TreeListing> {
    const folder = this.#folder(name)
    const sorted = (names: Iterable<string>): readonly string[] => [...names].sort(compareNatural)
    return { files: sorted(folder?.files.keys() ?? []), folders: sorted(folder?.folders.keys() ?? []) }
  }

  async open(file: string): Promise<InputFile> {
    const slash = file.lastIndexOf('/')
    const place = this.#folder(slash < 0 ? '' : file.slice(0, slash))?.files.get(file.slice(slash + 1))
    if (place === undefined) throw new AppError('bad-input', `${quoted(file, 200)} is not in the archive.`)
    const handle = this.#handle
    const { offset, size } = place
    return {
      path: file,
      size,
      async read(position, length) {
        const bytes = new Uint8Array(length)
        const inside = position >= 0 && position + length <= size
        if (!inside || !(await readFully(handle, bytes, offset + position))) {
          throw new AppError('bad-input', `${quoted(file, 200)} ends before byte ${position + length}.`)
        }
        return bytes
      },
      [Symbol.asyncDispose]: async () => {},
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close().catch(() => {})
    await rm(this.#path, { force: true })
  }

  #folder(name: string): Folder | undefined {
    let folder: Folder | undefined = this.#top
    for (const part of name === '' ? [] : name.split('/')) folder = folder?.folders.get(part)
    return folder
  }
}

async function unpackTar(file: InputFile, spool: Spool, { onRead = () => {} }: UnpackOptions): Promise<void> {
  const packed = await isGzip(file)
  let unpacked = 0
  async function* watched(): AsyncGenerator<Uint8Array> {
    let seen = 0
    const counting: InputFile = {
      ...file,
      async read(position, length) {
        seen += length
        onRead(Math.min(seen, file.size), file.size)
        return await file.read(position, length)
      },
    }
    for await (const piece of packed ? gunzipPieces(counting) : readPieces(counting)) {
      unpacked += piece.byteLength
      if (unpacked > spool.limit) throw bomb(spool.root, spool.limit)
      yield piece
    }
  }
  const reader = new ByteReader(watched())
  try {
    for await (const { name, size, kind } of tarEntries(reader)) {
      spool.count()
      if (kind === 'folder') continue
      if (kind !== 'file') {
        spool.note(name, `a ${kind}`)
        continue
      }
      const done = spool.place(name)
      for (let left = size; left > 0; ) {
        const bytes = await reader.take(Math.min(left, 1 << 20))
        if (bytes.byteLength === 0) throw new AppError('bad-input', 'truncated: the tar archive ends in a file')
        if (done !== null) await spool.write(bytes.slice())
        left -= bytes.byteLength
      }
      done?.(size)
    }
  } finally {
    await reader.close()
  }
}

async function unpackZip(file: InputFile, spool: Spool, { onRead = () => {} }: UnpackOptions): Promise<void> {
  const zip = await openZip(file)
  try {
    let read = 0
    for await (const entry of zip.eachEntry()) {
      spool.count()
      const name = nameOf(entry)
      if (name.endsWith('/')) continue
      if (((entry.externalFileAttributes >>> 16) & 0o170000) === 0o120000) {
        spool.note(name, 'a symbolic link')
        continue
      }
      if (entry.isEncrypted()) {
        spool.note(name, 'encrypted')
        continue
      }
      if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8) {
        spool.note(name, `compressed by the method ${entry.compressionMethod}, which is not read`)
        continue
      }
      if (entry.uncompressedSize > spool.limit) throw bomb(spool.root, spool.limit)
      const done = spool.place(name)
      if (done === null) continue
      const problem = await unpackMember(file, zip, entry, spool)
      if (problem === null) done(entry.uncompressedSize)
      else spool.note(name, problem)
      read += entry.compressedSize
      onRead(Math.min(read, file.size), file.size)
    }
  } finally {
    zip.close()
  }
}

/** What is wrong with the member, or null. A damaged one leaves a gap in the spool file, which nothing points at. */
async function unpackMember(file: InputFile, zip: ZipFile, entry: Entry, spool: Spool): Promise<string | null> {
  let checksum = 0
  let size = 0
  try {
    if (entry.uncompressedSize <= wholeBytes && entry.compressedSize <= wholeBytes) {
      const local = await file.read(entry.relativeOffsetOfLocalHeader, 30)
      const view = new DataView(local.buffer, local.byteOffset, local.byteLength)
      if (view.getUint32(0, true) !== 0x04034b50) return 'damaged (no local header)'
      const start = entry.relativeOffsetOfLocalHeader + 30 + view.getUint16(26, true) + view.getUint16(28, true)
      const packed = await file.read(start, entry.compressedSize)
      const bytes =
        entry.compressionMethod === 0
          ? packed
          : inflateRawSync(packed, { maxOutputLength: Math.max(1, entry.uncompressedSize) })
      checksum = crc32(bytes)
      size = bytes.byteLength
      await spool.write(bytes)
    } else {
      const stream = await zip.openReadStreamPromise(entry)
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        checksum = crc32(chunk, checksum)
        size += chunk.byteLength
        await spool.write(chunk)
      }
    }
  } catch (error) {
    if (error instanceof AppError && error.code !== 'bad-input') throw error
    if (error instanceof AppError && error.details !== undefined) throw error
    return `damaged (${error instanceof Error ? error.message : String(error)})`
  }
  if (size !== entry.uncompressedSize) return 'damaged (its size is not what the archive says)'
  return checksum === entry.crc32 ? null : 'damaged (its checksum does not match)'
}

/** Names are UTF-8 where marked so, and by most writers where not; what isn't UTF-8 is taken byte by byte. */
function nameOf(entry: Entry): string {
  const raw = entry.fileName as unknown as Buffer
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(raw)
  } catch {
    return raw.toString('latin1')
  }
}

function bomb(root: string, limit: number): AppError {
  return new AppError(
    'bad-input',
    `${quoted(root, 200)} unpacks to more than ${grouped(Math.floor(limit / 2 ** 20))} MiB, which no archive of images of its size does.`,
    { hint: 'Unpack it yourself if you trust it, and import the folder.', details: { limit } },
  )
}

function refuse(root: string, what: string): AppError {
  return new AppError('bad-input', `${quoted(root, 200)} ${what}.`, {
    hint: 'The file may be truncated: copy it again.',
    details: { file: root },
  })
}
