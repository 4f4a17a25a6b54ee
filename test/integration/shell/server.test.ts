import { mkdir, stat, writeFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type Connection, connect } from '#main/shell/connect.ts'
import { attach } from '#main/shell/local-socket.ts'
import { createRouter } from '#main/shell/router.ts'
import { startServer, type WorkbenchServer } from '#main/shell/server/server.ts'
import { createSocketClient } from '#main/shell/wire.ts'
import { currentHolder } from '#main/store/lock.ts'
import { toAppError } from '#shared/contract/errors.ts'
import { temporaryFolder } from '#test/support/tmu-process.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let workspace: string
let connection: Connection
let server: WorkbenchServer

beforeAll(async () => {
  folder = await temporaryFolder()
  workspace = join(folder.path, 'workspace')
  const pages = join(folder.path, 'pages')
  await mkdir(pages)
  await writeFile(join(pages, 'index.html'), '<!doctype html><meta name="nonce" content="__CSP_NONCE__"><p>pages</p>')
  await writeFile(join(folder.path, 'secret.txt'), 'not for the page')
  connection = await connect({ workspace, mode: 'write', shell: 'server', note: () => {} })
  server = await startServer({ router: createRouter(connection.api), pages })
})

afterAll(async () => {
  await server.close()
  await connection.close()
  await folder[Symbol.asyncDispose]()
})

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

/** Plain HTTP with any Host header, which fetch would not allow. */
function get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port: server.port, path, headers }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
    })
    request.on('error', reject)
    request.end()
  })
}

function openSocket(headers: Record<string, string>): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/rpc`, { headers })
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(socket))
    socket.once('error', reject)
  })
}

let cookie = ''
async function session(): Promise<string> {
  if (cookie !== '') return cookie
  const { pathname, search } = new URL(server.address)
  const answer = await get(pathname + search)
  const [setCookie] = answer.headers['set-cookie'] ?? []
  expect(answer.status).toBe(302)
  expect(setCookie).toMatch(/HttpOnly; SameSite=Strict/)
  cookie = setCookie?.split(';')[0] ?? ''
  return cookie
}

describe('the local server', () => {
  test('lets nobody in without the printed address', async () => {
    expect((await get('/')).status).toBe(401)
    expect((await get('/?token=guess')).status).toBe(401)
  })

  test('takes the token once and then knows its browser by a cookie', async () => {
    const known = await session()
    const page = await get('/', { cookie: known })
    expect(page.status).toBe(200)
    expect(page.text).toContain('pages')
    const { pathname, search } = new URL(server.address)
    expect((await get(pathname + search)).status).toBe(401)
  })

  test('serves pages under the strict policy, with a nonce of their own', async () => {
    const nonceOf = async (): Promise<string> => {
      const page = await get('/', { cookie: await session() })
      const nonce = /content="([^"]+)"/.exec(page.text)?.[1] ?? ''
      expect(page.headers['content-security-policy']).toContain(`'nonce-${nonce}'`)
      return nonce
    }
    expect(await nonceOf()).not.toBe(await nonceOf())
  })

  test('refuses a foreign Host, even with the cookie', async () => {
    expect((await get('/', { cookie: await session(), host: 'evil.example' })).status).toBe(421)
    expect((await get('/', { cookie: await session(), host: `evil.example:${server.port}` })).status).toBe(421)
  })

  test('serves nothing outside the pages', async () => {
    for (const path of ['/../secret.txt', '/%2e%2e/secret.txt', '/..%2fsecret.txt', '/.build-stamp']) {
      const answer = await get(path, { cookie: await session() })
      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect(answer.text).not.toContain('not for the page')
    }
  })

  test('opens a socket only for its own page with the cookie', async () => {
    const known = await session()
    const origin = `http://127.0.0.1:${server.port}`
    await expect(openSocket({ origin })).rejects.toThrow('403')
    await expect(openSocket({ cookie: known })).rejects.toThrow('403')
    await expect(openSocket({ cookie: known, origin: 'http://evil.example' })).rejects.toThrow('403')
    const socket = await openSocket({ cookie: known, origin })
    const client = createSocketClient(socket)
    expect(await client.system.info()).toMatchObject({ workspace, shell: 'server', readOnly: false })
    socket.close()
  })

  test('carries an AppError with its hint over the wire', async () => {
    const socket = await openSocket({ cookie: await session(), origin: `http://127.0.0.1:${server.port}` })
    const client = createSocketClient(socket)
    const error = await client.datasets.get({ dataset: 'nowhere' }).then(() => null, toAppError)
    expect(error).toMatchObject({ code: 'not-found', message: expect.stringContaining('nowhere') })
    expect(error?.hint).toBeTruthy()
    const refused = await client.studies.create({ name: '', dataset: 'x', forgetSet: 'y' }).then(() => null, toAppError)
    expect(refused).toMatchObject({ code: 'bad-input', message: expect.stringContaining('name') })
    socket.close()
  })
})

describe('the holder of a workspace', () => {
  test('listens on a socket that is the owner’s alone and asks for the token', async () => {
    const holder = await currentHolder(workspace)
    if (holder?.endpoint == null) throw new Error('the holder published no socket')
    const { socketPath, token } = holder.endpoint
    if (process.platform !== 'win32') expect((await stat(socketPath)).mode & 0o777).toBe(0o600)
    await expect(attach(socketPath, 'wrong')).rejects.toMatchObject({ code: 'workspace-locked' })
    const attached = await attach(socketPath, token)
    expect(await attached.client.datasets.list()).toEqual([])
    await attached.close()
  })

  test('is found by the next shell, which attaches instead of opening a second time', async () => {
    const second = await connect({ workspace, mode: 'write', shell: 'cli', note: () => {} })
    expect(second.attached).toBe(true)
    expect(await second.api.studies.list(undefined)).toEqual([])
    await second.close()
  })
})
