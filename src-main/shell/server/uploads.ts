import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { FastifyInstance } from 'fastify'

/** A file that a browser sends, because a page isn't told where on the disk it lies. */
const maxUploadBytes = 16 * 2 ** 30
/** Left free on the disk whatever is sent. */
const reserveBytes = 512 * 2 ** 20

/**
 * `POST /uploads?name=NAME` streams its body to a file of its own folder and answers with its path, which then is
 * imported; `DELETE /uploads/ID` removes it. Whatever is left goes when the server ends. Whoever calls has a session
 * already; `isOwnPage` refuses requests that another site's page sends.
 */
export function serveUploads(app: FastifyInstance, isOwnPage: (origin: string | undefined) => boolean): void {
  const folders = new Map<string, string>()
  let next = 1
  // The body is streamed, so that its size is no matter for the memory.
  app.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload))
  app.post('/uploads', async (request, reply) => {
    if (!isOwnPage(request.headers.origin)) return reply.code(403).send()
    const { name } = request.query as { name?: unknown }
    const fileName = safeName(typeof name === 'string' ? name : '')
    const folder = await mkdtemp(join(tmpdir(), 'tmu-upload-'))
    const id = String(next++)
    folders.set(id, folder)
    try {
      await mkdir(join(folder, 'file'))
      const path = join(folder, 'file', fileName)
      const { bavail, bsize } = await statfs(folder)
      const limit = Math.min(maxUploadBytes, bavail * bsize - reserveBytes)
      await pipeline(request.body as NodeJS.ReadableStream, limited(limit), createWriteStream(path, { flags: 'wx' }))
      return await reply.send({ id, path })
    } catch (error) {
      folders.delete(id)
      await rm(folder, { recursive: true, force: true })
      return reply.code(error instanceof TooLarge ? 413 : 400).send()
    }
  })
  app.delete('/uploads/:id', async (request, reply) => {
    if (!isOwnPage(request.headers.origin)) return reply.code(403).send()
    const { id } = request.params as { id: string }
    const folder = folders.get(id)
    folders.delete(id)
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
    return reply.code(204).send()
  })
  app.addHook('onClose', async () => {
    for (const folder of folders.values()) await rm(folder, { recursive: true, force: true })
  })
}

class TooLarge extends Error {}

function limited(limit: number): Transform {
  let size = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.byteLength
      if (size > limit) done(new TooLarge())
      else done(null, chunk)
    },
  })
}

/** The last part of a name, of harmless characters: it only tells the format and names the data set. */
function safeName(name: string): string {
  const last = name.split(/[\\/]/).at(-1) ?? ''
  const clean = last.replace(/[^\p{L}\p{N}._ -]/gu, '_').replace(/^[. ]+/, '')
  return clean === '' ? 'images.tar' : clean.slice(-120)
}
