import { existsSync } from 'node:fs'
import { open, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { openDatabase, type WorkspaceDatabase } from '#main/store/database.ts'
import { createRepositories } from '#main/store/index.ts'
import { migrations } from '#main/store/migrations/index.ts'
import type { Migration } from '#main/store/migrations/migration.ts'
import { openStore, openStoreForReading } from '#main/store/open-store.ts'
import { insertGround, later, temporaryFolder, temporaryRepositories, thrownBy } from './support.ts'

const next = migrations.length + 1
const addNotes: Migration = { version: next, sql: 'CREATE TABLE notes (text TEXT NOT NULL) STRICT;' }
const failing: Migration = {
  version: next + 1,
  sql: 'CREATE TABLE more (a TEXT) STRICT; INSERT INTO nowhere VALUES (1);',
}

/** A file of this version with a data set in it, closed. */
async function existingFile(): Promise<string> {
  const path = join(await temporaryFolder(), 'workbench.sqlite')
  const db = openDatabase(path, { mode: 'read-write' })
  insertGround(createRepositories(db), 'digits')
  db.close()
  return path
}

function names(db: WorkspaceDatabase): readonly string[] {
  return createRepositories(db)
    .datasets.listDatasets()
    .map(({ name }) => name)
}

describe('opening a database', () => {
  it('is durable, checked and strict: every setting reads back as it was asked for', async () => {
    const { db } = await temporaryRepositories()
    const pragma = (name: string): unknown => db.pragma(name, { simple: true })
    expect(pragma('journal_mode')).toBe('wal')
    expect(pragma('synchronous')).toBe(2)
    expect(pragma('foreign_keys')).toBe(1)
    expect(pragma('trusted_schema')).toBe(0)
    expect(Number(pragma('busy_timeout'))).toBeGreaterThan(0)
    expect(pragma('user_version')).toBe(migrations.length)
    expect(() => db.exec("INSERT INTO splits (id) VALUES ('x')")).toThrow(/NOT NULL/)
  })

  it('finds again what was written before', async () => {
    const path = await existingFile()
    const db = openDatabase(path, { mode: 'read-write' })
    later(() => void db.close())
    expect(names(db)).toEqual(['digits'])
  })

  it("refuses another program's SQLite file and leaves it alone", async () => {
    const path = join(await temporaryFolder(), 'workbench.sqlite')
    const other = new Database(path)
    other.exec('CREATE TABLE contacts (name TEXT)')
    other.close()
    const before = await readFile(path)
    expect(thrownBy(() => openDatabase(path, { mode: 'read-write' }))).toMatchObject({ code: 'bad-input' })
    expect(await readFile(path)).toEqual(before)
  })
})

describe('a damaged database', () => {
  it.each(['read-write', 'read-only'] as const)('is refused (%s) when it is no database at all', async (mode) => {
    const path = join(await temporaryFolder(), 'workbench.sqlite')
    await writeFile(path, 'these are not the bytes of a database '.repeat(200))
    expect(thrownBy(() => openDatabase(path, { mode }))).toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining(path),
      hint: expect.any(String),
      details: { path },
    })
  })

  it('is refused when a page in the middle of it was overwritten', async () => {
    const path = await existingFile()
    const db = openDatabase(path, { mode: 'read-write' })
    const page = Number(db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'datasets'").pluck().get())
    const pageSize = Number(db.pragma('page_size', { simple: true }))
    db.close()
    const file = await open(path, 'r+')
    await file.write(Buffer.alloc(pageSize, 0xa5), 0, pageSize, (page - 1) * pageSize)
    await file.close()
    expect(thrownBy(() => openDatabase(path, { mode: 'read-write' }))).toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining(path),
    })
  })

  it('gives the lock back when it is refused', async () => {
    const root = await temporaryFolder()
    await (await openStore(root)).close()
    await writeFile(join(root, 'workbench.sqlite'), 'x'.repeat(5000))
    await expect(openStore(root)).rejects.toMatchObject({ code: 'corrupt' })
    await writeFile(join(root, 'workbench.sqlite'), '')
    await (await openStore(root)).close()
  })
})

