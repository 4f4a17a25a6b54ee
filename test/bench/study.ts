/**
 * Times the demo's whole study: cold with one worker and with two, then replayed from what is stored by a process of its
 * own. Where Python with torch is present, the same stages are done by pytorch/study.py, on one thread as well.
 *
 *   npm run bench:study [-- --fast] [--engine wasm|native|…] [--workers 1,2] [--python PATH] [--json FILE]
 *
 * --fast: four epochs and four methods.
 */
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ObjectStore } from '#main/artifacts/object-store.ts'
import { demoMethodOptions } from '#main/compute/methods.ts'
import { forkLauncher } from '#main/compute/pool/fork-launcher.ts'
import { readJson } from '#main/compute/worker/array-objects.ts'
import { openStoreForReading } from '#main/store/open-store.ts'
import type { StoredStage } from '#main/store/repositories/stages.ts'
import { openWorkbench } from '#main/workbench/workbench.ts'
import { engineIds } from '#shared/domain/engine.ts'
import type { CurvePoint } from '#shared/domain/stage.ts'
import type { StudyId } from '#shared/ids.ts'
import { processorSeconds, watchMemory } from './study/process-tree.ts'
import { runTwin, writeTwin } from './study/pytorch-twin.ts'

const { values: options } = parseArgs({
  options: {
    fast: { type: 'boolean', default: false },
    engine: { type: 'string' },
    workers: { type: 'string', default: '1,2' },
    python: { type: 'string', default: 'python3' },
    json: { type: 'string' },
  },
})
const engine = engineIds.find((id) => id === options.engine)
if (options.engine !== undefined && engine === undefined) throw new Error(`Engines: ${engineIds.join(', ')}.`)
const workerCounts = options.workers.split(',').map(Number)
const entry = join(import.meta.dirname, '..', '..', 'src-main', 'shell', 'cli', 'main.ts')
/** Kinds that pytorch/study.py does too. */
const sharedKinds = ['train-original', 'train-gold', 'train-twin', 'features', 'fit-predictor', 'unlearn', 'predict']

interface Round {
  readonly what: string
  readonly seconds: number
  readonly processorSeconds: number | null
  readonly peakMemory: number | null
  readonly stages: number
  readonly visitsForward: number
  readonly visitsBackward: number
}

const settings = Object.fromEntries(
  Object.entries(demoMethodOptions).flatMap(([method, given]) =>
    Object.entries(given).map(([key, value]) => [`${method}.${key}`, value as number]),
  ),
)
const fastMethods = ['gold', 'none', 'tmu', 'rewind', 'fine-tune', 'count-matched-random']
const methods = options.fast
  ? fastMethods
  : [...fastMethods, 'tmu-soft', 'tmu-faithful', 'random-labels', 'cf-quantile', 'all-easy', 'all-hard', 'oracle']
const ofMethods = Object.fromEntries(
  Object.entries(settings).filter(([key]) => methods.includes(key.slice(0, key.indexOf('.')))),
)

async function stagesOf(workspace: string, study: StudyId): Promise<readonly StoredStage[]> {
  const store = await openStoreForReading(workspace)
  try {
    const { stages } = store.repositories
    return stages.listStudyStages(study).flatMap(({ key }) => stages.getStage(key) ?? [])
  } finally {
    await store.close()
  }
}

async function cold(workspace: string, workers: number): Promise<{ readonly round: Round; readonly study: StudyId }> {
  const workbench = await openWorkbench({ workspace, launcher: forkLauncher, shell: 'cli', workers })
  let study: StudyId
  let seconds: number
  let memory: { stop(): number | null }
  const processorBefore = processorSeconds()
  try {
    const { api } = workbench
    await api.demo.prepare({ fast: false })
    study = (
      await api.studies.create({
        name: 'bench',
        dataset: 'fashion-mnist',
        forgetSet: 'shirts-300',
        architecture: 'tiny-cnn',
        methods,
        seeds: 1,
        golds: 2,
        settings: { epochs: options.fast ? 4 : 30, lr: 3e-3, batchSize: 64, ...ofMethods },
        ...(engine === undefined ? {} : { engine }),
      })
    ).id
    memory = watchMemory()
    const startedAt = performance.now()
    await api.studies.run({ study })
    for await (const event of api.studies.watch({ study })) {
      if (event.kind === 'finished' && event.state !== 'succeeded') throw new Error(`The study ${event.state}.`)
    }
    seconds = (performance.now() - startedAt) / 1000
  } finally {
    await workbench.close()
  }
  const peakMemory = memory.stop()
  const after = processorSeconds()
  const costs = (await stagesOf(workspace, study)).flatMap(({ cost }) => cost ?? [])
  const round: Round = {
    what: `cold, ${workers} ${workers === 1 ? 'worker' : 'workers'}`,
    seconds,
    processorSeconds: after === null || processorBefore === null ? null : after - processorBefore,
    peakMemory,
    stages: costs.length,
    visitsForward: costs.reduce((sum, cost) => sum + cost.visitsForward, 0),
    visitsBackward: costs.reduce((sum, cost) => sum + cost.visitsBackward, 0),
  }
  return { round, study }
}

