/**
 * Times what is around the computing: a study of about 10,000 stages (1,000 with --fast) planned, run by an executor
 * that computes nothing, replayed from what is stored, and read. Every step also says the longest time for which the
 * main process was deaf.
 *
 *   npm run bench:graph [-- --fast] [--json]
 *
 * Exits 1 when planning or replaying takes too long, or when anything holds up the main process.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { forkLauncher } from '#main/compute/pool/fork-launcher.ts'
import { openStore } from '#main/store/open-store.ts'
import { openWorkbench, type Workbench } from '#main/workbench/workbench.ts'
import type { Study } from '#shared/domain/study.ts'
import { InstantExecutor } from '#test/support/instant-executor.ts'
import { writeStripedImages } from '#test/support/striped-images.ts'

const fast = process.argv.includes('--fast')
const json = process.argv.includes('--json')
const seeds = fast ? 18 : 334
const methods = ['gold', 'none', 'tmu', 'tmu-soft', 'rewind', 'fine-tune', 'random-labels', 'count-matched-random']
/** Seconds; a turn of the event loop in ms of this thread's own time. */
const limits = { plan: 1, replay: 2, turn: 50 } as const

interface Step {
  readonly step: string
  readonly seconds: number
  /** Processor time of this process: what the step takes on a machine that has nothing else to do. */
  readonly processorSeconds: number
  /** Longest delay of the event loop, ms: by the clock, and by the processor time that a turn of it took. */
  readonly deafMs: number
  readonly turnMs: number
  readonly note: string
}

const steps: Step[] = []

/** The longest turn of the event loop in this thread's own time: what a busy machine takes away isn't counted. */
function watchTurns(): { stop(): number } {
  let longest = 0
  let last = threadMs()
  let watching = true
  const turn = (): void => {
    const now = threadMs()
    longest = Math.max(longest, now - last)
    last = now
    if (watching) setImmediate(turn)
  }
  setImmediate(turn)
  return {
    stop() {
      watching = false
      return longest
    },
  }
}

function threadMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

async function measured<T>(step: string, work: () => Promise<T>, note: (result: T) => string = () => ''): Promise<T> {
  const turns = watchTurns()
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const startedAt = performance.now()
  const before = process.cpuUsage()
  const result = await work()
  const { user, system } = process.cpuUsage(before)
  const seconds = (performance.now() - startedAt) / 1000
  // The loop must turn once more for the last delay to be seen.
  await new Promise((resolve) => setTimeout(resolve, 5))
  delay.disable()
  steps.push({
    step,
    seconds,
    processorSeconds: (user + system) / 1e6,
    deafMs: delay.max / 1e6,
    turnMs: turns.stop(),
    note: note(result),
  })
  return result
}

const root = await mkdtemp(join(tmpdir(), 'tmu-bench-graph-'))

function open(): Promise<Workbench> {
  return openWorkbench({
    workspace: join(root, 'workspace'),
    launcher: forkLauncher,
    shell: 'cli',
    createExecutor: (_engine, objectsRoot) => new InstantExecutor(objectsRoot),
  })
}

/** A study with more seeds than the contract allows, on a small data set. */
async function prepare(): Promise<Study> {
  await writeStripedImages(join(root, 'images'), 12)
  const workbench = await open()
  let study: Study
  try {
    const { api } = workbench
    const images = { path: join(root, 'images'), name: 'stripes', strict: true, format: 'folder', size: 28 } as const
    for await (const _ of api.datasets.import({ ...images, groups: [] }));
    const forget = { name: 'f', dataset: 'stripes', split: 'default', className: 'across', fraction: 0.4, seed: 1 }
    await api.forgetSets.create(forget)
    study = await api.studies.create({
      name: 'small',
      dataset: 'stripes',
      forgetSet: 'f',
      methods,
      seeds: 1,
      golds: 2,
      engine: 'wasm',
      settings: { epochs: 10 },
    })
  } finally {
    await workbench.close()
  }
  const store = await openStore(join(root, 'workspace'))
  try {
    const config = { ...study.config, seeds: Array.from({ length: seeds }, (_, i) => 1 + i) }
    const runs = [
      ...config.goldSeeds.map((seed) => ({ method: 'gold', seed })),
      ...config.seeds.flatMap((seed) => methods.slice(1).map((method) => ({ method, seed }))),
    ]
    return store.repositories.studies.insertStudy({ name: 'large', config, engine: 'wasm' }, runs)
  } finally {
    await store.close()
  }
}

