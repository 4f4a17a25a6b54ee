import type { ClientContext, ClientLink } from '@orpc/client'
import { describe, expect, it } from 'vitest'
import { type ConnectionState, ReconnectingLink, type Transport, type Wire } from '../../../src-renderer/rpc/link.ts'

class TestWire implements Wire {
  #open = true
  #close: () => void = () => {}
  readonly closed = new Promise<void>((resolve) => {
    this.#close = resolve
  })
  readonly link: ClientLink<ClientContext>

  constructor(answer: () => unknown) {
    this.link = { call: async () => answer() }
  }
  isOpen(): boolean {
    return this.#open
  }
  cut(): void {
    this.#open = false
    this.#close()
  }
}

/** Opens the given wires in turn; `null` is a failed attempt, and after the last nothing opens any more. */
function setUp(wires: (TestWire | null)[], refused = false) {
  const states: ConnectionState[] = []
  const transport: Transport = {
    open: () => {
      if (wires.length === 0 && !refused) return new Promise(() => {})
      const next = wires.shift() ?? null
      return next === null ? Promise.reject(new Error('No.')) : Promise.resolve(next)
    },
    refused: () => Promise.resolve(refused && wires.length === 0),
  }
  const link = new ReconnectingLink({
    transport,
    onState: (state) => states.push(state),
    wait: () => Promise.resolve(),
  })
  const call = (signal?: AbortSignal): Promise<unknown> =>
    link.call(['a'], undefined, { context: {}, ...(signal === undefined ? {} : { signal }) })
  return { states, call }
}
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))

describe('the reconnecting link', () => {
  it('makes calls wait for the wire', async () => {
    const { call, states } = setUp([new TestWire(() => 'answer')])
    expect(await call()).toBe('answer')
    expect(states).toEqual(['connecting', 'open'])
  })

  it('tries again after a failed attempt', async () => {
    const { call, states } = setUp([null, null, new TestWire(() => 1)])
    expect(await call()).toBe(1)
    expect(states).toEqual(['connecting', 'lost', 'lost', 'open'])
  })

  it('uses the next wire once the first is cut', async () => {
    const first = new TestWire(() => 'first')
    const { call, states } = setUp([first, new TestWire(() => 'second')])
    expect(await call()).toBe('first')
    first.cut()
    await settle()
    expect(await call()).toBe('second')
    expect(states).toEqual(['connecting', 'open', 'lost', 'open'])
  })

  it('says that the connection was lost when a call was under way, and what to do', async () => {
    const wire = new TestWire(() => {
      wire.cut()
      throw new Error('AbortError: internal words')
    })
    const { call } = setUp([wire])
    await expect(call()).rejects.toMatchObject({
      name: 'AppError',
      message: 'The connection to the workbench was lost before it answered.',
      hint: expect.stringContaining('reconnects'),
    })
  })

  it('passes on what the workbench itself refused', async () => {
    const refusal = new Error('bad input')
    const { call } = setUp([
      new TestWire(() => {
        throw refusal
      }),
    ])
    await expect(call()).rejects.toBe(refusal)
  })

  it('tells a stream that its wire is gone', async () => {
    const wire = new TestWire(async function* () {
      yield 1
      wire.cut()
      throw new Error('closed')
    })
    const { call } = setUp([wire])
    const seen: unknown[] = []
    const consume = async (): Promise<void> => {
      for await (const item of (await call()) as AsyncIterable<unknown>) seen.push(item)
    }
    await expect(consume()).rejects.toMatchObject({
      message: 'The connection to the workbench was lost before it answered.',
    })
    expect(seen).toEqual([1])
  })

  it('lets a waiting call be cancelled', async () => {
    const controller = new AbortController()
    const { call } = setUp([])
    const waiting = call(controller.signal)
    controller.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' })
  })

  it('gives up when the server knows this tab no more', async () => {
    const { call, states } = setUp([null], true)
    await expect(call()).rejects.toMatchObject({ code: 'unauthorized' })
    expect(states.at(-1)).toBe('unauthorized')
    await expect(call()).rejects.toMatchObject({ code: 'unauthorized' })
  })
})
