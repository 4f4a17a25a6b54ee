import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { type FromWorker, orphanLimitMs, type ToWorker } from '#main/compute/protocol.ts'
import type { StageSpec } from '#main/compute/stages.ts'
import type { ObjectHash } from '#shared/ids.ts'
import { isAlive, untilGone } from '#test/support/process-life.ts'
import { promptMs } from '#test/support/prompt.ts'
import {
  problem,
  range,
  recipe,
  type StoredProblem,
  specOf,
  storeImages,
  storeProblem,
} from '../training/tiny-problem.ts'

const entry = fileURLToPath(import.meta.resolve('#main/compute/worker/main.ts'))
class TestWorker implements AsyncDisposable {
  readonly child: ChildProcess
  readonly messages: FromWorker[] = []
  readonly #waiting: {
    readonly wanted: (message: FromWorker) => boolean
    readonly take: (message: FromWorker) => void
  }[] = []
  #acknowledge = true

  constructor() {
    this.child = fork(entry, [], { execArgv: [] })
    this.child.on('message', (raw) => {
      const message = raw as FromWorker
      this.messages.push(message)
      if (message.type === 'checkpoint' && this.#acknowledge) {
        this.send({ type: 'checkpoint-acknowledged', key: message.key, object: message.object })
      }
      for (const waiter of this.#waiting.filter(({ wanted }) => wanted(message))) waiter.take(message)
    })
  }

  acknowledgeNothing(): void {
    this.#acknowledge = false
  }

  send(message: ToWorker): void {
    this.child.send(message)
  }

  /** The first message of a type, also one that came before. */
  async next<T extends FromWorker['type']>(type: T): Promise<Extract<FromWorker, { type: T }>> {
    const isWanted = (message: FromWorker): boolean => message.type === type
    const known = this.messages.find(isWanted)
    const message = known ?? (await new Promise<FromWorker>((take) => this.#waiting.push({ wanted: isWanted, take })))
    return message as Extract<FromWorker, { type: T }>
  }

  /** Gone before the store that it writes to is removed. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    this.child.kill('SIGKILL')
    await once(this.child, 'exit')
  }

  /** How the stage ended. */
  async end(): Promise<Extract<FromWorker, { type: 'done' | 'failed' }>> {
    return await Promise.race([this.next('done'), this.next('failed')])
  }
}

async function longTraining(stored: StoredProblem, epochs = 100_000): Promise<StageSpec> {
  return specOf(
    'train-gold',
    { data: problem.data, architecture: 'tiny-cnn', recipe: { ...recipe, epochs } },
    { images: stored.images, labels: stored.labels, retain: await stored.ids(range(0, 200)) },
  )
}

describe('a worker process', () => {
  it('says that it is ready, runs stages one after the other, and answers while one runs', async () => {
    await using stored = await storeProblem()
    await using worker = new TestWorker()
    expect((await worker.next('ready')).pid).toBe(worker.child.pid)
    const spec = await longTraining(stored, 3)
    worker.send({ type: 'run', spec, objectsRoot: stored.objects.root })
    worker.send({ type: 'ping', id: 7 })
    const end = await worker.end()
    expect(end).toMatchObject({
      type: 'done',
      key: spec.key,
      result: { cost: { visitsBackward: 600, engine: 'wasm' } },
    })
    expect((await worker.next('pong')).id).toBe(7)
    const kinds = worker.messages.map(({ type }) => type)
    expect(kinds.filter((type) => type === 'checkpoint')).toHaveLength(3)
    expect(kinds.at(-1)).toBe('done')
    if (end.type === 'done') expect(await stored.objects.has(end.result.outputs.weights)).toBe(true)

    worker.messages.length = 0
    worker.send({
      type: 'run',
      spec: specOf('random-init', spec.params as never, {}),
      objectsRoot: stored.objects.root,
    })
    expect(await worker.end()).toMatchObject({ type: 'done' })
  })

  it('tells in plain words why a stage failed, and goes on with the next', async () => {
    await using stored = await storeProblem()
    await using worker = new TestWorker()
    const params = { data: problem.data, architecture: 'tiny-cnn' }
    const bad = specOf(
      'predict',
      { ...params, featureSets: [] },
      { images: 'e'.repeat(64) as ObjectHash, model: stored.labels },
    )
    worker.send({ type: 'run', spec: bad, objectsRoot: stored.objects.root })
    const failed = await worker.next('failed')
    expect(failed).toMatchObject({ key: bad.key, error: { code: 'corrupt', message: expect.stringContaining('eeee') } })
    expect(JSON.stringify(failed)).not.toContain('.ts:')
    worker.send({ type: 'run', spec: specOf('random-init', params, {}), objectsRoot: stored.objects.root })
    expect(await worker.next('done')).toMatchObject({ type: 'done' })
  })

  it('refuses a second stage while one runs, and a cancel of another stage than that', async () => {
    await using stored = await storeProblem()
    await using worker = new TestWorker()
    const [first, second] = [await longTraining(stored), await longTraining(stored)]
    worker.send({ type: 'run', spec: first, objectsRoot: stored.objects.root })
    await worker.next('progress')
    worker.send({ type: 'run', spec: second, objectsRoot: stored.objects.root })
    worker.send({ type: 'cancel', key: second.key })
    expect(await worker.next('failed')).toMatchObject({ key: second.key, error: { code: 'conflict' } })
    await worker.next('checkpoint')
    expect(worker.messages.filter(({ type }) => type === 'failed')).toHaveLength(1)
  })

  it('tells which engines work here, without disturbing the stage that runs', async () => {
    await using stored = await storeProblem()
    await using worker = new TestWorker()
    const spec = await longTraining(stored, 20)
    worker.send({ type: 'run', spec, objectsRoot: stored.objects.root })
    worker.send({ type: 'probe-engines', id: 3, engines: ['wasm', 'cpu'] })
    const { id, engines } = await worker.next('engines')
    expect(id).toBe(3)
    expect(engines.find((engine) => engine.id === 'wasm')).toMatchObject({ available: true, threads: 1 })
    expect(worker.messages.find(({ type }) => type === 'done')).toMatchObject({ key: spec.key })
  })

  it('stops within two seconds of a cancel, and is ready for the next stage', async () => {
    await using stored = await storeProblem()
    await using worker = new TestWorker()
    const spec = await longTraining(stored)
    worker.send({ type: 'run', spec, objectsRoot: stored.objects.root })
    await worker.next('checkpoint')
    const cancelledAt = performance.now()
    worker.send({ type: 'cancel', key: spec.key })
    expect(await worker.end()).toMatchObject({ type: 'failed', key: spec.key, error: { code: 'cancelled' } })
    expect(performance.now() - cancelledAt).toBeLessThan(promptMs)
    worker.messages.length = 0
    worker.send({ type: 'run', spec: await longTraining(stored, 1), objectsRoot: stored.objects.root })
    expect(await worker.end()).toMatchObject({ type: 'done' })
  })

  it('waits for the acknowledgement of a checkpoint before it writes the next, and can be cancelled then too', async () => {
    await using stored = await storeProblem()
    await using worker = new TestWorker()
    worker.acknowledgeNothing()
    const spec = await longTraining(stored)
    worker.send({ type: 'run', spec, objectsRoot: stored.objects.root })
    await worker.next('checkpoint')
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect(worker.messages.filter(({ type }) => type === 'checkpoint')).toHaveLength(1)
    worker.send({ type: 'cancel', key: spec.key })
    expect(await worker.end()).toMatchObject({ error: { code: 'cancelled' } })
  })

  it('reports progress in the middle of an epoch, however long that is', async () => {
    // No machine gets through so many steps of one image each while a test looks on.
    const count = 100_000
    await using stored = await storeImages(
      new Uint8Array(count * problem.data.height * problem.data.width * problem.data.channels),
      Int32Array.from({ length: count }, (_, i) => i % 2),
    )
    await using worker = new TestWorker()
    const spec = specOf(
      'train-gold',
      { data: problem.data, architecture: 'tiny-cnn', recipe: { ...recipe, batchSize: 1 } },
      { images: stored.images, labels: stored.labels, retain: await stored.ids(range(0, count)) },
    )
    worker.send({ type: 'run', spec, objectsRoot: stored.objects.root })
    const reports = (): readonly number[] =>
      worker.messages.flatMap((message) =>
        message.type === 'progress' && message.progress.kind === 'progress' ? [message.progress.value] : [],
      )
    await expect.poll(() => reports().length).toBeGreaterThanOrEqual(8)
    expect(reports()).toEqual([...new Set(reports())].toSorted((a, b) => a - b))
    expect(worker.messages.filter(({ type }) => type === 'checkpoint')).toEqual([])
  })

  it('takes no notice of Ctrl-C: what it means is for its parent to say', async () => {
    await using stored = await storeProblem()
    await using worker = new TestWorker()
    const spec = await longTraining(stored)
    worker.send({ type: 'run', spec, objectsRoot: stored.objects.root })
    await worker.next('checkpoint')
    worker.child.kill('SIGINT')
    worker.messages.length = 0
    await worker.next('checkpoint')
    expect(worker.child.exitCode).toBeNull()
  })

  it('ends when its parent closes the line', async () => {
    await using stored = await storeProblem()
    await using worker = new TestWorker()
    worker.send({ type: 'run', spec: await longTraining(stored), objectsRoot: stored.objects.root })
    await worker.next('checkpoint')
    worker.child.disconnect()
    await once(worker.child, 'exit', { signal: AbortSignal.timeout(orphanLimitMs + promptMs) })
    expect(worker.child.signalCode).toBeNull()
  })

  it('is gone soon after its parent was killed in the middle of a training', async () => {
    await using stored = await storeProblem()
    const request: ToWorker = { type: 'run', spec: await longTraining(stored), objectsRoot: stored.objects.root }
    const program = `
      import { fork } from 'node:child_process'
      const worker = fork(${JSON.stringify(entry)}, [], { execArgv: [] })
      worker.on('message', (message) => {
        if (message.type === 'checkpoint') {
          worker.send({ type: 'checkpoint-acknowledged', key: message.key, object: message.object })
          process.send(worker.pid)
        }
      })
      worker.send(${JSON.stringify(request)})
      process.on('message', () => {})`
    const parent = fork('-', [], {
      execPath: process.execPath,
      execArgv: ['--input-type=module', '--eval', program],
      serialization: 'json',
    })
    const [pid] = (await once(parent, 'message', { signal: AbortSignal.timeout(120_000) })) as [number]
    expect(isAlive(pid)).toBe(true)
    parent.kill('SIGKILL')
    // Its own limit, and what a busy machine adds; it would train for hours.
    const limitMs = orphanLimitMs + promptMs
    expect(await untilGone(pid, 2 * limitMs)).toBeLessThan(limitMs)
  })
})
