import { randomUUID } from 'node:crypto'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { z } from 'zod'
import { errnoOf, storageError } from '#main/artifacts/storage-errors.ts'
import { AppError } from '#shared/errors.ts'
import { identifyThisProcess, livenessOf } from './process-identity.ts'
import { databaseError, sqliteCodeOf } from './sqlite-error.ts'

/** Where the holder of a workspace can be spoken to. The token is a secret: it lies in the lock file alone. */
export interface LockEndpoint {
  readonly socketPath: string
  readonly token: string
}

/** Who holds a workspace, as the lock file says. */
export interface LockHolder {
  readonly pid: number
  readonly startTime: string | null
  readonly host: string
  /** Names this taking of the lock, unlike any other: owner of leases. */
  readonly id: string
  readonly acquiredAt: string
  /** Null until the holder listens. */
  readonly endpoint: LockEndpoint | null
}

export interface WorkspaceLock {
  readonly holder: LockHolder
  /** Tells other processes where to attach. */
  publish(endpoint: LockEndpoint): Promise<void>
  /** Gives the workspace free. Repeating it does nothing. */
  release(): Promise<void>
}

export interface AcquireOptions {
  readonly endpoint?: LockEndpoint
  /**
   * How long to wait for a holder that is neither known to be alive nor gone yet: one that is just being taken, or
   * whose process is just ending.
   */
  readonly patienceMs?: number
}

const holderSchema: z.ZodType<LockHolder> = z.strictObject({
  pid: z.int().positive(),
  startTime: z.string().nullable(),
  host: z.string(),
  id: z.string().min(1),
  acquiredAt: z.string(),
  endpoint: z.strictObject({ socketPath: z.string(), token: z.string() }).nullable(),
})

/** Locks of this process: what is held must not fall to the garbage collector. */
const held = new Set<Database.Database>()

/**
 * Becomes the one writer of a workspace.
 *
 * Two files do it. `workspace.guard` is an empty SQLite file on which the holder keeps an exclusive lock of the
 * operating system's for its whole life: it ends with the process, however that ends, and of any number of processes
 * exactly one gets it, so that there is no moment at which two could take over the same stale lock.
 * `workspace.lock` says who the holder is and where it listens (JSON, mode 0600, replaced by a rename). Where the
 * guard is free and the lock file names a process that still runs since that time, the guard isn't trusted (a
 * file system without locks, a deleted guard) and the workspace counts as held.
 *
 * @throws AppError `workspace-locked` with `details` {pid, host, socketPath}, each null where it isn't known.
 */
export async function acquireLock(root: string, options: AcquireOptions = {}): Promise<WorkspaceLock> {
  const deadline = performance.now() + (options.patienceMs ?? 2000)
  const self = await identifyThisProcess()
  for (;;) {
    const guard = await tryGuard(root)
    if (guard !== null) return await takeOver(root, guard, { ...self, ...newHolder(options.endpoint) })
    const holder = await readHolder(root)
    const alive = holder !== null && (await livenessOf(holder)) === 'alive'
    if (alive || performance.now() >= deadline) throw locked(root, holder)
    await wait(20)
  }
}

/** Who holds the workspace now, or null. A holder whose process is gone doesn't count. */
export async function currentHolder(root: string): Promise<LockHolder | null> {
  const holder = await readHolder(root)
  return holder !== null && (await livenessOf(holder)) !== 'dead' ? holder : null
}

function newHolder(endpoint: LockEndpoint | undefined): Pick<LockHolder, 'id' | 'acquiredAt' | 'endpoint'> {
  return { id: randomUUID(), acquiredAt: new Date().toISOString(), endpoint: endpoint ?? null }
}

/** The guard, locked, or null when another process has it. */
async function tryGuard(root: string): Promise<Database.Database | null> {
  const path = join(root, 'workspace.guard')
  let guard: Database.Database | null = null
  try {
    await createGuard(path)
    guard = new Database(path, { timeout: 0 })
    // Without a journal of its own the guard stays one empty file. Nothing is ever written to it.
    guard.pragma('journal_mode = MEMORY')
    guard.exec('BEGIN EXCLUSIVE')
    return guard
  } catch (error) {
    guard?.close()
    if (sqliteCodeOf(error)?.startsWith('SQLITE_BUSY') === true) return null
    throw sqliteCodeOf(error) === null ? storageError(error, 'the lock') : databaseError(error, path)
  }
}

async function createGuard(path: string): Promise<void> {
  try {
    // Exclusively: closing a handle of a file drops all of this process's locks on it, so an existing guard must
    // never be opened by anything but SQLite.
    await (await open(path, 'wx', 0o600)).close()
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
  }
}

async function takeOver(root: string, guard: Database.Database, holder: LockHolder): Promise<WorkspaceLock> {
  try {
    const previous = await readHolder(root)
    if (previous !== null && (await livenessOf(previous)) === 'alive') throw locked(root, previous)
    await writeHolder(root, holder)
  } catch (error) {
    guard.close()
    throw error
  }
  held.add(guard)
  let current = holder
  return {
    get holder() {
      return current
    },
    async publish(endpoint) {
      if (!guard.open) throw new AppError('internal', `The lock of the workspace "${root}" was given up before.`)
      current = { ...current, endpoint }
      await writeHolder(root, current)
    },
    async release() {
      if (!held.delete(guard)) return
      try {
        if ((await readHolder(root))?.id === current.id) await rm(lockFile(root), { force: true })
      } finally {
        // Last: from here on another process may write the lock file.
        guard.close()
      }
    },
  }
}

function lockFile(root: string): string {
  return join(root, 'workspace.lock')
}

/** Null when there is no lock file, or one that a power failure left empty. */
async function readHolder(root: string): Promise<LockHolder | null> {
  let text: string
  try {
    text = await readFile(lockFile(root), 'utf8')
  } catch (error) {
    const code = errnoOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    // Another user's lock. Nobody but its owner may read it.
    if (code === 'EACCES' || code === 'EPERM') throw locked(root, null)
    throw storageError(error, 'the lock')
  }
  try {
    return holderSchema.parse(JSON.parse(text))
  } catch {
    return null
  }
}

async function writeHolder(root: string, holder: LockHolder): Promise<void> {
  // One name for all: only who has the guard writes.
  const temporary = `${lockFile(root)}.new`
  try {
    const file = await open(temporary, 'w', 0o600)
    try {
      await file.writeFile(`${JSON.stringify(holder)}\n`)
    } finally {
      await file.close()
    }
    await rename(temporary, lockFile(root))
  } catch (error) {
    await rm(temporary, { force: true })
    throw storageError(error, 'the lock')
  }
}

function locked(root: string, holder: LockHolder | null): AppError {
  const who = holder === null ? 'another process' : `process ${holder.pid} on ${holder.host}`
  return new AppError('workspace-locked', `The workspace "${root}" is in use by ${who}.`, {
    hint: 'Close the other TMU Workbench, wait until its study is done, or choose another workspace with --workspace.',
    details: {
      pid: holder?.pid ?? null,
      host: holder?.host ?? null,
      socketPath: holder?.endpoint?.socketPath ?? null,
    },
  })
}
