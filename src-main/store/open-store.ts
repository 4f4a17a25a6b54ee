import { AppError } from '#shared/errors.ts'
import { openDatabase, type WorkspaceDatabase } from './database.ts'
import { createRepositories, type Repositories } from './index.ts'
import { type AcquireOptions, acquireLock, currentHolder, type WorkspaceLock } from './lock.ts'
import type { Migration } from './migrations/migration.ts'
import { databaseError } from './sqlite-error.ts'
import type { Swept } from './sweep.ts'
import { prepareWorkspace, requireWorkspace, type WorkspacePaths } from './workspace.ts'

interface OpenStore {
  readonly paths: WorkspacePaths
  readonly db: WorkspaceDatabase
  readonly repositories: Repositories
  /** Repeating it does nothing. */
  close(): Promise<void>
}

/** A workspace that this process holds: it alone writes. */
export interface WritableStore extends OpenStore {
  readonly mode: 'read-write'
  readonly lock: WorkspaceLock
  /** What an earlier holder left running. */
  readonly swept: Swept
}

/** A workspace opened for reading, beside a holder or without one. What writes throws `workspace-read-only`. */
export interface ReadableStore extends OpenStore {
  readonly mode: 'read-only'
}

export interface OpenStoreOptions extends AcquireOptions {
  readonly minimumFreeBytes?: number
  readonly migrations?: readonly Migration[]
}

/**
 * Becomes the holder of a workspace: folders, lock, database (created or upgraded), then the sweep of what a dead
 * holder left. When anything fails, all that was taken is given back.
 * @throws AppError `bad-input`, `workspace-read-only`, `disk-full`, `workspace-locked`, `workspace-newer`, `corrupt`.
 */
export async function openStore(root: string, options: OpenStoreOptions = {}): Promise<WritableStore> {
  const paths = await prepareWorkspace(root, options)
  const lock = await acquireLock(root, options)
  let db: WorkspaceDatabase | null = null
  try {
    const open = openDatabase(paths.database, { mode: 'read-write', ...pick(options) })
    db = open
    const repositories = createRepositories(open, { holder: lock.holder.id })
    const swept = repositories.sweepLeases()
    return {
      mode: 'read-write',
      paths,
      db: open,
      repositories,
      lock,
      swept,
      async close() {
        // The database first: while it's open, nobody else may hold the lock.
        open.close()
        await lock.release()
      },
    }
  } catch (error) {
    db?.close()
    await lock.release()
    throw error
  }
}

/**
 * Opens a workspace for reading. A file of an older version is upgraded first, which needs the lock for a moment; so
 * does the sweep of what a dead holder left running, which is skipped where nothing can be written.
 * @throws AppError `not-found` when there is no workspace yet; `workspace-newer`, `corrupt` and so on.
 */
export async function openStoreForReading(root: string, options: OpenStoreOptions = {}): Promise<ReadableStore> {
  const paths = await requireWorkspace(root)
  const db = await openUpgraded(root, paths, options)
  if (isLeftRunning(db) && (await currentHolder(root)) === null) {
    await openStore(root, options).then(
      (store) => store.close(),
      () => {},
    )
  }
  return {
    mode: 'read-only',
    paths,
    db,
    repositories: createRepositories(db),
    async close() {
      db.close()
    },
  }
}

function isLeftRunning(db: WorkspaceDatabase): boolean {
  try {
    return db.prepare(`SELECT 1 FROM studies WHERE state = 'running' LIMIT 1`).get() !== undefined
  } catch (error) {
    throw databaseError(error, db.name)
  }
}

async function openUpgraded(
  root: string,
  paths: WorkspacePaths,
  options: OpenStoreOptions,
): Promise<WorkspaceDatabase> {
  try {
    return openDatabase(paths.database, { mode: 'read-only', ...pick(options) })
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'conflict') throw error
  }
  await (await openStore(root, options)).close()
  return openDatabase(paths.database, { mode: 'read-only', ...pick(options) })
}

function pick({ migrations }: OpenStoreOptions): { readonly migrations?: readonly Migration[] } {
  return migrations === undefined ? {} : { migrations }
}
