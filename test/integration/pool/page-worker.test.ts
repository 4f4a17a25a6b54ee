import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { methodOf } from '#main/compute/methods.ts'
import { openInChromium, requireBrowser } from '#main/compute/pool/chromium.ts'
import { CommandExecutor } from '#main/compute/pool/command-executor.ts'
import type { Launcher } from '#main/compute/pool/launcher.ts'
import { PageHost } from '#main/compute/pool/page-host.ts'
import { pageLauncher } from '#main/compute/pool/page-launcher.ts'
import { probeWebgpu } from '#main/compute/pool/probe-engines.ts'
import { WorkerPool } from '#main/compute/pool/worker-pool.ts'
import type { StageResult, StageSpec } from '#main/compute/stages.ts'
import { readArrays, readWeights } from '#main/compute/worker/array-objects.ts'
import { runStage } from '#main/compute/worker/run-stage.ts'
import type { StageKind } from '#shared/domain/stage.ts'
import { chromiumPath } from '#test/support/browser.ts'
import { builtWorkerPage } from '#test/support/built-pages.ts'
import { isAlive, untilGone } from '#test/support/process-life.ts'
import { promptMs } from '#test/support/prompt.ts'
import { projectRoot } from '#test/support/tmu-process.ts'
import { problem, range, recipe, type StoredProblem, specOf, storeProblem } from '../training/tiny-problem.ts'

const scripts = await builtWorkerPage()
// The processor computes: what is tested here must not depend on a GPU.
const env = { ...process.env, TMU_BROWSER: await chromiumPath(), TMU_WEBGPU_ADAPTER: 'swiftshader' }
const pids: number[] = []
const launcher: Launcher = pageLauncher({
  scripts: async () => scripts,
  async open(address) {
    const page = await openInChromium(address, env)
    pids.push(page.pid ?? 0)
    return page
  },
})
const status = await probeWebgpu(launcher)
const title = status.available ? 'webgpu' : `webgpu (skipped: ${status.reason})`

/** The processes that show a browser's pages; a browser may keep one in reserve. */
function renderersOf(browser: number): readonly number[] {
  const lines = execFileSync('ps', ['-Aww', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n')
  const processes = lines.flatMap((line) => {
    const [, pid, parent, args] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? []
    return args === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), args }]
  })
  const below = new Set([browser])
  // A child can be listed before its parent.
  for (let known = 0; known < below.size; ) {
    known = below.size
    for (const { pid, parent } of processes) if (below.has(parent)) below.add(pid)
  }
  return processes.filter(({ pid, args }) => below.has(pid) && args.includes('--type=renderer')).map(({ pid }) => pid)
}

const network = { data: problem.data, architecture: 'tiny-cnn' }
const onWebgpu = <K extends StageKind>(spec: StageSpec<K>): StageSpec<K> => ({ ...spec, engine: 'webgpu' })
const noProgress = { signal: new AbortController().signal, onProgress: () => {} }

