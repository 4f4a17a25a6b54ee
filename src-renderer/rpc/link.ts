import type { ClientContext, ClientLink, ClientOptions } from '@orpc/client'
import { AppError } from '#shared/errors.ts'

/** `unauthorized`: the server is there but lets this tab in no more (it was started anew). */
export type ConnectionState = 'connecting' | 'open' | 'lost' | 'unauthorized'

/** One attempt to connect: resolves with a link once open; `closed` settles when the wire goes away. */
export interface Wire {
  readonly link: ClientLink<ClientContext>
  isOpen(): boolean
  readonly closed: Promise<void>
}

export interface Transport {
  open(): Promise<Wire>
  /** Asked after a failed attempt. */
  refused(): Promise<boolean>
}

export interface ReconnectOptions {
  readonly transport: Transport
  readonly onState: (state: ConnectionState) => void
  readonly wait?: (milliseconds: number) => Promise<void>
}

const firstDelay = 250
const longestDelay = 5000

/**
 * A link that outlives its wire. Calls made while there is none wait for the next; calls and streams in
 * flight when it goes away fail with a sentence that says so, since they may or may not have arrived.
 */
export class ReconnectingLink implements ClientLink<ClientContext> {
  readonly #options: ReconnectOptions
  #current: Wire | null = null
  #waiting: { resolve(wire: Wire): void; reject(error: AppError): void }[] = []
  #dead: AppError | null = null

  constructor(options: ReconnectOptions) {
    this.#options = options
    void this.#keepConnected()
  }

  async call(path: readonly string[], input: unknown, options: ClientOptions<ClientContext>): Promise<unknown> {
    const wire = await this.#wire(options.signal)
    try {
      const output = await wire.link.call(path, input, options)
      return isAsyncIterator(output) ? this.#guard(output, wire, options.signal) : output
    } catch (error) {
      throw this.#explain(error, wire, options.signal)
    }
  }

  #guard(stream: AsyncIteratorObject<unknown>, wire: Wire, signal: AbortSignal | undefined): unknown {
    const explain = (error: unknown): unknown => this.#explain(error, wire, signal)
    const iterator = stream[Symbol.asyncIterator]()
    return {
      [Symbol.asyncIterator]() {
        return this
      },
      async next() {
        try {
          return await iterator.next()
        } catch (error) {
          throw explain(error)
        }
      },
      return: async (value?: unknown) => (await iterator.return?.(value)) ?? { done: true, value },
    }
  }

  #explain(error: unknown, wire: Wire, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted === true || wire.isOpen()) return error
    return connectionLost()
  }

  #wire(signal: AbortSignal | undefined): Promise<Wire> {
    if (this.#current !== null) return Promise.resolve(this.#current)
    if (this.#dead !== null) return Promise.reject(this.#dead)
    return new Promise((resolve, reject) => {
      const entry = { resolve, reject }
      this.#waiting.push(entry)
      signal?.addEventListener(
        'abort',
        () => {
          this.#waiting = this.#waiting.filter((other) => other !== entry)
          reject(new AppError('cancelled', 'Cancelled before the workbench could be reached.'))
        },
        { once: true },
      )
    })
  }

  async #keepConnected(): Promise<void> {
    const { transport, onState } = this.#options
    const wait = this.#options.wait ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms)))
    let delay = firstDelay
    onState('connecting')
    for (;;) {
      try {
        const wire = await transport.open()
        delay = firstDelay
        this.#current = wire
        onState('open')
        for (const { resolve } of this.#waiting.splice(0)) resolve(wire)
        await wire.closed
        this.#current = null
        onState('lost')
      } catch {
        if (await transport.refused()) {
          this.#dead = new AppError('unauthorized', 'The workbench was started anew and lets this tab in no more.', {
            hint: 'Open the address that it printed when it started.',
          })
          onState('unauthorized')
          for (const { reject } of this.#waiting.splice(0)) reject(this.#dead)
          return
        }
        onState('lost')
      }
      await wait(delay)
      delay = Math.min(longestDelay, delay * 2)
    }
  }
}

export function connectionLost(): AppError {
  return new AppError('internal', 'The connection to the workbench was lost before it answered.', {
    hint: 'It reconnects by itself; look whether it was done, and try again if not.',
  })
}

function isAsyncIterator(value: unknown): value is AsyncIteratorObject<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}
