/** Holds progress until the consumer asks; the consumer is slower than the work at times. */
export class ProgressQueue<E extends { readonly phase: string }> implements AsyncIterable<E> {
  readonly #events: E[] = []
  #ended = false
  #wake: () => void = () => {}

  push(event: E): void {
    // Of one phase only the newest matters to somebody who fell behind.
    if (this.#events.at(-1)?.phase === event.phase) this.#events.pop()
    this.#events.push(event)
    this.#wake()
  }

  end(): void {
    this.#ended = true
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<E> {
    for (;;) {
      const event = this.#events.shift()
      if (event !== undefined) yield event
      else if (this.#ended) return
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
  }
}
