/**
 * Walks through the page headers of a column chunk before a decoder sees them (Thrift compact protocol; PageHeader of
 * parquet.thrift): the decoder believes sizes, and a negative one makes it read the same page for ever.
 */
import type { InputFile } from './input-file.ts'

const maxHeaderBytes = 256 * 1024
const maxPageBytes = 2 ** 30
const maxDepth = 8

export interface ColumnChunkPlace {
  readonly offset: number
  readonly bytes: number
  /** Values of the chunk, as its metadata says. */
  readonly values: number
}

/** @throws Error in a few words when a header is none, or says what can't be. */
export async function checkPages(file: InputFile, { offset, bytes, values }: ColumnChunkPlace): Promise<void> {
  const end = offset + bytes
  let seen = 0
  for (let at = offset; at < end; ) {
    const start = await file.read(at, Math.min(maxHeaderBytes, end - at))
    const reader = new CompactReader(start)
    const header = reader.struct(0)
    const [unpacked, packed] = [header.get('2'), header.get('3')]
    if (packed === undefined || packed < 0 || at + reader.position + packed > end)
      throw new Error('a page of an impossible size')
    if (unpacked === undefined || unpacked < 0 || unpacked > maxPageBytes)
      throw new Error('a page of an impossible size')
    const count = header.get('5.1') ?? header.get('8.1') ?? 0
    const entries = header.get('7.1') ?? 0
    seen += count
    if (count < 0 || seen > values || entries < 0 || entries > unpacked)
      throw new Error('a page of an impossible number of values')
    // Each step forwards takes a header of one byte at least.
    at += reader.position + packed
  }
}

/** Numbers of a struct by the path of their field ids: `5.1` is num_values of data_page_header. */
class CompactReader {
  readonly #bytes: Uint8Array
  position = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  struct(depth: number, prefix = '', into = new Map<string, number>()): Map<string, number> {
    if (depth > maxDepth) throw new Error('a page header that is none')
    let id = 0
    for (;;) {
      const head = this.#byte()
      if (head === 0) return into
      const delta = head >> 4
      id = delta === 0 ? this.#zigzag() : id + delta
      this.#value(head & 15, depth, `${prefix}${id}`, into)
    }
  }

  #value(type: number, depth: number, path: string, into: Map<string, number>): void {
    if (type === 1 || type === 2) return
    if (type === 3) this.#skip(1)
    else if (type >= 4 && type <= 6) into.set(path, this.#zigzag())
    else if (type === 7) this.#skip(8)
    else if (type === 8) this.#skip(this.#varint())
    else if (type === 12) this.struct(depth + 1, `${path}.`, into)
    else throw new Error('a page header that is none')
  }

  #skip(count: number): void {
    this.position += count
    if (this.position > this.#bytes.length) throw new Error('a page header that does not end')
  }

  #byte(): number {
    this.#skip(1)
    return this.#bytes[this.position - 1]
  }

  #varint(): number {
    let [value, scale] = [0, 1]
    for (let i = 0; i < 10; i++, scale *= 128) {
      const byte = this.#byte()
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
    throw new Error('a page header that is none')
  }

  #zigzag(): number {
    const value = this.#varint()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }
}
