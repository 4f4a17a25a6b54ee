import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openStore, openStoreForReading } from '#main/store/open-store.ts'
import { prepareWorkspace, requireWorkspace } from '#main/store/workspace.ts'
import { insertGround, later, startChild, temporaryFolder, unprivilegedUser } from './support.ts'

describe('preparing a workspace', () => {
  it('creates its folders, however deep, and does so again without harm', async () => {
    const root = join(await temporaryFolder(), 'a', 'b', 'work')
    const paths = await prepareWorkspace(root)
    expect((await readdir(root)).sort()).toEqual(['exports', 'logs', 'objects', 'tmp'])
    await writeFile(join(paths.exports, 'table.csv'), 'a\n')
    await prepareWorkspace(root)
    expect(await readdir(paths.exports)).toEqual(['table.csv'])
  })

  it('refuses a path that is a file, or lies below one, as bad input naming the file', async () => {
    const file = join(await temporaryFolder(), 'notes.txt')
    await writeFile(file, 'x')
    for (const path of [file, join(file, 'work')]) {
      await expect(prepareWorkspace(path)).rejects.toMatchObject({
        code: 'bad-input',
        message: expect.stringContaining(file),
      })
    }
  })

  it("refuses a workspace where a file has one of its folders' names, and creates nothing", async () => {
    const root = await temporaryFolder()
    await writeFile(join(root, 'objects'), 'x')
    await expect(prepareWorkspace(root)).rejects.toMatchObject({ code: 'bad-input' })
    expect(await readdir(root)).toEqual(['objects'])
  })

  it('refuses to start when the disk has less room than asked for, and leaves nothing behind', async () => {
    const parent = await temporaryFolder()
    const root = join(parent, 'work')
    await expect(prepareWorkspace(root, { minimumFreeBytes: 2 ** 60 })).rejects.toMatchObject({
      code: 'disk-full',
      message: expect.stringContaining(root),
      hint: expect.any(String),
    })
    expect(await readdir(parent)).toEqual([])
  })

  it('knows that a folder without a database is no workspace yet', async () => {
    const root = await temporaryFolder()
    await expect(requireWorkspace(root)).rejects.toMatchObject({ code: 'not-found' })
    await expect(openStoreForReading(join(root, 'none'))).rejects.toMatchObject({ code: 'not-found' })
    expect(await readdir(root)).toEqual([])
  })
})

describe.skipIf(process.platform === 'win32')('a workspace that may not be written to', () => {
  const attempt = async (root: string, mode: string): Promise<Record<string, unknown>> => {
    const child = startChild('open-workspace.ts', [root, mode], unprivilegedUser())
    return JSON.parse((await child.line()) ?? 'null') as Record<string, unknown>
  }

  it('is refused for writing, and read all the same', async () => {
    const root = join(await temporaryFolder(), 'work')
    const store = await openStore(root)
    insertGround(store.repositories, 'digits')
    await store.close()
    for (const name of await readdir(root)) await chmod(join(root, name), name.includes('.') ? 0o444 : 0o555)
    await chmod(root, 0o555)
    later(() => chmod(root, 0o755))

    expect(await attempt(root, 'read-write')).toMatchObject({
      code: 'workspace-read-only',
      message: expect.stringContaining(root),
      hint: expect.any(String),
    })
    expect(await attempt(root, 'read-only')).toEqual({ datasets: ['digits'] })
  })

  it('is refused where its parent may not be written to', async () => {
    const parent = await temporaryFolder()
    await chmod(parent, 0o555)
    later(() => chmod(parent, 0o755))
    expect(await attempt(join(parent, 'work'), 'read-write')).toMatchObject({ code: 'workspace-read-only' })
    expect(await readdir(parent)).toEqual([])
  })

  it('is refused where only one of its folders may not be written to', async () => {
    const root = await temporaryFolder()
    await mkdir(join(root, 'objects'), { mode: 0o555 })
    await chmod(root, 0o777)
    expect(await attempt(root, 'read-write')).toMatchObject({ code: 'workspace-read-only' })
    expect(await readdir(root)).toEqual(['objects'])
  })
})
