import { randomBytes, timingSafeEqual } from 'node:crypto'
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

/**
 * The holder of a workspace listens here, so that a command typed beside a running window or study
 * attaches to it. The socket is the owner's alone (mode 0600) and asks for the token that lies beside the lock.
 */
export async function listenOnLocalSocket(
  router: ReturnType<typeof createRouter>,
  path: string,
  token: string,
): Promise<{ close(): Promise<void> }> {
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
  return {
    async close() {
      for (const socket of sockets.clients) socket.terminate()
      await new Promise<void>((resolve) => server.close(() => resolve()))
      if (process.platform !== 'win32') await rm(path, { force: true })
    },
  }
}

/** Attaches to the holder, or says that nobody answers there. */
export async function attach(
  path: string,
  token: string,
): Promise<{ readonly client: WorkbenchClient; close(): Promise<void> }> {
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
  socket.on('error', () => socket.terminate())
  return {
    client: createSocketClient(socket),
    async close() {
      socket.terminate()
    },
  }
}

function noAnswer(path: string, cause?: unknown): AppError {
  return new AppError('workspace-locked', `The process that holds this workspace does not answer at ${path}.`, {
    hint: 'End the other TMU Workbench process, or choose another workspace with --workspace.',
    cause,
  })
}
