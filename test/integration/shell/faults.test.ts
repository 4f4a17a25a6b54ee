import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createContext } from '#main/shell/cli/context.ts'
import { createInProcessClient } from '#main/shell/client.ts'
import { connect } from '#main/shell/connect.ts'
import { createRouter } from '#main/shell/router.ts'
import { toAppError } from '#shared/contract/errors.ts'
import { AppError } from '#shared/errors.ts'
import { temporaryFolder } from '#test/support/tmu-process.ts'

afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})

const fault = (): never => {
  throw new TypeError('x is not a function')
}

/** Runs a command that has a fault; returns what its terminal shows. */
async function runFaulty(workspace: string): Promise<{ readonly shown: string; readonly exitCode: number }> {
  let shown = ''
  for (const stream of [process.stderr, process.stdout]) {
    vi.spyOn(stream, 'write').mockImplementation((chunk) => {
      shown += String(chunk)
      return true
    })
  }
  const context = createContext()
  const command = new Command().option('--workspace <folder>').action(() => context.runAlone(command, fault))
  await command.parseAsync(['node', 'tmu', '--workspace', workspace])
  vi.restoreAllMocks()
  return { shown, exitCode: context.exitCode }
}

describe('a fault of the program', () => {
  test('is a sentence and a place for whoever called, and a stack in the workspace’s log alone', async () => {
    await using folder = await temporaryFolder()
    const workspace = join(folder.path, 'workspace')
    const file = join(workspace, 'logs', 'workbench.log')
    const hint = `This is a fault of the program: please report it with the last line of "${file}".`
    const notes: string[] = []
    const connection = await connect({ workspace, mode: 'write', shell: 'cli', note: (line) => notes.push(line) })
    try {
      const { api, report } = connection
      const router = createRouter({ ...api, datasets: { ...api.datasets, list: fault } }, report)
      const error = await createInProcessClient(router).datasets.list().catch(toAppError)
      expect(error).toMatchObject({ code: 'internal', message: 'x is not a function', hint })
      expect(notes).toEqual([])
      const [line] = (await readFile(file, 'utf8')).trim().split('\n').slice(-1)
      expect(JSON.parse(line)).toMatchObject({
        level: 50,
        err: { stack: expect.stringMatching(/\n\s+at .*faults\.test/) },
      })
    } finally {
      await connection.close()
    }
    const { shown, exitCode } = await runFaulty(workspace)
    expect(shown).toBe(`error: x is not a function\nhint: ${hint}\n`)
    expect(exitCode).toBe(1)
    expect((await readFile(file, 'utf8')).match(/x is not a function\\n\s+at/g)).toHaveLength(2)
  })

  test.skipIf(process.platform !== 'linux')('goes to the log of the platform where there is no workspace', async () => {
    await using folder = await temporaryFolder()
    vi.stubEnv('XDG_STATE_HOME', folder.path)
    const workspace = join(folder.path, 'none')
    const { shown } = await runFaulty(workspace)
    const file = join(folder.path, 'tmu-workbench', 'workbench.log')
    expect(shown).toContain(`"${file}"`)
    expect(await readFile(file, 'utf8')).toContain('x is not a function')
    expect(existsSync(workspace)).toBe(false)
  })

  test('is told from a refusal, also one that another process sent', async () => {
    await using folder = await temporaryFolder()
    const workspace = join(folder.path, 'workspace')
    const connection = await connect({ workspace, mode: 'write', shell: 'cli', note: () => {} })
    try {
      const refuse = (): never => {
        throw new AppError('conflict', 'It is there already.', { hint: 'Choose another name.' })
      }
      const { api } = connection
      const first = createInProcessClient(createRouter({ ...api, datasets: { ...api.datasets, list: refuse } }))
      const reported: unknown[] = []
      const second = createRouter(first as unknown as typeof api, (error) => {
        reported.push(error)
        return undefined
      })
      expect(await createInProcessClient(second).datasets.list().catch(toAppError)).toMatchObject({
        code: 'conflict',
        message: 'It is there already.',
        hint: 'Choose another name.',
      })
      expect(reported).toEqual([])
    } finally {
      await connection.close()
    }
  })
})
