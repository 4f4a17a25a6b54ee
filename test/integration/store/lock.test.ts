import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, it } from 'vitest'
import { acquireLock, currentHolder } from '#main/store/lock.ts'
import { identifyThisProcess, livenessOf } from '#main/store/process-identity.ts'
import { AppError } from '#shared/errors.ts'
import { promptMs } from '#test/support/prompt.ts'
import { later, startChild, temporaryFolder } from './support.ts'

const endpoint = { socketPath: '/run/holder.sock', token: 'a-secret-token' }

async function refusalOf(attempt: Promise<unknown>): Promise<AppError> {
  const error: unknown = await attempt.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (!(error instanceof AppError)) throw new Error('The lock was not refused.')
  return error
}

describe('the lock of a workspace', () => {
  it('names its holder in a file that only the owner can read, and goes with it', async () => {
    const root = await temporaryFolder()
    const lock = await acquireLock(root)
    await lock.publish(endpoint)
    expect(await currentHolder(root)).toEqual({ ...lock.holder, pid: process.pid, host: hostname(), endpoint })
    if (process.platform !== 'win32') {
      for (const name of ['workspace.lock', 'workspace.guard']) {
        expect((await stat(join(root, name))).mode & 0o777).toBe(0o600)
      }
    }
    await lock.release()
    await lock.release()
    expect(await currentHolder(root)).toBeNull()
    expect(await readdir(root)).toEqual(['workspace.guard'])
  })

  it('is refused to another process at once, with what an attaching shell needs and without the token', async () => {
    const root = await temporaryFolder()
    const lock = await acquireLock(root, { endpoint })
    const started = performance.now()
    const child = startChild('hold-lock.ts', [root, 'release', '60000'])
    const line = await child.line()
    expect(line).toBe(
      `refused ${JSON.stringify({
        code: 'workspace-locked',
        details: { pid: process.pid, host: hostname(), socketPath: endpoint.socketPath },
      })}`,
    )
    expect(performance.now() - started).toBeLessThan(promptMs)
    await lock.release()
  })

  it('is refused to its own process a second time, and stays held after that', async () => {
    const root = await temporaryFolder()
    const lock = await acquireLock(root)
    expect(await refusalOf(acquireLock(root, { patienceMs: 0 }))).toMatchObject({ code: 'workspace-locked' })
    // The attempt must not have dropped the first one's lock of the operating system: without the lock file it is
    // all that keeps others out.
    await rm(join(root, 'workspace.lock'))
    expect(await startChild('hold-lock.ts', [root]).line()).toMatch(/^refused .*workspace-locked/)
    await lock.release()
  })

  it('passes on when its holder gives it back', async () => {
    const root = await temporaryFolder()
    const first = await acquireLock(root)
    await first.release()
    const second = await acquireLock(root)
    expect(second.holder.id).not.toBe(first.holder.id)
    await second.release()
  })

  it('is taken from a holder that was killed', async () => {
    const root = await temporaryFolder()
    const child = startChild('hold-lock.ts', [root])
    expect(await child.line()).toMatch(/^held /)
    await child.kill('SIGKILL')
    expect(await currentHolder(root)).toBeNull()
    const lock = await acquireLock(root)
    expect(lock.holder.pid).toBe(process.pid)
    await lock.release()
  })

  it('is taken from a holder that ended without giving it back', async () => {
    const root = await temporaryFolder()
    const child = startChild('hold-lock.ts', [root, 'forget'])
    await child.line()
    child.process.stdin?.end()
    await child.ended
    const lock = await acquireLock(root)
    await lock.release()
  })

  it.skipIf(process.platform === 'win32')('is taken when the pid in it now belongs to another process', async () => {
    const root = await temporaryFolder()
    const self = await identifyThisProcess()
    const other = { ...self, startTime: 'another time', id: 'x', acquiredAt: '2026-01-01T00:00:00.000Z', endpoint }
    await writeFile(join(root, 'workspace.lock'), JSON.stringify(other))
    expect(await currentHolder(root)).toBeNull()
    const lock = await acquireLock(root)
    await lock.release()
  })

  it('is not taken from a running process whose guard was deleted', async () => {
    const root = await temporaryFolder()
    const child = startChild('hold-lock.ts', [root])
    await child.line()
    await rm(join(root, 'workspace.guard'))
    expect(await refusalOf(acquireLock(root, { patienceMs: 0 }))).toMatchObject({
      code: 'workspace-locked',
      details: { pid: child.pid },
    })
    await child.kill()
    await (await acquireLock(root)).release()
  })

  it.skipIf(process.platform === 'win32')('is taken from a dead holder whose parent never collected it', async () => {
    const root = await temporaryFolder()
    const script = join(import.meta.dirname, 'children', 'hold-lock.ts')
    // The shell becomes `sleep`, which doesn't wait for the child it inherits: a zombie with a pid.
    const parent = spawn('sh', ['-c', `"${process.execPath}" "${script}" "${root}" forget & exec sleep 60`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    later(() => void parent.kill('SIGKILL'))
    const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string]
    expect(line).toMatch(/^held /)
    const { pid } = JSON.parse(await readFile(join(root, 'workspace.lock'), 'utf8')) as { readonly pid: number }
    await expect.poll(() => currentHolder(root)).toBeNull()
    expect(() => process.kill(pid, 0)).not.toThrow()
    await (await acquireLock(root)).release()
  })

  it.each(['', '{', '{"pid":0}', 'null'])('is taken over a lock file that holds %j', async (content) => {
    const root = await temporaryFolder()
    await writeFile(join(root, 'workspace.lock'), content)
    const lock = await acquireLock(root)
    expect(JSON.parse(await readFile(join(root, 'workspace.lock'), 'utf8'))).toEqual(lock.holder)
    await lock.release()
  })

  it('waits for a holder that is just going', async () => {
    const root = await temporaryFolder()
    const child = startChild('hold-lock.ts', [root])
    await child.line()
    // As if it had got the guard and not yet written who it is.
    await rm(join(root, 'workspace.lock'))
    const taking = acquireLock(root, { patienceMs: 30_000 })
    await child.kill()
    await (await taking).release()
  })

  it.each([1, 2, 3])('goes to exactly one of several processes that find it stale (round %i)', async () => {
    const root = await temporaryFolder()
    const dead = startChild('hold-lock.ts', [root])
    await dead.line()
    await dead.kill()
    const children = Array.from({ length: 6 }, () => startChild('hold-lock.ts', [root, 'release', '60000']))
    const lines = await Promise.all(children.map((child) => child.line()))
    const winners = lines.flatMap((line, index) => (line?.startsWith('held ') === true ? [children[index]?.pid] : []))
    expect(winners).toHaveLength(1)
    // The losers name the winner, not the dead one whose lock they all saw.
    for (const line of lines.filter((text) => text?.startsWith('refused ') === true)) {
      expect(line).toContain(`"pid":${winners[0]}`)
    }
    expect(lines.filter((line) => line?.includes('workspace-locked') === true)).toHaveLength(5)
    expect((await currentHolder(root))?.pid).toBe(winners[0])
  })
})

describe('a process identity', () => {
  it('is alive while the process runs and dead once it ended', async () => {
    const child = startChild('hold-lock.ts', [await temporaryFolder()])
    await child.line()
    expect(await livenessOf(await identifyThisProcess())).toBe('alive')
    const identity = { ...(await identifyThisProcess()), pid: child.pid, startTime: null }
    expect(await livenessOf(identity)).toBe('unknown')
    await child.kill()
    expect(await livenessOf(identity)).toBe('dead')
  })

  it('of another machine is neither', async () => {
    expect(await livenessOf({ ...(await identifyThisProcess()), host: 'elsewhere' })).toBe('unknown')
  })
})
