import type { DecodedImage } from '#main/formats/images.ts'
import { ByteReader } from './byte-reader.ts'

const bytesPerRead = 1 << 20

/** Images that lie one behind the other in a stream. */
export interface Stack {
  /** Bytes before the first image. */
  readonly headerBytes: number
  readonly imageBytes: number
  readonly count: number
  /** The bytes of one image, whole and its own; null where they are none. */
  readonly decode: (bytes: Uint8Array) => DecodedImage | null
}

/**
 * Loads rows of a stack in ascending order; the stream is read as far as the last one wanted.
 * @yields the row, and null where the stream ended before it.
 */
export async function* loadStacked(
  pieces: AsyncIterable<Uint8Array>,
  stack: Stack,
  rows: readonly number[] | null,
): AsyncGenerator<{ readonly row: number; readonly image: DecodedImage | null }> {
  const { headerBytes, imageBytes, count, decode } = stack
  const reader = new ByteReader(pieces)
  try {
    let ended = !(await reader.skip(headerBytes))
    let position = 0
    const perRead = Math.max(1, Math.floor(bytesPerRead / imageBytes))
    const all = rows === null
    for (let at = 0; at < (all ? count : rows.length); ) {
      const first = all ? at : rows[at]
      let run = 1
      while (run < perRead && at + run < (all ? count : rows.length) && (all || rows[at + run] === first + run)) run++
      if (!ended) ended = !(await reader.skip((first - position) * imageBytes))
      const bytes = ended ? new Uint8Array(0) : await reader.take(run * imageBytes)
      position = first + run
      for (let i = 0; i < run; i++) {
        const whole = (i + 1) * imageBytes <= bytes.byteLength
        // A copy: the piece that the bytes are part of must not be kept alive by one image of it.
        const image = whole ? decode(bytes.slice(i * imageBytes, (i + 1) * imageBytes)) : null
        yield { row: first + i, image }
      }
      at += run
    }
  } finally {
    await reader.close()
  }
}
