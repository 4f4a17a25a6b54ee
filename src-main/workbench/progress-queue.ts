/** Holds progress until the consumer asks; the consumer is slower than the work at times. */
class ProgressQueue<E extends { readonly phase: string }> implements AsyncIterable<E> {
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

/**
 * The progress of work that tells it by calls, as a stream that returns the work's result. Leaving the stream, or
 * aborting `signal`, aborts the work's own signal; the stream ends when the work has.
 */
export async function* streamProgress<E extends { readonly phase: string }, R>(
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal, tell: (event: E) => void) => Promise<R>,
): AsyncGenerator<E, R> {
  const left = new AbortController()
  const stop = signal === undefined ? left.signal : AbortSignal.any([signal, left.signal])
  const events = new ProgressQueue<E>()
  const running = work(stop, (event) => events.push(event))
  const settled = running.then(
    () => events.end(),
    () => events.end(),
  )
  try {
    yield* events
  } finally {
    left.abort()
    await settled
  }
  return await running
}
