import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { AppError } from '#shared/errors.ts'
import type { ObjectHash } from '#shared/ids.ts'
import { errnoOf, storageError } from './storage-errors.ts'

/** Hashing and copying go in slices of this size, so that no slice holds the event loop for more than a few ms. */
const sliceBytes = 1 << 20
const temporaryFolder = 'tmp'
/** In the names of this process's temporary files: a process id alone may have had another owner before a restart. */
const processToken = `${process.pid}-${randomUUID().slice(0, 8)}`
/** Workers on other machines may share the store: their process ids say nothing here. */
const hostToken = createHash('sha256').update(hostname()).digest('hex').slice(0, 8)
/** No write takes so long: what another machine left is abandoned then. */
const foreignLimitMs = 24 * 3600 * 1000

export interface StoredObject {
  readonly hash: ObjectHash
  /** Bytes. */
  readonly size: number
}

/** What `verify` found: `damaged` carries the hash of the bytes that are there instead. */
export type ObjectHealth =
  | { readonly state: 'ok'; readonly size: number }
  | { readonly state: 'missing' }
  | { readonly state: 'damaged'; readonly found: ObjectHash; readonly size: number }

/** A temporary file or folder whose writer died before it was done (or is still at work: `ownerAlive`). */
export interface LeftOver {
  readonly path: string
  /** Bytes of a file; 0 for a folder. */
  readonly size: number
  readonly ownerAlive: boolean
}

/** An object opened for reading ranges; close it, or hold it with `await using`. */
export interface ObjectReader extends AsyncDisposable {
  readonly size: number
  /** @throws AppError `internal` when the range reaches beyond the object's end. */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>
  close(): Promise<void>
}

/**
 * Content-addressed objects in a folder, `ab/cdef…` by the SHA-256 of their bytes. Main process and workers use
 * it side by side without a lock: an object appears whole by a rename or not at all, and never changes afterwards.
 */
export class ObjectStore {
  readonly root: string
  /** Objects whose bytes this process has checked: ranges of them are read without hashing them again. */
  readonly #verified = new Map<ObjectHash, Promise<void>>()

  constructor(root: string) {
    this.root = resolve(root)
  }

  /** @throws AppError `corrupt` for anything that isn't 64 lower-case hex digits: it would lead out of the store. */
  path(hash: ObjectHash): string {
    if (!isObjectHash(hash)) throw new AppError('corrupt', `${JSON.stringify(hash)} is not the name of an object.`)
    return join(this.root, hash.slice(0, 2), hash.slice(2))
  }

