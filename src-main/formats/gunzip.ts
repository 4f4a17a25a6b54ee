import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { InputFile } from './input-file.ts'

const chunkBytes = 1 << 20

/** A file's bytes from a position on, in pieces. */
export async function* readPieces(file: InputFile, position = 0, end = file.size): AsyncGenerator<Uint8Array> {
  for (let at = position; at < end; at += chunkBytes) yield await file.read(at, Math.min(chunkBytes, end - at))
}

export async function isGzip(file: InputFile): Promise<boolean> {
  if (file.size < 18) return false
  const [first, second] = await file.read(0, 2)
  return first === 0x1f && second === 0x8b
}

/**
 * The unpacked bytes of a gzip file, in pieces. Errors are zlib's own. What was asked for and no more is unpacked: a
 * reader that has enough ends the stream.
 */
export async function* gunzipPieces(file: InputFile): AsyncGenerator<Uint8Array> {
  const unpacked = createGunzip({ chunkSize: 256 * 1024 })
  const source = Readable.from(readPieces(file), { objectMode: false })
  source.on('error', (error) => unpacked.destroy(error))
  source.pipe(unpacked)
  try {
    for await (const piece of unpacked as AsyncIterable<Buffer>) yield piece
  } finally {
    source.destroy()
    unpacked.destroy()
  }
}
