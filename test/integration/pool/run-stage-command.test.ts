import { execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ObjectStore } from '#main/artifacts/object-store.ts'
import { CommandExecutor } from '#main/compute/pool/command-executor.ts'
import { forkLauncher } from '#main/compute/pool/fork-launcher.ts'
import { WorkerPool } from '#main/compute/pool/worker-pool.ts'
import { encodeStageFile } from '#main/compute/stage-file.ts'
import type { StageProgress, StageResult } from '#main/compute/stages.ts'
import { untilGone } from '#test/support/process-life.ts'
import { promptMs } from '#test/support/prompt.ts'
import { killTree, projectRoot, startTmu, temporaryFolder, tmu } from '#test/support/tmu-process.ts'
import { trainingStage } from '#test/support/training-stage.ts'

const entry = join(projectRoot, 'src-main', 'shell', 'cli', 'main.ts')
const command = [process.execPath, entry, 'worker', 'run-stage'] as const
const never = new AbortController().signal

async function commandBench() {
  const folder = await temporaryFolder()
  const root = join(folder.path, 'objects')
  const executor = new CommandExecutor({ command, objectsRoot: root, capacity: 1 })
  return {
    path: folder.path,
    root,
    objects: new ObjectStore(root),
    executor,
    async [Symbol.asyncDispose]() {
      await executor.close()
      await folder[Symbol.asyncDispose]()
    },
  }
}

async function objectsIn(objects: ObjectStore): Promise<readonly string[]> {
  const found: string[] = []
  for await (const { hash } of objects.list()) found.push(hash)
  return found
}

/** Those with this text in their command line. */
function processesNaming(text: string): readonly number[] {
  const lines = execFileSync('ps', ['-Aww', '-o', 'pid=,args='], { encoding: 'utf8' }).split('\n')
  return lines
    .filter((line) => line.includes(text) && line.includes('run-stage'))
    .map((line) => Number.parseInt(line, 10))
}

