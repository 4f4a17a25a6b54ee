import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createFolders } from '#main/artifacts/create-folders.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tmu-folders-'))
})
afterEach(() => rm(folder, { recursive: true }))

describe('a folder', () => {
  test('is created with those above it, also by several at once, and may be there already', async () => {
    const path = join(folder, 'a', 'b', 'c')
    await Promise.all(Array.from({ length: 8 }, () => createFolders(path)))
    expect((await stat(path)).isDirectory()).toBe(true)
    await createFolders(path)
  })

  test('is not created through or in place of a file', async () => {
    await writeFile(join(folder, 'file'), '')
    await expect(createFolders(join(folder, 'file', 'a', 'b'))).rejects.toMatchObject({ code: 'ENOTDIR' })
    await expect(createFolders(join(folder, 'file'))).rejects.toMatchObject({ code: 'EEXIST' })
  })

  test.skipIf(process.platform === 'win32')('is created behind a link, unless that leads nowhere', async () => {
    await mkdir(join(folder, 'real'))
    await symlink(join(folder, 'real'), join(folder, 'link'))
    await symlink(join(folder, 'gone'), join(folder, 'broken'))
    await createFolders(join(folder, 'link', 'a'))
    expect((await stat(join(folder, 'real', 'a'))).isDirectory()).toBe(true)
    await expect(createFolders(join(folder, 'broken', 'a'))).rejects.toMatchObject({ code: 'EEXIST' })
  })

  test.skipIf(process.platform !== 'linux')(
    'is refused, not tried for ever, where nothing can be created',
    async () => {
      await expect(createFolders('/proc/tmu/a')).rejects.toMatchObject({ code: 'ENOENT', path: '/proc/tmu' })
    },
  )
})
