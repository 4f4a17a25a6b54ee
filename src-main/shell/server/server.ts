import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import fastify from 'fastify'
import { WebSocketServer } from 'ws'
import { createToken, tokensEqual } from '../local-socket.ts'
import type { createRouter } from '../router.ts'
import { createSocketHandler, maxFrameBytes } from '../wire.ts'
import { contentSecurityPolicy, createNonce, isOwnHost, isOwnOrigin, readCookie, securityHeaders } from './security.ts'
import { serveUploads } from './uploads.ts'

export interface WorkbenchServer {
  /** `http://127.0.0.1:PORT/?token=…`: lets one browser in, once. */
  readonly address: string
  readonly port: number
  close(): Promise<void>
}

/**
 * The local server: the built pages and the contract over a WebSocket, for this machine and this user
 * only. It listens on 127.0.0.1; the printed address carries a token that works once and is traded for a
 * session cookie; Host and Origin are checked, so that no other page or rebound name gets in.
 */
export async function startServer(options: {
  readonly router: ReturnType<typeof createRouter>
  /** Folder of the built renderer. */
  readonly pages: string
  readonly port?: number
}): Promise<WorkbenchServer> {
  let token: string | null = createToken()
  const session = createToken()
  const app = fastify({ logger: false, bodyLimit: 64 * 1024 })
  let port = options.port ?? 0
  const cookieName = (): string => `tmu_session_${port}`
  const hasSession = (cookies: string | undefined): boolean => {
    const given = readCookie(cookies, cookieName())
    return given !== null && tokensEqual(given, session)
  }

  app.addHook('onRequest', async (request, reply) => {
    for (const [name, value] of Object.entries(securityHeaders)) reply.header(name, value)
    if (!isOwnHost(request.headers.host, port)) return reply.code(421).type('text/plain').send('Misdirected request.')
    if (hasSession(request.headers.cookie)) return
    const { token: given } = request.query as { token?: string }
    if (request.method === 'GET' && given !== undefined && token !== null && tokensEqual(given, token)) {
      token = null
      reply.header('set-cookie', `${cookieName()}=${session}; HttpOnly; SameSite=Strict; Path=/`)
      return reply.redirect('/')
    }
    return reply
      .code(401)
      .type('text/plain; charset=utf-8')
      .send(
        'This workbench needs the address that it printed when it started. Each address works once; start it again for a new one.',
      )
  })

  serveUploads(app, (origin) => isOwnOrigin(origin, port))

  const index = async (): Promise<{ html: string; nonce: string }> => {
    const nonce = createNonce()
    const html = await readFile(join(options.pages, 'index.html'), 'utf8')
    return { html: html.replaceAll('__CSP_NONCE__', nonce), nonce }
  }
  app.get('/', async (_request, reply) => {
    const page = await index()
    return reply
      .header(
        'content-security-policy',
        contentSecurityPolicy(page.nonce, `ws://127.0.0.1:${port} ws://localhost:${port}`),
      )
      .header('cache-control', 'no-store')
      .type('text/html; charset=utf-8')
      .send(page.html)
  })
  await app.register(fastifyStatic, {
    root: options.pages,
    index: false,
    dotfiles: 'deny',
    immutable: true,
    maxAge: '30d',
  })
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).type('text/plain').send('There is nothing at this address.'),
  )

  const serve = createSocketHandler(options.router)
  const sockets = new WebSocketServer({ noServer: true, maxPayload: maxFrameBytes })
  app.server.on('upgrade', (request, socket, head) => {
    const allowed =
      request.url === '/rpc' &&
      isOwnHost(request.headers.host, port) &&
      isOwnOrigin(request.headers.origin, port) &&
      hasSession(request.headers.cookie)
    if (!allowed) socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n')
    else sockets.handleUpgrade(request, socket, head, serve)
  })

  await app.listen({ host: '127.0.0.1', port })
  const bound = app.server.address()
  if (bound !== null && typeof bound === 'object') port = bound.port
  return {
    address: `http://127.0.0.1:${port}/?token=${token ?? ''}`,
    port,
    async close() {
      for (const socket of sockets.clients) socket.terminate()
      app.server.closeAllConnections()
      await app.close()
    },
  }
}
