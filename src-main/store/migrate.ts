import { closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type Database from 'better-sqlite3'
import { AppError } from '#shared/errors.ts'
import type { Migration } from './migrations/migration.ts'
import { databaseError } from './sqlite-error.ts'

/** The schema's version in a file: 0 for a new one. */
export function schemaVersion(db: Database.Database): number {
  return Number(db.pragma('user_version', { simple: true }))
}

/**
 * Brings a database to the newest schema. A file that has a schema already is copied first, to
 * `workbench-vN.backup.sqlite` beside it. The steps are savepoints of one transaction: all of them come into force
 * together, and when one fails the file is what it was before.
 * @returns the backup's path, or null when none was needed.
 * @throws AppError `internal` naming the step that failed; `disk-full` and the like where that was the cause.
 */
export function migrate(db: Database.Database, migrations: readonly Migration[]): string | null {
  requireSequence(migrations)
  const before = schemaVersion(db)
  const pending = migrations.filter(({ version }) => version > before)
  if (pending.length === 0) return null
  const backup = before === 0 ? null : backUp(db, before)
  // Inside a transaction the pragma does nothing, and a step that rebuilds a table needs it off.
  db.pragma('foreign_keys = OFF')
  try {
    const step = db.transaction((migration: Migration) => {
      db.exec(migration.sql)
      db.pragma(`user_version = ${migration.version}`)
    })
    db.transaction(() => {
      for (const migration of pending) applyStep(db, step, migration, before)
    }).exclusive()
  } catch (error) {
    // The file is untouched, so that its copy is of no use.
    if (backup !== null) rmSync(backup, { force: true })
    throw error
  } finally {
    db.pragma('foreign_keys = ON')
  }
  return backup
}

function applyStep(
  db: Database.Database,
  step: (migration: Migration) => void,
  migration: Migration,
  before: number,
): void {
  try {
    step(migration)
    const broken = db.pragma('foreign_key_check')
    if (Array.isArray(broken) && broken.length > 0) throw new Error('rows refer to others that are gone')
  } catch (error) {
    const cause = databaseError(error, db.name)
    throw new AppError(
      cause.code,
      `The workspace's database "${db.name}" could not be brought to version ${migration.version}: ${cause.message}`,
      {
        hint:
          cause.hint ?? 'The file is unchanged: go on with the version of TMU Workbench that made it, and report this.',
        details: { path: db.name, fromVersion: before, failedVersion: migration.version },
        cause: error,
      },
    )
  }
}

function requireSequence(migrations: readonly Migration[]): void {
  migrations.forEach(({ version }, index) => {
    if (version !== index + 1) throw new AppError('internal', `Migration ${index + 1} is numbered ${version}.`)
  })
}

function backUp(db: Database.Database, version: number): string {
  const target = join(dirname(db.name), `workbench-v${version}.backup.sqlite`)
  const temporary = `${target}.new`
  rmSync(temporary, { force: true })
  try {
    db.prepare('VACUUM INTO ?').run(temporary)
    const file = openSync(temporary, 'r+')
    try {
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(temporary, target)
  } catch (error) {
    rmSync(temporary, { force: true })
    const cause = databaseError(error, db.name)
    throw new AppError(cause.code, `The workspace could not be copied before its upgrade: ${cause.message}`, {
      hint: cause.hint ?? 'Free some space on the disk of the workspace and try again; nothing was changed.',
      cause: error,
    })
  }
  return target
}