/** As a user types it: the start of the process is part of it. */
function cached(workspace: string, stages: number): Round {
  const startedAt = performance.now()
  const before = processorSeconds()
  const { status, stderr } = spawnSync(
    process.execPath,
    [entry, 'study', 'run', 'bench', '--json', '--workspace', workspace],
    { encoding: 'utf8', maxBuffer: 2 ** 28 },
  )
  if (status !== 0) throw new Error(stderr)
  const after = processorSeconds()
  return {
    what: 'cached, by the command line',
    seconds: (performance.now() - startedAt) / 1000,
    processorSeconds: after === null || before === null ? null : after - before,
    peakMemory: null,
    stages,
    visitsForward: 0,
    visitsBackward: 0,
  }
}

function secondsByKind(stages: readonly { readonly kind: string; readonly seconds: number }[]) {
  const sums = new Map<string, number>()
  for (const { kind, seconds } of stages) sums.set(kind, (sums.get(kind) ?? 0) + seconds)
  return sums
}

const root = await mkdtemp(join(tmpdir(), 'tmu-bench-study-'))
const rounds: Round[] = []
const print = (line: string): void => void process.stdout.write(`${line}\n`)
const cell = (value: number | null, digits: number): string => (value === null ? '–' : value.toFixed(digits))
try {
  print(`${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}; engine ${engine ?? 'the best there is'}`)
  print(`${'WHAT'.padEnd(30)}${'SECONDS'.padStart(9)}${'PROCESSOR'.padStart(11)}${'PSS, MB'.padStart(9)}  VISITS`)
  let measured: { readonly workspace: string; readonly study: StudyId } | null = null
  const show = (round: Round): void => {
    rounds.push(round)
    const memory = round.peakMemory === null ? null : round.peakMemory / 2 ** 20
    const figures = `${cell(round.seconds, 1).padStart(9)}${cell(round.processorSeconds, 1).padStart(11)}`
    const visits = `${round.visitsForward} forward, ${round.visitsBackward} backward in ${round.stages} stages`
    print(`${round.what.padEnd(30)}${figures}${cell(memory, 0).padStart(9)}  ${visits}`)
  }
  for (const workers of workerCounts) {
    const workspace = join(root, `workers-${workers}`)
    const { round, study } = await cold(workspace, workers)
    show(round)
    // One worker has a core for itself, as the twin has.
    measured ??= { workspace, study }
  }
  if (measured === null) throw new Error('Give at least one number of workers.')
  show(cached(measured.workspace, rounds[0]?.stages ?? 0))
  const [one, two] = rounds
  if (workerCounts.join() === '1,2') print(`Two workers are ${(one.seconds / two.seconds).toFixed(2)}x one.`)

  const stages = (await stagesOf(measured.workspace, measured.study)).filter(({ kind }) => sharedKinds.includes(kind))
  const objects = new ObjectStore(join(measured.workspace, 'objects'))
  const store = await openStoreForReading(measured.workspace)
  const dataset = store.repositories.datasets.listDatasets()[0]
  await store.close()
  const twinFolder = join(root, 'twin')
  await writeTwin(twinFolder, { objects, dataset, stages })
  const twin = runTwin(options.python, twinFolder)
  const ours = secondsByKind(stages.map(({ kind, cost }) => ({ kind, seconds: cost?.seconds ?? 0 })))
  let ratio: number | null = null
  if ('reason' in twin) print(`No PyTorch to compare with: ${twin.reason}.`)
  else {
    const theirs = secondsByKind(twin.stages)
    const total = (sums: ReadonlyMap<string, number>): number => [...sums.values()].reduce((sum, x) => sum + x, 0)
    ratio = total(ours) / total(theirs)
    print(`\n${'STAGES'.padEnd(20)}${'OURS, S'.padStart(10)}${'PYTORCH, S'.padStart(12)}${'RATIO'.padStart(8)}`)
    for (const [kind, seconds] of ours) {
      const other = theirs.get(kind) ?? 0
      print(
        `${kind.padEnd(20)}${seconds.toFixed(1).padStart(10)}${other.toFixed(1).padStart(12)}${(seconds / other).toFixed(2).padStart(8)}`,
      )
    }
    print(
      `${'all of them'.padEnd(20)}${total(ours).toFixed(1).padStart(10)}${total(theirs).toFixed(1).padStart(12)}${ratio.toFixed(2).padStart(8)}`,
    )
    const curve = stages.find(({ kind }) => kind === 'train-original')?.outputs['curve']
    const points = curve === undefined ? [] : ((await readJson(objects, curve)) as readonly CurvePoint[])
    print(
      `Training accuracy of the original: ours ${cell(points.at(-1)?.accuracy ?? null, 4)}, PyTorch ${twin.torch} ${twin.accuracy.toFixed(4)}.`,
    )
  }
  if (options.json !== undefined) {
    const report = { engine: engine ?? null, load: loadavg()[0], rounds, ours: Object.fromEntries(ours), twin, ratio }
    await writeFile(options.json, `${JSON.stringify(report, null, 2)}\n`)
  }
} finally {
  await rm(root, { recursive: true, force: true })
}
