import { ORPCError } from '@orpc/client'
import { AppError, type AppErrorShape } from '#shared/errors.ts'

/** Turns whatever a contract call threw into an AppError: the caller's side of every shell. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  if (error instanceof ORPCError && error.code === 'APP_ERROR') return AppError.fromJSON(error.data as AppErrorShape)
  if (error instanceof ORPCError && error.code === 'BAD_REQUEST') {
    return new AppError('bad-input', describeIssues(error.data) ?? error.message, {
      hint: 'Check the value and try again.',
    })
  }
  return AppError.from(error)
}

function describeIssues(data: unknown): string | null {
  if (typeof data !== 'object' || data === null || !('issues' in data) || !Array.isArray(data.issues)) return null
  const sentences = data.issues.map((issue: { path?: readonly unknown[]; message?: string }) => {
    const where = (issue.path ?? [])
      .map((part) => (typeof part === 'object' && part !== null && 'key' in part ? String(part.key) : String(part)))
      .join('.')
    return where === '' ? (issue.message ?? '') : `${where}: ${issue.message ?? 'invalid'}`
  })
  return sentences.length === 0 ? null : `${sentences.join('; ')}.`
}