describe('upgrading a database', () => {
  it('brings an older file to the newest version, with its rows, and keeps a copy of it as it was', async () => {
    const path = await existingFile()
    const db = openDatabase(path, { mode: 'read-write', migrations: [...migrations, addNotes] })
    expect(db.pragma('user_version', { simple: true })).toBe(next)
    expect(names(db)).toEqual(['digits'])
    db.exec("INSERT INTO notes VALUES ('hello')")
    db.close()

    const copy = join(dirname(path), `workbench-v${next - 1}.backup.sqlite`)
    const backup = openDatabase(copy, { mode: 'read-only' })
    later(() => void backup.close())
    expect(backup.pragma('user_version', { simple: true })).toBe(next - 1)
    expect(names(backup)).toEqual(['digits'])
  })

  it('makes no copy of a new file, nor of one that is up to date', async () => {
    const path = await existingFile()
    openDatabase(path, { mode: 'read-write' }).close()
    expect(await readdir(dirname(path))).toEqual(['workbench.sqlite'])
  })

  it('leaves the file byte for byte as it was when a step fails, also after steps that did not', async () => {
    const path = await existingFile()
    const before = await readFile(path)
    const error = thrownBy(() =>
      openDatabase(path, { mode: 'read-write', migrations: [...migrations, addNotes, failing] }),
    )
    expect(error).toMatchObject({
      code: 'internal',
      message: expect.stringContaining(`version ${next + 1}`),
      hint: expect.stringContaining('unchanged'),
      details: { path, fromVersion: next - 1, failedVersion: next + 1 },
    })
    expect((await readFile(path)).equals(before)).toBe(true)
    expect(await readdir(dirname(path))).toEqual(['workbench.sqlite'])
    const db = openDatabase(path, { mode: 'read-write' })
    later(() => void db.close())
    expect(names(db)).toEqual(['digits'])
  })

  it('refuses a step after which rows refer to others that are gone', async () => {
    const path = await existingFile()
    const careless: Migration = { version: next, sql: 'DELETE FROM datasets;' }
    expect(
      thrownBy(() => openDatabase(path, { mode: 'read-write', migrations: [...migrations, careless] })),
    ).toMatchObject({ code: 'internal', message: expect.stringContaining('gone') })
    const db = openDatabase(path, { mode: 'read-write' })
    later(() => void db.close())
    expect(names(db)).toEqual(['digits'])
  })

  it('enforces foreign keys again afterwards', async () => {
    const path = await existingFile()
    const db = openDatabase(path, { mode: 'read-write', migrations: [...migrations, addNotes] })
    later(() => void db.close())
    expect(() => db.exec('DELETE FROM datasets')).toThrow(/FOREIGN KEY/)
  })

  it('leaves nothing of a new file that could not be made complete', async () => {
    const path = join(await temporaryFolder(), 'workbench.sqlite')
    thrownBy(() => openDatabase(path, { mode: 'read-write', migrations: [...migrations, addNotes, failing] }))
    const db = openDatabase(path, { mode: 'read-write' })
    later(() => void db.close())
    expect(names(db)).toEqual([])
  })

  it('is refused for a list of steps with a gap', async () => {
    const path = join(await temporaryFolder(), 'workbench.sqlite')
    expect(() =>
      openDatabase(path, { mode: 'read-write', migrations: [...migrations, { ...addNotes, version: next + 5 }] }),
    ).toThrow(/numbered/)
  })
})

describe('a database of a newer version', () => {
  it.each(['read-write', 'read-only'] as const)('is refused (%s) with both versions and not touched', async (mode) => {
    const path = await existingFile()
    openDatabase(path, { mode: 'read-write', migrations: [...migrations, addNotes] }).close()
    const before = await readFile(path)
    expect(thrownBy(() => openDatabase(path, { mode }))).toMatchObject({
      code: 'workspace-newer',
      message: expect.stringMatching(new RegExp(`version ${next}.* up to ${next - 1}`)),
      hint: expect.any(String),
      details: { path, fileVersion: next, programVersion: next - 1 },
    })
    expect((await readFile(path)).equals(before)).toBe(true)
  })
})

describe('opening for reading', () => {
  it('shows what a holder writes meanwhile, and refuses to write', async () => {
    const root = await temporaryFolder()
    const holder = await openStore(root)
    const reader = await openStoreForReading(root)
    later(async () => {
      await reader.close()
      await holder.close()
    })
    expect(reader.repositories.datasets.listDatasets()).toEqual([])
    insertGround(holder.repositories, 'digits')
    expect(reader.repositories.datasets.findDataset('digits')?.name).toBe('digits')
    expect(thrownBy(() => insertGround(reader.repositories, 'letters'))).toMatchObject({ code: 'workspace-read-only' })
  })

  it('creates no file and says that there is none', async () => {
    const path = join(await temporaryFolder(), 'workbench.sqlite')
    expect(thrownBy(() => openDatabase(path, { mode: 'read-only' }))).toMatchObject({ code: 'not-found' })
    expect(existsSync(path)).toBe(false)
  })

  it('reads what a killed holder had committed and not yet written into the file itself', async () => {
    const { db, repositories, path } = await temporaryRepositories()
    insertGround(repositories, 'digits')
    expect((await stat(`${path}-wal`)).size).toBeGreaterThan(0)
    const copy = join(await temporaryFolder(), 'workbench.sqlite')
    // File and log as they lie on disk while the writer is still there: what a kill leaves.
    for (const end of ['', '-wal']) await writeFile(`${copy}${end}`, await readFile(`${path}${end}`))
    expect(db.open).toBe(true)
    const reader = openDatabase(copy, { mode: 'read-only' })
    later(() => void reader.close())
    expect(names(reader)).toEqual(['digits'])
  })

  it('upgrades an older file first, and gives the lock back', async () => {
    const root = await temporaryFolder()
    const store = await openStore(root)
    insertGround(store.repositories, 'digits')
    await store.close()
    const newer = [...migrations, addNotes]
    const path = join(root, 'workbench.sqlite')
    expect(thrownBy(() => openDatabase(path, { mode: 'read-only', migrations: newer }))).toMatchObject({
      code: 'conflict',
      details: { fileVersion: next - 1, programVersion: next },
    })
    const reader = await openStoreForReading(root, { migrations: newer })
    later(() => reader.close())
    expect(reader.repositories.datasets.listDatasets()).toHaveLength(1)
    await (await openStore(root, { migrations: newer })).close()
  })
})