describe('a stage run by a command of its own', () => {
  it('comes to the same bits as in the pool, and tells the same', async () => {
    await using bench = await commandBench()
    const spec = await trainingStage(bench.objects, 3)
    const told: StageProgress[] = []
    const byCommand = await bench.executor.execute(spec, {
      signal: never,
      onProgress: (progress) => void told.push(progress),
    })
    const pool = new WorkerPool({ launcher: forkLauncher, objectsRoot: bench.root, engine: 'wasm', size: 1 })
    try {
      const byPool = await pool.execute(spec, { signal: never, onProgress: () => {} })
      expect(byCommand.outputs).toEqual(byPool.outputs)
      expect({ ...byCommand.cost, seconds: 0, peakMemory: 0 }).toEqual({ ...byPool.cost, seconds: 0, peakMemory: 0 })
    } finally {
      await pool.close()
    }
    expect(told.flatMap((event) => (event.kind === 'curve' ? [event.point.epoch] : []))).toEqual([1, 2, 3])
    expect(told.filter((event) => event.kind === 'checkpoint').length).toBeGreaterThan(0)
  })

  it('is cancelled within two seconds', async () => {
    await using bench = await commandBench()
    const abort = new AbortController()
    const started = Promise.withResolvers<null>()
    const running = bench.executor.execute(await trainingStage(bench.objects, 5000), {
      signal: abort.signal,
      onProgress: () => started.resolve(null),
    })
    await started.promise
    const asked = performance.now()
    abort.abort()
    await expect(running).rejects.toMatchObject({ code: 'cancelled' })
    expect(performance.now() - asked).toBeLessThan(promptMs)
  })

  it('is cancelled as fast before its command has started', async () => {
    await using bench = await commandBench()
    // It would go on for a minute.
    const script = 'setTimeout(() => {}, 60_000)'
    const endless = new CommandExecutor({
      command: [process.execPath, '-e', script],
      objectsRoot: bench.root,
      capacity: 1,
    })
    const abort = new AbortController()
    const spec = await trainingStage(bench.objects, 1)
    const running = endless.execute(spec, { signal: abort.signal, onProgress: () => {} })
    const asked = performance.now()
    abort.abort()
    await expect(running).rejects.toMatchObject({ code: 'cancelled' })
    expect(performance.now() - asked).toBeLessThan(promptMs)
  })

  it('fails with what the stage said, and with the cause where it said nothing', async () => {
    await using bench = await commandBench()
    const spec = await trainingStage(bench.objects, 1)
    const options = { signal: never, onProgress: () => {} }
    await expect(bench.executor.execute({ ...spec, version: 999 }, options)).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('version 999'),
    })
    const script = 'process.stderr.write("no such queue"); process.exit(7)'
    const broken = new CommandExecutor({
      command: [process.execPath, '-e', script],
      objectsRoot: bench.root,
      capacity: 1,
    })
    await expect(broken.execute(spec, options)).rejects.toMatchObject({
      code: 'worker-died',
      message: expect.stringContaining('exit code 7'),
      details: expect.objectContaining({ log: 'no such queue' }),
    })
  })

  it('by hand: goes on after a kill from where it was, with the same bits, and leaves only its outputs', async () => {
    await using bench = await commandBench()
    const spec = await trainingStage(bench.objects, 120)
    const before = await objectsIn(bench.objects)
    const file = join(bench.path, 'stage.json')
    await writeFile(file, encodeStageFile({ spec, objectsRoot: bench.root }))
    const killed = startTmu(bench.path, ['worker', 'run-stage', file], '"kind":"checkpoint"')
    await killed.untilStderr('"kind":"checkpoint"')
    killTree(killed.child)
    await killed.finished
    const recorded = JSON.parse(await readFile(`${file}.checkpoint`, 'utf8')) as { readonly object: string }
    expect(await objectsIn(bench.objects)).toContain(recorded.object)

    const resumed = await tmu(bench.path, 'worker', 'run-stage', file)
    expect(resumed.code).toBe(0)
    const { outputs, cost } = JSON.parse(resumed.stdout) as StageResult
    // Epochs from before the kill are counted, not computed again: the first it tells lies behind them.
    const epochs = [...resumed.stderr.matchAll(/"kind":"checkpoint","epoch":(\d+)/g)].map((match) => Number(match[1]))
    expect(epochs[0]).toBeGreaterThan(1)
    expect(cost.visitsForward).toBe(64 * 120)
    expect(existsSync(`${file}.checkpoint`)).toBe(false)
    const left = (await objectsIn(bench.objects)).filter((hash) => !before.includes(hash))
    expect(left.toSorted()).toEqual(Object.values(outputs).toSorted())

    await using undisturbed = await commandBench()
    const same = await trainingStage(undisturbed.objects, 120)
    const pool = new WorkerPool({ launcher: forkLauncher, objectsRoot: undisturbed.root, engine: 'wasm', size: 1 })
    try {
      expect((await pool.execute(same, { signal: never, onProgress: () => {} })).outputs).toEqual(outputs)
    } finally {
      await pool.close()
    }
  })

  it('ends with the process that started it, behind a wrapper too; the next start finds what is left of it', async () => {
    await using bench = await commandBench()
    const spec = await trainingStage(bench.objects, 5000)
    const script = `
      const { CommandExecutor } = await import(${JSON.stringify(import.meta.resolve('#main/compute/pool/command-executor.ts'))})
      const wrapped = ['sh', '-c', '"$@"; echo ended', 'sh', ...${JSON.stringify(command)}]
      const executor = new CommandExecutor({ command: wrapped, objectsRoot: ${JSON.stringify(bench.root)}, capacity: 1 })
      await executor.execute(${JSON.stringify(spec)}, {
        signal: new AbortController().signal,
        onProgress: ({ kind }) => console.log(kind),
      })`
    const caller = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      cwd: projectRoot,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_OPTIONS: '' },
    })
    await new Promise<void>((resolve) => {
      let said = ''
      caller.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text
        if (said.includes('checkpoint')) resolve()
      })
    })
    const started = processesNaming(bench.root).filter((pid) => pid !== caller.pid)
    expect(started.length).toBeGreaterThan(1)
    caller.kill('SIGKILL')
    try {
      for (const pid of started) expect(await untilGone(pid, 2 * promptMs)).toBeLessThan(promptMs)
    } finally {
      for (const pid of processesNaming(bench.root)) {
        try {
          process.kill(pid, 'SIGKILL')
        } catch {
          // It has ended since it was listed.
        }
      }
    }
    const stageFolder = expect.objectContaining({ path: expect.stringContaining('-stage-') }) as unknown
    expect(await bench.objects.removeLeftOvers()).toContainEqual(stageFolder)
    expect(await bench.objects.leftOvers()).not.toContainEqual(stageFolder)
  })

  it('runs to its end where asked to end with a stdin that nobody holds', async () => {
    await using bench = await commandBench()
    const file = join(bench.path, 'stage.json')
    await writeFile(file, encodeStageFile({ spec: await trainingStage(bench.objects, 1), objectsRoot: bench.root }))
    expect(await tmu(bench.path, 'worker', 'run-stage', file, '--supervised')).toMatchObject({ code: 0 })
  })

  it('refuses a file that is wrong, naming what, with exit code 2', async () => {
    await using bench = await commandBench()
    const spec = await trainingStage(bench.objects, 1)
    const file = join(bench.path, 'stage.json')
    const ending = async (text: string): Promise<string> => {
      await writeFile(file, text)
      const { code, stderr, stdout } = await tmu(bench.path, 'worker', 'run-stage', file)
      expect([code, stdout]).toEqual([2, ''])
      return stderr
    }
    expect(await ending('{')).toContain('is no JSON')
    const whole = JSON.parse(encodeStageFile({ spec, objectsRoot: bench.root })) as Record<string, unknown>
    expect(await ending(JSON.stringify({ ...whole, kind: 'train' }))).toContain('at "kind"')
    const inputs = { ...spec.inputs, retain: 'f'.repeat(64) }
    expect(await ending(JSON.stringify({ ...whole, inputs }))).toContain('The input "retain" of the stage')
    expect((await tmu(bench.path, 'worker', 'run-stage', join(bench.path, 'none.json'))).code).toBe(2)
  })
})
