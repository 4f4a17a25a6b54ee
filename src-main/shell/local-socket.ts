import { randomBytes, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { chmod, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { WebSocket, WebSocketServer } from 'ws'
import { AppError } from '#shared/errors.ts'
import type { WorkbenchClient } from './client.ts'
import type { createRouter } from './router.ts'
import { createSocketClient, createSocketHandler, maxFrameBytes } from './wire.ts'

export function createToken(): string {
  return randomBytes(32).toString('base64url')
}

export function tokensEqual(given: string, expected: string): boolean {
  const a = Buffer.from(given)
  const b = Buffer.from(expected)
  return a.length === b.length && timingSafeEqual(a, b)
}

export interface LocalSocket {
  /**
   * Listens until nobody is attached any more, then refuses newcomers, who find the workspace free a moment later.
   * Resolves early when the signal aborts.
   */
  untilUnused(signal: AbortSignal, note: (line: string) => void): Promise<void>
  /** Cuts off whoever is still attached. */
  close(): Promise<void>
}

/**
 * The holder of a workspace listens here, so that a command typed beside a running window or study
 * attaches to it. The socket is the owner's alone (mode 0600) and asks for the token that lies beside the lock.
 */
export async function listenOnLocalSocket(
  router: ReturnType<typeof createRouter>,
  path: string,
  token: string,
): Promise<LocalSocket> {
  if (process.platform !== 'win32') await rm(path, { force: true })
  const serve = createSocketHandler(router)
  const sockets = new WebSocketServer({ noServer: true, maxPayload: maxFrameBytes })
  const server = createServer((_request, response) => response.writeHead(404).end())
  server.on('upgrade', (request, socket, head) => {
    if (!tokensEqual(request.headers.authorization ?? '', `Bearer ${token}`)) {
      socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n')
      return
    }
    sockets.handleUpgrade(request, socket, head, serve)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  if (process.platform !== 'win32') await chmod(path, 0o600)
  server.unref()
  const closed = new Promise<void>((resolve) => server.once('close', resolve))
  const unused = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      const [socket] = sockets.clients
      if (socket === undefined) return
      await once(socket, 'close', { signal }).catch(() => {})
    }
  }
  return {
    async untilUnused(signal, note) {
      if (sockets.clients.size > 0) {
        note('Other commands work through this one; it ends with the last of them. Ctrl-C ends them all.')
      }
      await unused(signal)
      server.close()
      // Whoever came in at the last moment.
      await unused(signal)
    },
    async close() {
      if (server.listening) server.close()
      for (const socket of sockets.clients) socket.terminate()
      server.closeAllConnections()
      await closed
      if (process.platform !== 'win32') await rm(path, { force: true })
    },
  }
}

export interface Attachment {
  readonly client: WorkbenchClient
  /** Aborts when the holder ends before `close`. */
  readonly lost: AbortSignal
  close(): Promise<void>
}

/** Attaches to the holder, or says that nobody answers there. */
export async function attach(path: string, token: string): Promise<Attachment> {
  const socket = new WebSocket(`ws+unix://${path}:/`, {
    headers: { authorization: `Bearer ${token}` },
    maxPayload: maxFrameBytes,
  })
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(noAnswer(path)), 5000)
    socket.once('open', () => {
      clearTimeout(timer)
      resolve()
    })
    socket.once('error', (error) => {
      clearTimeout(timer)
      reject(noAnswer(path, error))
    })
  })
  const lost = new AbortController()
  const lose = (): void => lost.abort(holderEnded())
  socket.on('error', () => socket.terminate())
  socket.once('close', lose)
  return {
    client: createSocketClient(socket),
    lost: lost.signal,
    async close() {
      socket.off('close', lose)
      socket.terminate()
    },
  }
}

function holderEnded(): AppError {
  return new AppError('worker-died', 'The process that held the workspace ended before this command was done.', {
    hint: 'Type the command again: what was finished is kept, and training goes on from its last epoch.',
  })
}

function noAnswer(path: string, cause?: unknown): AppError {
  return new AppError('workspace-locked', `The process that holds this workspace does not answer at ${path}.`, {
    hint: 'End the other TMU Workbench process, or choose another workspace with --workspace.',
    cause,
  })
}
