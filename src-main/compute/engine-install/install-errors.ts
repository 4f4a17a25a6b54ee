import { relative, sep } from 'node:path'
import { getSystemErrorMap } from 'node:util'
import { AppError } from '#shared/errors.ts'

/** Ends of sentences. */
const causes: Readonly<Record<string, string>> = {
  ENOENT: 'it is not there',
  ENOTDIR: 'a part of its path is a file',
  EEXIST: 'a file is in its place',
  EISDIR: 'a folder is in its place',
  EACCES: 'access to it was refused',
  EPERM: 'access to it was refused',
  EROFS: 'its disk is read-only',
  EIO: 'its disk reports an error',
  EBUSY: 'another program is using it',
  ETXTBSY: 'another program is using it',
  ELOOP: 'its links lead in a circle',
  ENAMETOOLONG: 'its path is too long',
}

/** An error of the system itself; the network's come wrapped, as the cause of others. */
export type SystemError = Error & {
  readonly code: string
  readonly errno: number
  readonly syscall?: string
  readonly path?: string
}

export function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && 'errno' in error && typeof error.errno === 'number' && 'code' in error
}

/** A full disk, missing rights and the like in words; `folder` is where the engine is installed. */
export function asInstallError(error: unknown, folder: string): AppError {
  if (!isSystemError(error)) return AppError.from(error)
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') {
    return new AppError('disk-full', `The disk of "${folder}" is full.`, {
      hint: 'Free some space and try again; nothing was changed.',
      cause: error,
    })
  }
  const { path = folder } = error
  if (!isWithin(path, folder) && !isWithin(folder, path)) {
    return new AppError('bad-input', `"${path}" can\u2019t be used: ${causeOf(error)}.`, {
      hint: 'Check the path and its rights; nothing was changed.',
      cause: error,
    })
  }
  const where = path === folder ? '' : ` ("${path}")`
  return new AppError(
    'bad-input',
    `The folder of the engine, "${folder}", can\u2019t be used: ${causeOf(error)}${where}.`,
    {
      hint: 'Check the path and its rights, or choose another folder with the variable TMU_ENGINES; nothing was changed.',
      cause: error,
    },
  )
}

function causeOf({ code, errno, syscall }: SystemError): string {
  if (code === 'ENOENT' && syscall === 'mkdir') return 'it can\u2019t be created there'
  return causes[code] ?? `${getSystemErrorMap().get(errno)?.[1] ?? 'the system refused'} (${code})`
}

function isWithin(path: string, folder: string): boolean {
  const [first] = relative(folder, path).split(sep)
  return first !== '..'
}
