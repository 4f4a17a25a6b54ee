/**
 * What a worker in a browser's page talks to: a server on this machine's loopback that serves the page's scripts, the objects
 * of one store and the channel. Everything is below a secret path, and nothing is answered to a page of another origin.
 */
import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type WebSocket, WebSocketServer } from 'ws'
import { ObjectStore } from '#main/artifacts/object-store.ts'
import { AppError } from '#shared/errors.ts'
import type { ObjectHash } from '#shared/ids.ts'
import type { FromWorker, ToWorker } from '../protocol.ts'

const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'"
const page =
  '<!doctype html><meta charset="utf-8"><title>TMU Workbench worker</title><script type="module" src="worker.js"></script>'
/** Larger than any object that a stage writes. */
const mostBytes = 2 ** 32

export class PageHost {
  /** Of the page. */
  readonly address: string
  readonly #server: Server
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: 2 ** 28 })
  readonly #origin: string
  readonly #path: string
  readonly #scripts: string
  readonly #onMessage: (message: FromWorker) => void
  readonly #onGone: () => void
  #closing = false
  #socket: WebSocket | null = null
  #waiting: string[] = []
  #objects: ObjectStore | null = null

  private constructor(server: Server, scripts: string, onMessage: (message: FromWorker) => void, onGone: () => void) {
    this.#server = server
    this.#scripts = scripts
    this.#onMessage = onMessage
    this.#onGone = onGone
    const { port } = server.address() as AddressInfo
    this.#origin = `http://127.0.0.1:${port}`
    this.#path = `/${randomBytes(32).toString('base64url')}/`
    this.address = `${this.#origin}${this.#path}`
    server.on('request', (request, response) => void this.#answer(request, response))
    server.on('upgrade', (request, socket, head) => {
      if (!this.#isOurs(request) || request.url !== `${this.#path}channel` || this.#socket !== null) {
        socket.destroy()
        return
      }
      this.#sockets.handleUpgrade(request, socket, head, (opened) => this.#connect(opened))
    })
  }

  /**
   * `scripts`: the folder of the built worker page. `onGone`: the page's end of the channel closed, which none does that
   * is alive.
   */
  static async start(
    scripts: string,
    onMessage: (message: FromWorker) => void,
    onGone: () => void = () => {},
  ): Promise<PageHost> {
    const server = createServer()
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, '127.0.0.1', resolve)
    })
    // The page is no reason for this process to stay alive.
    server.unref()
    return new PageHost(server, scripts, onMessage, onGone)
  }

  send(message: ToWorker): void {
    if (message.type === 'run' && this.#objects?.root !== message.objectsRoot) {
      this.#objects = new ObjectStore(message.objectsRoot)
    }
    const text = JSON.stringify(message)
    if (this.#socket === null) this.#waiting.push(text)
    else this.#socket.send(text)
  }

  close(): void {
    this.#closing = true
    this.#socket?.terminate()
    this.#sockets.close()
    this.#server.closeAllConnections()
    this.#server.close()
  }

  #connect(socket: WebSocket): void {
    this.#socket = socket
    socket.on('error', () => {})
    socket.on('close', () => {
      if (!this.#closing) this.#onGone()
    })
    socket.on('message', (data) => this.#onMessage(JSON.parse(String(data)) as FromWorker))
    for (const text of this.#waiting.splice(0)) socket.send(text)
  }

  /** A page that guesses addresses sends its own origin, and a name that leads here its own host. */
  #isOurs({ headers, url }: IncomingMessage): boolean {
    const { host, origin } = headers
    return (
      `http://${host}` === this.#origin &&
      (origin === undefined || origin === this.#origin) &&
      url?.startsWith(this.#path) === true
    )
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('cache-control', 'no-store')
    response.setHeader('content-security-policy', policy)
    response.setHeader('cross-origin-resource-policy', 'same-origin')
    response.setHeader('x-content-type-options', 'nosniff')
    try {
      if (!this.#isOurs(request)) throw new AppError('unauthorized', 'This address is for one page only.')
      const path = (request.url ?? '').slice(this.#path.length)
      const object = /^objects\/([0-9a-f]{64})$/.exec(path)?.[1]
      if (request.method === 'GET' && path === '') response.setHeader('content-type', 'text/html').end(page)
      else if (request.method === 'GET' && /^[\w-]+\.js$/.test(path)) await this.#script(path, response)
      else if (request.method === 'GET' && object !== undefined) {
        response.end(await this.#store().read(object as ObjectHash))
      } else if (request.method === 'POST' && path === 'objects') {
        response.end(await this.#store().put(bodyOf(request)))
      } else throw new AppError('not-found', 'There is nothing here.')
    } catch (error) {
      if (response.headersSent) {
        response.destroy()
        return
      }
      const known = AppError.from(error)
      response.statusCode = known.code === 'not-found' ? 404 : known.code === 'unauthorized' ? 403 : 500
      response.setHeader('content-type', 'application/json').end(JSON.stringify(known))
    }
  }

  async #script(name: string, response: ServerResponse): Promise<void> {
    const file = join(this.#scripts, name)
    if ((await stat(file).catch(() => null))?.isFile() !== true)
      throw new AppError('not-found', 'There is no such script.')
    response.setHeader('content-type', 'text/javascript')
    createReadStream(file).pipe(response)
  }

  #store(): ObjectStore {
    if (this.#objects !== null) return this.#objects
    throw new AppError('not-found', 'No stage runs in this page.')
  }
}

async function* bodyOf(request: IncomingMessage): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength
    if (bytes > mostBytes) throw new AppError('bad-input', 'The object is too large.')
    yield chunk
  }
}
