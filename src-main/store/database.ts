import { existsSync, readFileSync, statSync } from 'node:fs'
import Database from 'better-sqlite3'
import { AppError } from '#shared/errors.ts'
import { migrate, schemaVersion } from './migrate.ts'
import { migrations as allMigrations } from './migrations/index.ts'
import type { Migration } from './migrations/migration.ts'
import { corruptDatabase, databaseError, sqliteCodeOf } from './sqlite-error.ts'

export type WorkspaceDatabase = Database.Database

/** "TMUW": tells a workspace's database from any other SQLite file. */
const applicationId = 0x544d5557
/** Longest wait for a lock of another connection, ms: synchronous, so it must stay short. */
const busyTimeoutMs = 2000

export interface OpenDatabaseOptions {
  readonly mode: 'read-write' | 'read-only'
  /** Other steps than the program's own, for tests of the upgrade itself. */
  readonly migrations?: readonly Migration[]
}

/**
 * Opens a workspace's database, upgrading or creating it in `read-write` mode; who opens it so holds the lock.
 *
 * Durability: write-ahead log with `synchronous=FULL`, both read back, so that a committed transaction survives a
 * crash of the process and of the machine. `quick_check` runs before anything is written.
 *
 * @throws AppError `corrupt`, `workspace-newer`, `workspace-read-only`, `bad-input` (another program's database),
 * `not-found` (read-only mode, no file), `conflict` (read-only mode, a file that needs an upgrade first).
 */
export function openDatabase(path: string, options: OpenDatabaseOptions): WorkspaceDatabase {
  const { mode, migrations = allMigrations } = options
  const newest = migrations.at(-1)?.version ?? 0
  if (mode === 'read-only' && !existsSync(path)) {
    throw new AppError('not-found', `There is no database at "${path}".`, { details: { path } })
  }
  let db: WorkspaceDatabase | null = null
  try {
    db = mode === 'read-only' ? connectReadOnly(path) : new Database(path, { timeout: busyTimeoutMs })
    requireOurs(db, path)
    requireNotNewer(db, path, newest)
    requireSound(db, path)
    if (mode === 'read-only') requireNotOlder(db, path, newest)
    else makeDurable(db, migrations)
    assertPragma(db, 'foreign_keys', 'ON', 1)
    // Views and triggers of a file that came from elsewhere must not call functions with side effects.
    db.pragma('trusted_schema = OFF')
    return db
  } catch (error) {
    db?.close()
    throw databaseError(error, path)
  }
}

function makeDurable(db: WorkspaceDatabase, migrations: readonly Migration[]): void {
  assertPragma(db, 'journal_mode', 'WAL', 'wal')
  assertPragma(db, 'synchronous', 'FULL', 2)
  // macOS only: a plain fsync leaves the data in the drive's cache there.
  db.pragma('fullfsync = ON')
  db.pragma('checkpoint_fullfsync = ON')
  if (schemaVersion(db) === 0) db.pragma(`application_id = ${applicationId}`)
  migrate(db, migrations)
}

/** SQLite answers an unknown or refused setting with silence; reading it back is the only proof. */
function assertPragma(db: WorkspaceDatabase, name: string, wanted: string, expected: string | number): void {
  db.pragma(`${name} = ${wanted}`)
  const found: unknown = db.pragma(name, { simple: true })
  if (found !== expected) {
    throw new AppError('unsupported', `The database "${db.name}" refuses ${name}=${wanted} (it is ${String(found)}).`, {
      hint: 'Put the workspace on a local disk: network folders and some synchronised ones lack what SQLite needs.',
      details: { pragma: name, wanted, found },
    })
  }
}

function connectReadOnly(path: string): WorkspaceDatabase {
  const db = new Database(path, { readonly: true, timeout: busyTimeoutMs })
  try {
    // The first read: it fails where the log's index would have to be created in a folder that can't be written to.
    schemaVersion(db)
    return db
  } catch (error) {
    db.close()
    const code = sqliteCodeOf(error)
    if (code?.startsWith('SQLITE_READONLY') !== true && code?.startsWith('SQLITE_CANTOPEN') !== true) throw error
    return connectSnapshot(path, error)
  }
}

/** A workspace on a read-only medium: with no log beside it the file is all there is, and can be read into memory. */
function connectSnapshot(path: string, cause: unknown): WorkspaceDatabase {
  const log = `${path}-wal`
  if (existsSync(log) && statSync(log).size > 0) {
    throw new AppError('workspace-read-only', `The workspace's last changes in "${log}" can't be read from here.`, {
      hint: 'Copy the workspace to a folder that you may write to, and open the copy.',
      cause,
    })
  }
  const bytes = readFileSync(path)
  // Header bytes 18 and 19 say "write-ahead log", which a database in memory can't have (SQLite file format, 1.3.3).
  bytes[18] = 1
  bytes[19] = 1
  return new Database(bytes, { readonly: true })
}

function requireOurs(db: WorkspaceDatabase, path: string): void {
  const id = Number(db.pragma('application_id', { simple: true }))
  if (id === applicationId) return
  const isEmpty = db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0
  if (id === 0 && isEmpty) return
  throw new AppError('bad-input', `"${path}" is the database of another program.`, {
    hint: 'Choose another folder for the workspace with --workspace.',
    details: { path },
  })
}

function requireNotNewer(db: WorkspaceDatabase, path: string, newest: number): void {
  const found = schemaVersion(db)
  if (found <= newest) return
  throw new AppError(
    'workspace-newer',
    `The workspace's database "${path}" has version ${found}, and this TMU Workbench knows versions up to ${newest}.`,
    {
      hint: 'Update TMU Workbench, or choose another workspace with --workspace.',
      details: { path, fileVersion: found, programVersion: newest },
    },
  )
}

function requireNotOlder(db: WorkspaceDatabase, path: string, newest: number): void {
  const found = schemaVersion(db)
  if (found === newest) return
  throw new AppError(
    'conflict',
    `The workspace's database "${path}" has version ${found} and must be upgraded to version ${newest} before it can be read.`,
    {
      hint: 'Open the workspace once for writing, with the window or "tmu serve".',
      details: { path, fileVersion: found, programVersion: newest },
    },
  )
}

function requireSound(db: WorkspaceDatabase, path: string): void {
  const found = quickCheck(db)
  if (found.length > 0) throw corruptDatabase(path, found[0] ?? 'quick_check failed')
}

/** What `quick_check` complains about; empty for a sound file. */
export function quickCheck(db: WorkspaceDatabase): readonly string[] {
  const lines = db.pragma('quick_check') as readonly { readonly quick_check: string }[]
  return lines.map((line) => line.quick_check).filter((line) => line !== 'ok')
}