  /**
   * Stores bytes and returns their name. Durable when it returns (file and folders are synced). An object that is
   * already there is kept.
   * @throws AppError `disk-full`, `workspace-read-only`; nothing is left behind then.
   */
  async put(content: Uint8Array | AsyncIterable<Uint8Array>): Promise<ObjectHash> {
    if (content instanceof Uint8Array && content.byteLength <= sliceBytes) {
      const hash = hashOf(content)
      if (await this.#holds(hash, content.byteLength)) return hash
    }
    const temporary = await this.#temporaryPath('put')
    try {
      const { hash, size } = await writeSynced(temporary, content instanceof Uint8Array ? [content] : content)
      await this.#place(temporary, hash, size)
      return hash
    } catch (error) {
      throw storageError(error, 'an object')
    } finally {
      await rm(temporary, { force: true })
    }
  }

  /**
   * Takes over a finished, synced file from a staging folder of this store by renaming it: no copy is made. `hash` is
   * what its writer computed while writing. `created` is false when the object was there before.
   */
  async adopt(file: string, hash: ObjectHash): Promise<{ readonly created: boolean }> {
    try {
      const { size } = await stat(file)
      if (await this.#holds(hash, size)) {
        await rm(file, { force: true })
        return { created: false }
      }
      await this.#place(file, hash, size)
      return { created: true }
    } catch (error) {
      throw storageError(error, `the object ${hash}`)
    }
  }

  /** A new, empty folder in the store's file system, for work whose results are `adopt`ed. The caller removes it. */
  async createStagingFolder(purpose: string): Promise<string> {
    const path = await this.#temporaryPath(purpose)
    try {
      await mkdir(path)
      return path
    } catch (error) {
      throw storageError(error, 'a working folder')
    }
  }

  /**
   * The object's bytes, checked against its name.
   * @throws AppError `corrupt` naming the object when it is missing or its bytes have changed.
   */
  async read(hash: ObjectHash): Promise<Uint8Array<ArrayBuffer>> {
    const handle = await this.#open(hash)
    try {
      const { size } = await handle.stat()
      const bytes = new Uint8Array(size)
      const found = await hashFile(handle, bytes)
      if (found !== hash) throw damaged(hash)
      this.#verified.set(hash, Promise.resolve())
      return bytes
    } catch (error) {
      throw storageError(error, `the object ${hash}`)
    } finally {
      await handle.close()
    }
  }

  /** Opens an object for reading ranges. The whole object is hashed the first time this process opens it. */
  async open(hash: ObjectHash): Promise<ObjectReader> {
    await this.#verifyOnce(hash)
    const handle = await this.#open(hash)
    const { size } = await handle.stat()
    const close = async (): Promise<void> => handle.close()
    return {
      size,
      async read(offset, length) {
        if (offset < 0 || length < 0 || offset + length > size) {
          throw new AppError(
            'internal',
            `The range ${offset}+${length} is outside the ${size} bytes of object ${hash}.`,
          )
        }
        const bytes = new Uint8Array(length)
        if (!(await readFully(handle, bytes, offset))) throw damaged(hash)
        return bytes
      },
      close,
      [Symbol.asyncDispose]: close,
    }
  }

  /** `length` bytes from `offset`; verified like `open`. */
  async readRange(hash: ObjectHash, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    await using reader = await this.open(hash)
    return await reader.read(offset, length)
  }

  async has(hash: ObjectHash): Promise<boolean> {
    return (await this.size(hash)) !== null
  }

  /** Bytes, or null when there is no such object. Its content isn't looked at. */
  async size(hash: ObjectHash): Promise<number | null> {
    try {
      const found = await stat(this.path(hash))
      return found.isFile() ? found.size : null
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return null
      throw storageError(error, `the object ${hash}`)
    }
  }

  /** Returns whether there was such an object. Whether it is still referenced is the caller's to know. */
  async remove(hash: ObjectHash): Promise<boolean> {
    this.#verified.delete(hash)
    try {
      await rm(this.path(hash))
      return true
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false
      throw storageError(error, `the object ${hash}`)
    }
  }

  /** Every object by name, ascending. Files with other names aren't objects and are passed over. */
  async *list(): AsyncGenerator<StoredObject> {
    for (const prefix of await entriesOf(this.root)) {
      if (!/^[0-9a-f]{2}$/.test(prefix)) continue
      for (const rest of await entriesOf(join(this.root, prefix))) {
        const hash = prefix + rest
        if (!isObjectHash(hash)) continue
        const size = await this.size(hash)
        if (size !== null) yield { hash, size }
      }
    }
  }

  /** Hashes the object again, whatever was checked before. */
  async verify(hash: ObjectHash): Promise<ObjectHealth> {
    this.#verified.delete(hash)
    const size = await this.size(hash)
    if (size === null) return { state: 'missing' }
    const handle = await this.#open(hash)
    try {
      const found = await hashFile(handle, null)
      return found === hash ? { state: 'ok', size } : { state: 'damaged', found, size }
    } catch (error) {
      throw storageError(error, `the object ${hash}`)
    } finally {
      await handle.close()
    }
  }

  /** Temporary files and folders, of dead writers and of live ones. */
  async leftOvers(): Promise<readonly LeftOver[]> {
    const folder = join(this.root, temporaryFolder)
    const found: LeftOver[] = []
    for (const name of await entriesOf(folder)) {
      const path = join(folder, name)
      const info = await stat(path).catch(() => null)
      if (info === null) continue
      found.push({ path, size: info.isFile() ? info.size : 0, ownerAlive: isOwnerAlive(name, info.mtimeMs) })
    }
    return found
  }

  /** Removes what dead writers left; returns what it removed. */
  async removeLeftOvers(): Promise<readonly LeftOver[]> {
    const dead = (await this.leftOvers()).filter((found) => !found.ownerAlive)
    for (const { path } of dead) {
      try {
        await rm(path, { recursive: true, force: true })
      } catch (error) {
        throw storageError(error, 'a left-over temporary file')
      }
    }
    return dead
  }

  async #holds(hash: ObjectHash, size: number): Promise<boolean> {
    // An object of another size was damaged from outside; storing it again heals it.
    return (await this.size(hash)) === size
  }

