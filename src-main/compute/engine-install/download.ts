import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, rm, stat } from 'node:fs/promises'
import { AppError } from '#shared/errors.ts'

export interface Download {
  readonly url: string
  /** What its server wants to see besides. */
  readonly headers?: Readonly<Record<string, string>>
  /** The file; one that is there already is gone on with. */
  readonly path: string
  readonly bytes: number
  readonly sha256: string
  /** In words, for sentences. */
  readonly title: string
  onProgress(done: number): void
}

/** A line that brings nothing for this time is dropped and taken up again. */
const silenceMs = 60_000
/** Attempts in a row that brought nothing. */
const mostFruitless = 3

/**
 * Downloads a file, going on where an earlier attempt stopped.
 * @throws AppError `corrupt` when size or checksum differ (the file is then removed); network errors as they come.
 */
export async function download(wanted: Download): Promise<void> {
  let fruitless = 0
  for (;;) {
    const before = await sizeOf(wanted.path)
    if (before > wanted.bytes) await rm(wanted.path)
    else if (before === wanted.bytes) break
    try {
      await receive(wanted, before > wanted.bytes ? 0 : before)
    } catch (error) {
      if (error instanceof AppError || (error instanceof Error && 'code' in error && error.code === 'ENOSPC'))
        throw error
      fruitless = (await sizeOf(wanted.path)) > before ? 0 : fruitless + 1
      if (fruitless >= mostFruitless) throw error
    }
  }
  if ((await fileHash(wanted.path)) === wanted.sha256) return
  await rm(wanted.path)
  throw new AppError('corrupt', `The checksum of the file from ${wanted.title} differs from the expected one.`, {
    hint: 'Nothing was installed. Try again; if it happens again, something between here and the server changes files.',
  })
}

async function receive(wanted: Download, from: number): Promise<void> {
  const { url, path, bytes, title, onProgress } = wanted
  const abort = new AbortController()
  let timer = setTimeout(() => abort.abort(new Error('The server stopped answering.')), silenceMs)
  let file: FileHandle | null = null
  try {
    const headers = { ...wanted.headers, ...(from === 0 ? {} : { range: `bytes=${from}-` }) }
    const response = await fetch(url, { headers, signal: abort.signal })
    if (!response.ok || response.body === null) {
      throw new Error(`${title} answered ${response.status}.`)
    }
    // A server that doesn't know ranges sends everything again.
    const goesOn = response.status === 206
    file = await open(path, goesOn ? 'a' : 'w')
    let done = goesOn ? from : 0
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      clearTimeout(timer)
      timer = setTimeout(() => abort.abort(new Error('The server stopped answering.')), silenceMs)
      if (done + chunk.byteLength > bytes) {
        await file.truncate(0)
        throw new AppError('corrupt', `The file from ${title} is larger than expected.`, {
          hint: 'Nothing was installed. Something between here and the server changes files.',
        })
      }
      await file.writeFile(chunk)
      done += chunk.byteLength
      onProgress(done)
    }
    if (done < bytes) throw new Error(`The line to ${title} broke at ${done} of ${bytes} bytes.`)
  } finally {
    clearTimeout(timer)
    abort.abort()
    await file?.close()
  }
}

export async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch(() => null)
  return found?.size ?? 0
}

/** SHA-256, hexadecimal. `onRead`: called with the bytes of each part that was read. */
export async function fileHash(path: string, onRead?: (bytes: number) => void): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) {
    hash.update(chunk as Buffer)
    onRead?.((chunk as Buffer).length)
  }
  return hash.digest('hex')
}
