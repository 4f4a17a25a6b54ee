import { Readable } from 'node:stream'
import { fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl'
import { readPieces } from './gunzip.ts'
import type { InputFile } from './input-file.ts'

class InputFileReader extends RandomAccessReader {
  readonly #file: InputFile

  constructor(file: InputFile) {
    super()
    this.#file = file
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(readPieces(this.#file, start, end), { objectMode: false })
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    this.#file.read(position, length).then(
      (bytes) => {
        buffer.set(bytes, offset)
        callback(null)
      },
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error))),
    )
  }
}

/**
 * Opens a zip archive that lies in an opened file, which stays the caller's. With `strictFileNames`, names are text and
 * those that lead out of the archive are refused; else they come as bytes, and whoever unpacks decides what is a path.
 * Errors are yauzl's own.
 */
export function openZip(file: InputFile, options: { readonly strictFileNames?: boolean } = {}): Promise<ZipFile> {
  const strict = options.strictFileNames === true
  return fromRandomAccessReaderPromise(new InputFileReader(file), file.size, {
    autoClose: false,
    decodeStrings: strict,
    strictFileNames: strict,
    lazyEntries: true,
    validateEntrySizes: true,
  })
}
