import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { connect } from '#main/shell/connect.ts'
import type { Dataset } from '#shared/domain/dataset.ts'
import { writeStripedImages } from '#test/support/striped-images.ts'
import { killTree, projectRoot, startTmu, temporaryFolder, tmu, tmuJson } from '#test/support/tmu-process.ts'

const never = new AbortController().signal

describe('commands that are typed at once', () => {
  test('all do their work, whichever of them holds the workspace and ends first', async () => {
    await using folder = await temporaryFolder()
    const workspace = join(folder.path, 'workspace')
    const images = join(folder.path, 'images')
    await writeStripedImages(images, 40)
    const names = ['a', 'b', 'c', 'd']
    const ends = await Promise.all(names.map((name) => tmu(workspace, 'dataset', 'import', images, '--name', name)))
    expect(ends.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual(names.map(() => 0))
    const stored = await tmuJson<Dataset[]>(workspace, 'dataset', 'list')
    expect(stored.map(({ name }) => name).toSorted()).toEqual(names)
  })

  test('keep the holder until the last of them has gone', async () => {
    await using folder = await temporaryFolder()
    const options = { workspace: join(folder.path, 'workspace'), mode: 'write', shell: 'cli' } as const
    const notes: string[] = []
    const holder = await connect({ ...options, note: (line) => notes.push(line) })
    const attached = await connect({ ...options, note: () => {} })
    let unused = false
    const ending = holder.untilUnused(never).then(() => {
      unused = true
    })
    expect(await attached.api.datasets.list(undefined)).toEqual([])
    expect(unused).toBe(false)
    expect(notes.join()).toContain('Other commands')
    await attached.close()
    await ending
    await holder.close()
    expect(attached.lost.aborted).toBe(false)
  })

  test('say that the holder ended, when it is killed', async () => {
    await using folder = await temporaryFolder()
    const workspace = join(folder.path, 'workspace')
    const holder = startTmu(workspace, ['serve'])
    await holder.untilStderr('TMU Workbench is at')
    const attached = startTmu(workspace, ['serve'])
    await attached.untilStderr('TMU Workbench is at')
    killTree(holder.child)
    const { code, stderr } = await attached.finished
    expect(code).toBe(1)
    expect(stderr).toContain('The process that held the workspace ended')
    expect(stderr).not.toMatch(/\n\s+at .*:\d+:\d+/)
  })
})

test('an engine is removed from the folder that the command names, not from that of the workspace’s holder', async () => {
  await using folder = await temporaryFolder()
  const workspace = join(folder.path, 'workspace')
  const [own, other] = ['own', 'other'].map((name) => join(folder.path, name))
  for (const engines of [own, other]) {
    await mkdir(join(engines, 'native-2.21'), { recursive: true })
    await writeFile(join(engines, 'native-2.21', 'active.json'), JSON.stringify({ build: 'build-a' }))
  }
  vi.stubEnv('TMU_ENGINES', other)
  const holder = await connect({ workspace, mode: 'write', shell: 'cli', note: () => {} })
  try {
    vi.stubEnv('TMU_ENGINES', own)
    const removing = tmu(workspace, 'engine', 'uninstall', 'native')
    vi.stubEnv('TMU_ENGINES', other)
    expect(await removing).toMatchObject({ code: 0, stdout: 'The native engine was removed.\n' })
    expect(existsSync(join(own, 'native-2.21'))).toBe(false)
    expect(existsSync(join(other, 'native-2.21'))).toBe(true)
  } finally {
    vi.unstubAllEnvs()
    await holder.close()
  }
})

describe.skipIf(process.platform === 'win32')('a reader that has seen enough', () => {
  test('costs no stack trace and no failure', async () => {
    await using folder = await temporaryFolder()
    const entry = join(projectRoot, 'src-main', 'shell', 'cli', 'main.ts')
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', entry, 'engine', 'list', '--json'],
      {
        env: { ...process.env, TMU_WORKSPACE: folder.path, NODE_OPTIONS: '' },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    child.stdout.destroy()
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString()
    })
    const [code] = await once(child, 'close')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })
})
