import { AppError } from '#shared/errors.ts'

/**
 * What a failed file operation means for the user. An AppError is returned as it is; `what` names the
 * thing that was read or written, for the sentence ("the object store", "the import's working copy").
 */
export function storageError(error: unknown, what: string): AppError {
  if (error instanceof AppError) return error
  const code = errnoOf(error)
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new AppError('disk-full', `The disk is full: ${what} could not be written.`, {
        hint: 'Free some space on the disk of the workspace and try again; nothing was lost.',
        cause: error,
      })
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return new AppError('workspace-read-only', `The workspace is read-only: ${what} could not be written.`, {
        hint: "Give yourself write access to the workspace's folder, or choose another one with --workspace.",
        cause: error,
      })
    default: {
      const message = error instanceof Error ? error.message : String(error)
      return new AppError('internal', `A file operation on ${what} failed: ${message}`, { cause: error })
    }
  }
}

/** `ENOENT` and the like, or null for anything that isn't a system error. */
export function errnoOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null
}
