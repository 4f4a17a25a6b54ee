/**
 * A worker in a browser's page: takes stages from the process that opened the page, over a WebSocket, and reaches the object
 * store through it. The same stages as in a Node worker, on the webgpu engine.
 */
import { AppError, type AppErrorShape } from '#shared/errors.ts'
import type { ObjectHash } from '#shared/ids.ts'
import type { FromWorker, ToWorker } from '../protocol.ts'
import { runStageOn } from './run-stage-on.ts'
import { serveStages } from './serve-stages.ts'
import type { StageObjects } from './stage-objects.ts'

/** The part of a browser's page that is used: this program is checked without a browser's types. */
interface Page {
  readonly location: { readonly href: string }
  /** Chromium tells, in coarse steps. */
  readonly performance: { readonly memory?: { readonly usedJSHeapSize: number } }
  close(): void
  /** Into the browser's log. */
  reportError(error: unknown): void
}

const browser = globalThis as unknown as Page
/** The page's own folder is secret: it holds the token. */
const folder = new URL('.', browser.location.href)

async function failed(response: Response): Promise<AppError> {
  return AppError.fromJSON((await response.json()) as AppErrorShape)
}

const objects = (root: string): StageObjects => ({
  root,
  async read(hash) {
    const response = await fetch(new URL(`objects/${hash}`, folder))
    if (!response.ok) throw await failed(response)
    return new Uint8Array(await response.arrayBuffer())
  },
  async put(content) {
    const response = await fetch(new URL('objects', folder), {
      method: 'POST',
      body: content as Uint8Array<ArrayBuffer>,
    })
    if (!response.ok) throw await failed(response)
    return (await response.text()) as ObjectHash
  },
})

/** Of the page. */
function heapBytes(): number {
  return browser.performance.memory?.usedJSHeapSize ?? 0
}

const address = new URL('channel', folder)
address.protocol = 'ws:'
const socket = new WebSocket(address)
// Whoever opened the page closes it; without the channel there is nothing left to do.
socket.addEventListener('close', () => browser.close())
socket.addEventListener('open', () => {
  let peak = 0
  serveStages(
    {
      send: (message: FromWorker) => socket.send(JSON.stringify(message)),
      onMessage: (listener) =>
        socket.addEventListener('message', ({ data }) => listener(JSON.parse(String(data)) as ToWorker)),
    },
    {
      pid: 0,
      async run(spec, root, options) {
        const watch = setInterval(() => {
          peak = Math.max(peak, heapBytes())
        }, 500)
        try {
          const host = {
            objects: objects(root),
            resetPeakMemory: () => {
              peak = heapBytes()
            },
            peakMemory: () => Math.max(peak, heapBytes()),
          }
          return await runStageOn(host, spec, options)
        } finally {
          clearInterval(watch)
        }
      },
      log: (error) => browser.reportError(error),
    },
  )
})