  async #place(temporary: string, hash: ObjectHash, size: number): Promise<void> {
    const target = this.path(hash)
    const folder = join(this.root, hash.slice(0, 2))
    if (await this.#holds(hash, size)) return
    if ((await mkdir(folder, { recursive: true })) !== undefined) await syncFolder(this.root)
    try {
      await rename(temporary, target)
    } catch (error) {
      // Windows refuses to replace a file that a reader holds open; the one there is the same object.
      if (!(await this.#holds(hash, size))) throw error
    }
    await syncFolder(folder)
  }

  async #temporaryPath(purpose: string): Promise<string> {
    const folder = join(this.root, temporaryFolder)
    try {
      await mkdir(folder, { recursive: true })
    } catch (error) {
      throw storageError(error, 'the object store')
    }
    return join(folder, `${processToken}-${hostToken}-${purpose}-${randomUUID()}`)
  }

  async #open(hash: ObjectHash): Promise<FileHandle> {
    try {
      return await open(this.path(hash), 'r')
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') {
        throw new AppError('corrupt', `The object ${hash} is missing from the workspace.`, {
          hint: 'Run "workspace check" to see what else is affected.',
          details: { object: hash },
        })
      }
      const reason = error instanceof Error ? error.message : String(error)
      throw new AppError('corrupt', `The object ${hash} could not be opened: ${reason}`, { details: { object: hash } })
    }
  }

  #verifyOnce(hash: ObjectHash): Promise<void> {
    const known = this.#verified.get(hash)
    if (known !== undefined) return known
    const check = (async () => {
      const handle = await this.#open(hash)
      try {
        if ((await hashFile(handle, null)) !== hash) throw damaged(hash)
      } finally {
        await handle.close()
      }
    })()
    this.#verified.set(hash, check)
    check.catch(() => this.#verified.delete(hash))
    return check
  }
}

/** The name that bytes have in an object store. */
export function hashOf(bytes: Uint8Array): ObjectHash {
  return createHash('sha256').update(bytes).digest('hex') as ObjectHash
}

export function isObjectHash(text: string): text is ObjectHash {
  return /^[0-9a-f]{64}$/.test(text)
}

/** Writes chunks to a new file, hashing them on the way, and syncs it. Errors are the file system's own. */
export async function writeSynced(
  path: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<StoredObject> {
  const hash = createHash('sha256')
  let size = 0
  const handle = await open(path, 'wx')
  try {
    for await (const chunk of chunks) {
      for (let start = 0; start < chunk.byteLength; start += sliceBytes) {
        const slice = chunk.subarray(start, start + sliceBytes)
        hash.update(slice)
        for (let done = 0; done < slice.byteLength; ) {
          done += (await handle.write(slice, done, slice.byteLength - done)).bytesWritten
        }
        size += slice.byteLength
      }
    }
    await handle.sync()
  } finally {
    await handle.close()
  }
  return { hash: hash.digest('hex') as ObjectHash, size }
}

/** Makes a rename in the folder durable. Folders can't be opened on Windows, where renames are journalled. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Hashes a whole file; with `into`, also keeps its bytes (what lies beyond its length counts as damage). */
async function hashFile(handle: FileHandle, into: Uint8Array | null): Promise<ObjectHash> {
  const hash = createHash('sha256')
  const buffer = into ?? new Uint8Array(sliceBytes)
  for (let position = 0; ; ) {
    const offset = into === null ? 0 : position
    const room = Math.min(sliceBytes, buffer.byteLength - offset)
    if (room === 0) break
    const { bytesRead } = await handle.read(buffer, offset, room, position)
    if (bytesRead === 0) break
    hash.update(buffer.subarray(offset, offset + bytesRead))
    position += bytesRead
  }
  return hash.digest('hex') as ObjectHash
}

/** Fills `bytes` from a position of the file; false when the file ends before. */
export async function readFully(handle: FileHandle, bytes: Uint8Array, position: number): Promise<boolean> {
  for (let done = 0; done < bytes.byteLength; ) {
    const { bytesRead } = await handle.read(bytes, done, bytes.byteLength - done, position + done)
    if (bytesRead === 0) return false
    done += bytesRead
  }
  return true
}

function damaged(hash: ObjectHash): AppError {
  return new AppError('corrupt', `The object ${hash} is damaged: its bytes are not those that were stored.`, {
    hint: 'Run "workspace check" to see what else is affected; computing or importing it again repairs it.',
    details: { object: hash },
  })
}

async function entriesOf(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort()
  } catch (error) {
    const code = errnoOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw storageError(error, 'the object store')
  }
}

function isOwnerAlive(temporaryName: string, writtenAt: number): boolean {
  const host = /^\d+-[0-9a-f]{8}-([0-9a-f]{8})-/.exec(temporaryName)?.[1] ?? hostToken
  if (host !== hostToken) return Date.now() - writtenAt < foreignLimitMs
  const pid = Number.parseInt(temporaryName, 10)
  if (pid === process.pid) return temporaryName.startsWith(processToken)
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errnoOf(error) === 'EPERM'
  }
}
