/** Takes exact numbers of bytes from a stream of pieces, in order. */
export class ByteReader {
  readonly #pieces: AsyncIterator<Uint8Array>
  #piece: Uint8Array = new Uint8Array(0)

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]()
  }

  /** Fewer than asked for only at the end. */
  async take(length: number): Promise<Uint8Array> {
    if (this.#piece.byteLength >= length) {
      const bytes = this.#piece.subarray(0, length)
      this.#piece = this.#piece.subarray(length)
      return bytes
    }
    const bytes = new Uint8Array(length)
    let filled = 0
    while (filled < length) {
      if (this.#piece.byteLength === 0 && !(await this.#next())) return bytes.subarray(0, filled)
      const part = this.#piece.subarray(0, length - filled)
      bytes.set(part, filled)
      filled += part.byteLength
      this.#piece = this.#piece.subarray(part.byteLength)
    }
    return bytes
  }

  /** @returns whether that many were there. */
  async skip(length: number): Promise<boolean> {
    let left = length
    while (left > 0) {
      if (this.#piece.byteLength === 0 && !(await this.#next())) return false
      const part = Math.min(left, this.#piece.byteLength)
      this.#piece = this.#piece.subarray(part)
      left -= part
    }
    return true
  }

  async close(): Promise<void> {
    await this.#pieces.return?.()
  }

  async #next(): Promise<boolean> {
    const { value, done } = await this.#pieces.next()
    if (done === true) return false
    this.#piece = value
    return true
  }
}