async function runToEnd({ api }: Workbench, study: string): Promise<number> {
  await api.studies.run({ study })
  let events = 0
  for await (const event of api.studies.watch({ study })) {
    events++
    if (event.kind === 'finished' && event.state !== 'succeeded') throw new Error(`The study ${event.state}.`)
  }
  return events
}

const sizeOf = (value: unknown): string => `${(JSON.stringify(value).length / 1e6).toFixed(2)} MB`

try {
  const { id: study } = await prepare()
  let workbench = await open()
  try {
    const plan = await measured(
      'plan',
      () => workbench.api.studies.plan({ study }),
      ({ stages }) => `${stages.length} stages`,
    )
    await measured('plan again', () => workbench.api.studies.plan({ study }))
    await measured(
      'run, computing nothing',
      () => runToEnd(workbench, study),
      (events) => `${events} events`,
    )
    await workbench.close()
    workbench = await open()
    await measured(
      'replay',
      () => runToEnd(workbench, study),
      () => `${plan.stages.length} stages reused`,
    )
    await measured('result', () => workbench.api.studies.result({ study, perModel: false }), sizeOf)
    await measured('result without runs', () => workbench.api.studies.result({ study, runs: false }), sizeOf)
    const page = { study, offset: 1000, limit: 200 }
    await measured('page of the result', () => workbench.api.studies.resultPage(page), sizeOf)
    await measured('page of the plan', () => workbench.api.studies.planStages(page), sizeOf)
    await measured('statistics', () => workbench.api.studies.statistics({ study }), sizeOf)
    await measured('plan of what is done', () => workbench.api.studies.plan({ study }), sizeOf)
    await measured('first 100 runs', () => workbench.api.runs.list({ study, perModel: false, limit: 100 }), sizeOf)
    await measured('all runs', () => workbench.api.runs.list({ study, perModel: false }), sizeOf)
  } finally {
    await workbench.close()
  }
} finally {
  await rm(root, { recursive: true, force: true })
}

if (json) process.stdout.write(`${JSON.stringify({ seeds, steps, limits }, null, 2)}\n`)
else {
  process.stdout.write(
    `${'STEP'.padEnd(24)}${'SECONDS'.padStart(9)}${'PROCESSOR'.padStart(11)}${'DEAF, MS'.padStart(10)}${'TURN, MS'.padStart(10)}  NOTE\n`,
  )
  for (const { step, seconds, processorSeconds, deafMs, turnMs, note } of steps) {
    const figures = [
      seconds.toFixed(2).padStart(9),
      processorSeconds.toFixed(2).padStart(11),
      deafMs.toFixed(0).padStart(10),
      turnMs.toFixed(0).padStart(10),
    ]
    process.stdout.write(`${step.padEnd(24)}${figures.join('')}  ${note}\n`)
  }
}
const secondsOf = (step: string): number => steps.find((found) => found.step === step)?.seconds ?? 0
if (secondsOf('plan') > limits.plan || secondsOf('replay') > limits.replay) {
  process.stderr.write(`Planning may take ${limits.plan} s and replaying ${limits.replay} s.\n`)
  process.exitCode = 1
}
const slow = steps.filter(({ turnMs }) => turnMs > limits.turn)
if (slow.length > 0) {
  const names = slow.map(({ step }) => step).join(', ')
  process.stderr.write(`A turn may take ${limits.turn} ms of processor time; longer: ${names}.\n`)
  process.exitCode = 1
}
