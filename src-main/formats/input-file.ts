import { type FileHandle, open } from 'node:fs/promises'
import { AppError } from '#shared/errors.ts'
import { quoted } from './text.ts'

/** One read asks for at most this much, so that no single system call takes long. */
const sliceBytes = 8 * 1024 * 1024

/** A file that the user named, opened for reading. */
export interface InputFile extends AsyncDisposable {
  readonly path: string
  readonly size: number
  /** Exactly `length` bytes. @throws AppError `bad-input` when the file has become shorter. */
  read(position: number, length: number): Promise<Uint8Array<ArrayBuffer>>
}

/** @throws AppError `bad-input` naming the path when it is absent, no regular file, or not readable. */
export async function openInputFile(path: string): Promise<InputFile> {
  let handle: FileHandle
  try {
    handle = await open(path, 'r')
  } catch (error) {
    throw unreadable(path, error)
  }
  try {
    const info = await handle.stat()
    if (!info.isFile())
      throw new AppError('bad-input', `${quoted(path, 200)} is not a file.`, { details: { file: path } })
    return {
      path,
      size: info.size,
      read: (position, length) => readExactly(handle, path, position, length),
      [Symbol.asyncDispose]: () => handle.close(),
    }
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function readExactly(
  handle: FileHandle,
  path: string,
  position: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length)
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(bytes, done, Math.min(sliceBytes, length - done), position + done)
    if (bytesRead === 0) {
      throw new AppError('bad-input', `${quoted(path, 200)} became shorter while it was read.`, {
        details: { file: path },
      })
    }
    done += bytesRead
  }
  return bytes
}

function unreadable(path: string, error: unknown): AppError {
  const code = error instanceof Error && 'code' in error ? error.code : null
  const reason = code === 'ENOENT' || code === 'ENOTDIR' ? 'does not exist' : 'cannot be read'
  return new AppError('bad-input', `${quoted(path, 200)} ${reason}.`, { details: { file: path }, cause: error })
}
