import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:net'
import { resolve } from 'node:path'
import type { InstallableEngineId } from '#shared/domain/engine.ts'
import { AppError } from '#shared/errors.ts'

/**
 * One installation or removal at a time in a folder. The lock is a name in Linux's abstract socket namespace and no file:
 * it takes no space on a disk that is full, and is gone with its process, however that ends.
 * @throws AppError `conflict` where another process, or this one, is at it.
 */
export async function alone<T>(folder: string, engine: InstallableEngineId, work: () => Promise<T>): Promise<T> {
  // There is no engine to install anywhere else.
  if (process.platform !== 'linux') return await work()
  const digest = createHash('sha256').update(resolve(folder)).digest('hex').slice(0, 32)
  const lock = createServer((socket) => socket.destroy())
  try {
    await listening(lock, `\0tmu-workbench-install-${digest}`)
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE')) throw cause
    throw new AppError('conflict', `The ${engine} engine is being installed or removed already.`, {
      hint: 'Wait until that is done, or end the program that does it.',
      cause,
    })
  }
  try {
    return await work()
  } finally {
    lock.close()
  }
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((done, failed) => {
    server.once('error', failed)
    server.listen({ path }, () => {
      server.off('error', failed)
      done()
    })
  })
}
