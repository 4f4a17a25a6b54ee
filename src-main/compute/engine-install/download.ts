import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, rm, stat } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { AppError } from '#shared/errors.ts'
import { isSystemError } from './install-errors.ts'

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
/** Before each further attempt after one that brought nothing: a line that was out for a moment is back then. */
const usualPausesMs: readonly number[] = [1000, 4000]

/** What the server says to this request it will say to the next one. */
class Refusal extends Error {}

/**
 * Downloads a file, going on where an earlier attempt stopped. `pausesMs`: between attempts in a row that bring nothing,
 * of which there is one more.
 * @throws AppError `corrupt` when size or checksum differ (the file is then removed); network errors as they come.
 */
export async function download(wanted: Download, pausesMs: readonly number[] = usualPausesMs): Promise<void> {
  let fruitless = 0
  for (;;) {
    const before = await sizeOf(wanted.path)
    if (before > wanted.bytes) await rm(wanted.path)
    else if (before === wanted.bytes) break
    try {
      await receive(wanted, before > wanted.bytes ? 0 : before)
    } catch (error) {
      if (error instanceof Refusal || error instanceof AppError || isSystemError(error)) throw error
      if ((await sizeOf(wanted.path)) > before) {
        fruitless = 0
        continue
      }
      if (fruitless === pausesMs.length) throw error
      await wait(pausesMs[fruitless++])
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
      const said = `${title} answered ${response.status}.`
      throw isForGood(response.status) ? new Refusal(said) : new Error(said)
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

/** Not: slow, too early, too many requests, or a fault of the server's own. */
function isForGood(status: number): boolean {
  return status >= 400 && status < 500 && ![408, 425, 429].includes(status)
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
