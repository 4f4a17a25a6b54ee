import { AppError } from '#shared/errors.ts'
import { sqliteCodeOf } from '../sqlite-error.ts'

/**
 * Runs an insertion of `what` ('data set named "x"') and says in plain words why the database refused it.
 * @throws AppError `already-exists`, or `not-found` where it refers to rows that aren't there.
 */
export function insertNamed(what: string, insertion: () => unknown): void {
  try {
    insertion()
  } catch (error) {
    switch (sqliteCodeOf(error)) {
      case 'SQLITE_CONSTRAINT_UNIQUE':
        throw new AppError('already-exists', `There is already a ${what}.`, {
          hint: 'Choose another name, or use the one that is there.',
          cause: error,
        })
      case 'SQLITE_CONSTRAINT_FOREIGNKEY':
        throw new AppError('not-found', `The ${what} refers to something that this workspace doesn't have.`, {
          hint: 'Check that its data set, split and forget set are there and belong together.',
          cause: error,
        })
      default:
        throw error
    }
  }
}
