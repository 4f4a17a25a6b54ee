import Database from 'better-sqlite3'
import { AppError } from '#shared/errors.ts'

/** The extended result code of an error of SQLite's (`SQLITE_CONSTRAINT_UNIQUE`), or null for any other error. */
export function sqliteCodeOf(error: unknown): string | null {
  return error instanceof Database.SqliteError ? error.code : null
}

/**
 * What a failed database operation means for the user. An AppError is returned as it is; `file` names the database
 * in the sentence.
 */
export function databaseError(error: unknown, file: string): AppError {
  if (error instanceof AppError) return error
  const code = sqliteCodeOf(error)
  if (code === null) return AppError.from(error)
  switch (primaryCode(code)) {
    case 'SQLITE_FULL':
      return new AppError('disk-full', `The disk is full: "${file}" could not be written.`, {
        hint: 'Free some space on the disk of the workspace and try again; nothing was lost.',
        cause: error,
      })
    case 'SQLITE_READONLY':
      return new AppError('workspace-read-only', `The workspace is read-only: "${file}" could not be written.`, {
        hint: "Give yourself write access to the workspace's folder, or choose another one with --workspace.",
        cause: error,
      })
    case 'SQLITE_PERM':
    case 'SQLITE_AUTH':
    case 'SQLITE_CANTOPEN':
      return new AppError('workspace-read-only', `The database "${file}" could not be opened: access was refused.`, {
        hint: "Give yourself access to the workspace's folder and files, or choose another one with --workspace.",
        cause: error,
      })
    case 'SQLITE_CORRUPT':
    case 'SQLITE_NOTADB':
      return corruptDatabase(file, messageOf(error), error)
    case 'SQLITE_BUSY':
    case 'SQLITE_LOCKED':
      return new AppError('workspace-locked', `Another program is using the database "${file}".`, {
        hint: 'Close the program that has it open (an SQLite browser, a backup), then try again.',
        cause: error,
      })
    case 'SQLITE_IOERR':
      return new AppError('internal', `The disk failed while "${file}" was read or written: ${messageOf(error)}.`, {
        hint: 'Check the disk and its connection, then run "workspace check".',
        cause: error,
      })
    default:
      return new AppError('internal', `The database "${file}" refused an operation: ${messageOf(error)}.`, {
        cause: error,
      })
  }
}

export function corruptDatabase(file: string, found: string, cause?: unknown): AppError {
  return new AppError('corrupt', `The database "${file}" is damaged: ${found}.`, {
    hint: 'Put a copy of the workspace back, or move this file away to begin with an empty history; the objects beside it stay.',
    details: { path: file },
    cause,
  })
}

/** Wraps every method so that what SQLite throws leaves it as an AppError. */
export function translating<Methods extends object>(file: string, methods: Methods): Methods {
  const wrapped: Record<string, unknown> = {}
  for (const [name, method] of Object.entries(methods) as [string, (...parameters: unknown[]) => unknown][]) {
    wrapped[name] = (...parameters: unknown[]): unknown => {
      try {
        return method(...parameters)
      } catch (error) {
        throw databaseError(error, file)
      }
    }
  }
  return wrapped as Methods
}

function primaryCode(code: string): string {
  return code.split('_').slice(0, 2).join('_')
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/\.$/, '') : String(error)
}
