import type { z } from 'zod'
import { AppError, type AppErrorShape } from '#shared/errors.ts'

/** Which value is meant, for the sentence: `study "first"`, `config`. */
export interface ColumnPlace {
  readonly row: string
  readonly column: string
}

/**
 * Text of a JSON column. The value is held against its schema before it's written, so that nothing gets in that
 * couldn't be read back.
 * @throws AppError `internal` for a value that the schema refuses or JSON can't say (NaN, infinities).
 */
export function writeJson<T>(schema: z.ZodType<T>, value: T, place: ColumnPlace): string {
  const checked = schema.safeParse(value)
  if (!checked.success) {
    throw new AppError('internal', `The ${place.column} of ${place.row} can't be stored: ${firstIssue(checked.error)}.`)
  }
  return JSON.stringify(value, (key, member: unknown) => {
    if (typeof member === 'number' && !Number.isFinite(member)) {
      throw new AppError('internal', `The ${place.column} of ${place.row} can't be stored: "${key}" is ${member}.`)
    }
    return member
  })
}

/**
 * The value of a JSON column, complete and without unknown members. A change of what a column holds is a migration:
 * nothing here guesses.
 * @throws AppError `corrupt` naming row and column.
 */
export function readJson<T>(schema: z.ZodType<T>, text: string, place: ColumnPlace): T {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw unreadable(place, 'it is not JSON', error)
  }
  const checked = schema.safeParse(value)
  if (!checked.success) throw unreadable(place, firstIssue(checked.error))
  return checked.data
}

export function readNullableJson<T>(schema: z.ZodType<T>, text: string | null, place: ColumnPlace): T | null {
  return text === null ? null : readJson(schema, text, place)
}

/** The value of a text column that has few allowed ones. */
export function readChoice<const T extends string>(choices: readonly T[], text: string, place: ColumnPlace): T {
  const found = choices.find((choice) => choice === text)
  if (found === undefined) throw unreadable(place, `this version knows no "${text}"`)
  return found
}

/** An error for an error column: never a stack trace, and details only where JSON can say them. */
export function writeError(schema: z.ZodType<AppErrorShape>, error: AppErrorShape, place: ColumnPlace): string {
  const plain: AppErrorShape = { code: error.code, message: error.message, hint: error.hint }
  if (error.details === undefined) return writeJson(schema, plain, place)
  try {
    return writeJson(schema, { ...plain, details: error.details }, place)
  } catch {
    // That a stage failed must be on record whatever its details are.
    return writeJson(schema, plain, place)
  }
}

function unreadable(place: ColumnPlace, reason: string, cause?: unknown): AppError {
  return new AppError('corrupt', `The ${place.column} of ${place.row} in the workspace can't be read: ${reason}.`, {
    hint: 'Run "workspace check" to see what else is affected.',
    cause,
  })
}

function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0]
  if (issue === undefined) return 'it has another form'
  const path = issue.path.map(String).join('.')
  const message = issue.message.replace(/\.$/, '')
  return path === '' ? message : `${path}: ${message}`
}
