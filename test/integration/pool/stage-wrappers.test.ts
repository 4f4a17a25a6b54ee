import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ObjectStore } from '#main/artifacts/object-store.ts'
import { CommandExecutor } from '#main/compute/pool/command-executor.ts'
import { isAlive, untilGone } from '#test/support/process-life.ts'
import { promptMs } from '#test/support/prompt.ts'
import { temporaryFolder } from '#test/support/tmu-process.ts'
import { trainingStage } from '#test/support/training-stage.ts'

const never = new AbortController().signal

/** What runs a stage in these tests: a script of its own, which can `say` a number as the stage's progress. */
async function wrapped(script: string) {
  const folder = await temporaryFolder()
  const objectsRoot = join(folder.path, 'objects')
  const file = join(folder.path, 'wrapper.sh')
  await writeFile(file, `say() { echo '{"kind":"progress","value":'$1'}' >&2; }\n${script}\n`)
  const executor = new CommandExecutor({ command: ['sh', file], objectsRoot, capacity: 1 })
  return {
    spec: await trainingStage(new ObjectStore(objectsRoot), 1),
    executor,
    async [Symbol.asyncDispose]() {
      await executor.close()
      await folder[Symbol.asyncDispose]()
    },
  }
}

/** Timers, processes and pipes of this process. */
function heldNow(): readonly string[] {
  const kinds = ['Timeout', 'ProcessWrap', 'PipeWrap']
  return process
    .getActiveResourcesInfo()
    .filter((kind) => kinds.includes(kind))
    .toSorted()
}

/** Each says its id and, last, that of a process which it has started; both would go on for minutes. */
const slow = {
  'waits for what it started': 'sleep 300 & say $$; say $!; wait',
  'waits, has it in the foreground, and ignores SIGTERM': 'trap "" TERM; sleep 300 & say $$; say $!; sleep 300; wait',
  'ended before what it started': 'sleep 300 & say $$; say $!',
  'started something that has closed its pipes': 'sleep 300 <&- >&- 2>&- & say $$; say $!; wait',
}

describe.skipIf(process.platform === 'win32')('a wrapper around the command of a stage', () => {
  it.each(Object.entries(slow))('that %s is ended by a cancel at once, with all of it', async (_what, script) => {
    await using bench = await wrapped(script)
    const abort = new AbortController()
    const pids: number[] = []
    const running = bench.executor.execute(bench.spec, {
      signal: abort.signal,
      onProgress(progress) {
        if (progress.kind === 'progress') pids.push(progress.value)
        if (pids.length === 2) abort.abort()
      },
    })
    await expect(running).rejects.toMatchObject({ code: 'cancelled' })
    for (const pid of pids) expect(await untilGone(pid, 2 * promptMs)).toBeLessThan(promptMs)
  })

  it('is ended when the workbench closes', async () => {
    await using bench = await wrapped(slow['waits for what it started'])
    const pids: number[] = []
    const said = Promise.withResolvers<null>()
    const running = bench.executor.execute(bench.spec, {
      signal: never,
      onProgress(progress) {
        if (progress.kind === 'progress' && pids.push(progress.value) === 2) said.resolve(null)
      },
    })
    const ended = expect(running).rejects.toMatchObject({ code: 'cancelled' })
    await said.promise
    await bench.executor.close()
    await ended
    for (const pid of pids) expect(await untilGone(pid, 2 * promptMs)).toBeLessThan(promptMs)
  })

  it('is ended with all of it when what the stage tells cannot be recorded', async () => {
    await using bench = await wrapped(slow['waits, has it in the foreground, and ignores SIGTERM'])
    const pids: number[] = []
    const running = bench.executor.execute(bench.spec, {
      signal: never,
      onProgress(progress) {
        if (progress.kind === 'progress' && pids.push(progress.value) === 2) throw new Error('the disk is full')
      },
    })
    await expect(running).rejects.toThrow('the disk is full')
    for (const pid of pids) expect(await untilGone(pid, 2 * promptMs)).toBeLessThan(promptMs)
  })

  it('is not waited for where it has left something behind that cannot be reached', async () => {
    const start = `
      const { pid } = require('node:child_process').spawn('sleep', ['300'], { detached: true, stdio: 'inherit' })
      console.error(JSON.stringify({ kind: 'progress', value: pid }))`
    await using bench = await wrapped(`exec "${process.execPath}" -e '${start.replaceAll("'", '"')}'`)
    const abort = new AbortController()
    let pid = 0
    const running = bench.executor.execute(bench.spec, {
      signal: abort.signal,
      onProgress(progress) {
        if (progress.kind === 'progress') pid = progress.value
        abort.abort()
      },
    })
    await expect(running).rejects.toMatchObject({ code: 'cancelled' })
    expect(isAlive(pid)).toBe(true)
    process.kill(pid)
  })

  it.each([
    ['kill -SEGV $$', 'SIGSEGV: it crashed'],
    ["sh -c 'kill -SEGV $$'; exit $?", 'SIGSEGV: it crashed'],
    ["sh -c 'kill -KILL $$'; exit $?", 'was killed (SIGKILL)'],
    // Somebody else, like a batch system, has cancelled it.
    ['echo \'{"error":{"code":"cancelled","message":"Cancelled."}}\'; exit 130', 'exit code 130'],
  ])('that ends by "%s" fails the stage with the cause', async (script, cause) => {
    await using bench = await wrapped(script)
    const running = bench.executor.execute(bench.spec, { signal: never, onProgress() {} })
    await expect(running).rejects.toMatchObject({ code: 'worker-died', message: expect.stringContaining(cause) })
  })

  it('leaves no listener and no timer behind, whether it ends or is ended', async () => {
    await using bench = await wrapped('say 1; sleep 300')
    await using quick = await wrapped('exit 1')
    const before = heldNow()
    const abort = new AbortController()
    await expect(
      bench.executor.execute(bench.spec, { signal: abort.signal, onProgress: () => abort.abort() }),
    ).rejects.toThrow('cancelled')
    await expect(quick.executor.execute(quick.spec, { signal: never, onProgress() {} })).rejects.toThrow('exit code 1')
    await new Promise((resolve) => setImmediate(resolve))
    expect(heldNow()).toEqual(before)
  })
})