describe.skipIf(!status.available)(title, () => {
  let stored: StoredProblem
  let pool: WorkerPool
  beforeAll(async () => {
    stored = await storeProblem()
    pool = new WorkerPool({ launcher, objectsRoot: stored.objects.root, engine: 'webgpu' })
  })
  afterAll(() => stored[Symbol.asyncDispose]())

  const both = async <K extends StageKind>(spec: StageSpec<K>): Promise<readonly [StageResult, StageResult]> => [
    await pool.execute(onWebgpu(spec), noProgress),
    await runStage(spec, stored.objects.root, noProgress),
  ]
  const longTraining = async (): Promise<StageSpec<'train-gold'>> => {
    const inputs = { images: stored.images, labels: stored.labels, retain: await stored.ids(range(0, 64)) }
    return onWebgpu(specOf('train-gold', { ...network, recipe: { ...recipe, epochs: 500 } }, inputs))
  }

  test('says what it is', () => {
    expect(status).toMatchObject({
      id: 'webgpu',
      threads: 1,
      kernelSet: 'composed',
      device: expect.stringMatching(/\w/),
    })
  })

  test('trains, unlearns and predicts as wasm does, by the same worker code', async () => {
    const pixels = { images: stored.images, labels: stored.labels }
    const [members, retain, forget] = [
      await stored.ids(range(0, 64)),
      await stored.ids(range(0, 40)),
      await stored.ids(range(40, 64)),
    ]
    const short = { ...recipe, epochs: 2 }
    const training = specOf('train-original', { ...network, recipe: short, keepEpochs: [1] }, { ...pixels, members })
    const [trained, expected] = await both(training)
    expect(trained.cost).toMatchObject({ visitsForward: 128, visitsBackward: 128, engine: 'webgpu' })
    expect(trained.cost.madeBy).toMatchObject({ kernelSet: 'composed', device: status.device })
    const model = expected.outputs.weights
    const options = methodOf('fine-tune').params.parse({}) as Readonly<Record<string, unknown>>
    const unlearning = specOf(
      'unlearn',
      { ...network, recipe: short, method: 'fine-tune', options },
      { ...pixels, original: model, forget, retain },
    )
    for (const [found, known] of [[trained, expected], await both(unlearning)]) {
      const [ours, theirs] = await Promise.all(
        [found, known].map(({ outputs }) => readWeights(stored.objects, outputs.weights)),
      )
      expect(Object.keys(ours)).toEqual(Object.keys(theirs))
      for (const [name, { data }] of Object.entries(ours)) {
        expect(Math.max(...data.map((value, i) => Math.abs(value - theirs[name].data[i]))), name).toBeLessThan(2e-3)
      }
    }
    const prediction = specOf('predict', { ...network, featureSets: [] }, { images: stored.images, model, forget })
    const [logits, same] = await Promise.all(
      (await both(prediction)).map(
        async ({ outputs }) => (await readArrays(stored.objects, outputs.outcome))['forget/logits'],
      ),
    )
    expect(logits.shape).toEqual([24, 3])
    expect(Math.max(...[...logits.data].map((value, i) => Math.abs(value - same.data[i])))).toBeLessThan(1e-3)
  })

  test('computes a stage that is run by a command of its own', async () => {
    for (const name of ['TMU_BROWSER', 'TMU_WEBGPU_ADAPTER'] as const) vi.stubEnv(name, env[name])
    const executor = new CommandExecutor({
      command: [process.execPath, join(projectRoot, 'src-main', 'shell', 'cli', 'main.ts'), 'worker', 'run-stage'],
      objectsRoot: stored.objects.root,
      capacity: 1,
    })
    try {
      const spec = specOf('random-init', network, {})
      const found = await executor.execute(onWebgpu(spec), noProgress)
      const known = await runStage(spec, stored.objects.root, noProgress)
      expect(found.outputs).toEqual(known.outputs)
      expect(found.cost).toMatchObject({ engine: 'webgpu', madeBy: { device: status.device } })
    } finally {
      await executor.close()
      vi.unstubAllEnvs()
    }
  })

  test('cancels in the middle of a training', async () => {
    const abort = new AbortController()
    const running = pool.execute(await longTraining(), {
      signal: abort.signal,
      onProgress: (progress) => {
        if (progress.kind === 'curve') abort.abort()
      },
    })
    await expect(running).rejects.toMatchObject({ code: 'cancelled' })
  })

  test('fails its stage with the cause when its page dies and the browser lives on; another takes the next', async () => {
    let browser = 0
    let pages: readonly number[] = []
    const dying = pool.execute(await longTraining(), {
      ...noProgress,
      onProgress: (progress) => {
        if (progress.kind !== 'progress' || browser !== 0) return
        browser = pids.at(-1) ?? 0
        pages = renderersOf(browser)
        for (const page of pages) process.kill(page, 'SIGKILL')
      },
    })
    await expect(dying).rejects.toMatchObject({
      code: 'worker-died',
      message: expect.stringContaining('The page of the worker is gone'),
    })
    expect(pages).not.toEqual([])
    expect(isAlive(browser)).toBe(false)
    const next = await pool.execute(onWebgpu(specOf('random-init', network, {})), noProgress)
    expect(next.outputs.weights).toMatch(/^[0-9a-f]{64}$/)
    expect(pids.at(-1)).not.toBe(browser)
  })

  test('fails its stage with the cause when its browser is killed; another takes the next, and goes with the pool', async () => {
    const dying = pool.execute(await longTraining(), {
      ...noProgress,
      onProgress: (progress) => {
        if (progress.kind === 'progress') process.kill(pids.at(-1) ?? 0, 'SIGKILL')
      },
    })
    await expect(dying).rejects.toMatchObject({ code: 'worker-died', message: expect.stringContaining('SIGKILL') })
    const [again, expected] = await both(specOf('random-init', network, {}))
    expect(again.outputs).toEqual(expected.outputs)
    const pid = pids.at(-1) ?? 0
    expect(isAlive(pid)).toBe(true)
    await pool.close()
    await untilGone(pid, promptMs)
    expect(isAlive(pid)).toBe(false)
  })
})

describe('the address that a page worker talks to', () => {
  test('serves its one page and nobody else', async () => {
    await using stored = await storeProblem()
    const host = await PageHost.start(scripts, () => {})
    try {
      const page = await fetch(host.address)
      expect(await page.text()).toContain('worker.js')
      expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
      const { origin } = new URL(host.address)
      const answer = async (path: string, options: RequestInit = {}): Promise<number> =>
        (await fetch(new URL(path, host.address), options)).status
      // No object before a stage has named its store.
      expect(await answer(`objects/${stored.images}`)).toBe(404)
      host.send({ type: 'run', spec: specOf('random-init', network, {}), objectsRoot: stored.objects.root })
      expect(await answer(`objects/${stored.images}`)).toBe(200)
      expect(await answer(`objects/${'0'.repeat(64)}`)).toBe(500)
      expect(await answer('objects', { method: 'POST', body: 'x', headers: { origin: 'https://example.org' } })).toBe(
        403,
      )
      expect(await answer(`objects/${stored.images}`, { headers: { origin: 'null' } })).toBe(403)
      for (const path of ['/', '/worker.js', '/objects', `/${'a'.repeat(43)}/`]) {
        expect((await fetch(origin + path)).status, path).toBe(403)
      }
      for (const path of ['.build-stamp', 'x/../../worker.js', '%2e%2e/package.json', 'worker.js.map']) {
        expect(await answer(path), path).not.toBe(200)
      }
    } finally {
      host.close()
    }
  })

  test('without a browser, says how to get one', async () => {
    expect(() => requireBrowser({ TMU_BROWSER: '/nowhere/chrome' })).toThrow(/no browser at "\/nowhere\/chrome"/)
    const absent = pageLauncher({
      scripts: async () => scripts,
      open: (address) => openInChromium(address, { TMU_BROWSER: '/nowhere/chrome' }),
    })
    expect(await probeWebgpu(absent)).toEqual({
      id: 'webgpu',
      available: false,
      reason: expect.stringMatching(/no browser at .*TMU_BROWSER/),
    })
  })
})
