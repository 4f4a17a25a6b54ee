/**
 * Times the demo's whole study: cold with one worker and with two, then replayed from what is stored by a process of its
 * own; and, with both numbers of workers, a study whose trainings don't wait for each other. Where Python with torch is
 * present, the first study's stages are done by pytorch/study.py, on one thread as well.
 *
 *   npm run bench:study [-- --fast] [--engines native,wasm] [--workers 1,2] [--python PATH] [--json FILE]
 *
 * --fast: four epochs and four methods. --engines: default, the best there is. The last lines hold what was measured
 * against what is promised for two idle cores; exits 1 where one is missed.
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
import { type EngineId, engineIds } from '#shared/domain/engine.ts'
import type { CurvePoint } from '#shared/domain/stage.ts'
import type { StudyId } from '#shared/ids.ts'
import { processorSeconds, watchMemory } from './study/process-tree.ts'
import { runTwin, writeTwin } from './study/pytorch-twin.ts'

const { values: options } = parseArgs({
  options: {
    fast: { type: 'boolean', default: false },
    engines: { type: 'string' },
    workers: { type: 'string', default: '1,2' },
    python: { type: 'string' },
    json: { type: 'string' },
  },
})
/** `null`: the best there is. */
const engines = options.engines?.split(',').map((name): EngineId | null => {
  const engine = engineIds.find((id) => id === name)
  if (engine === undefined) throw new Error(`Engines: ${engineIds.join(', ')}.`)
  return engine
}) ?? [null]
const workerCounts = options.workers.split(',').map(Number)
const entry = join(import.meta.dirname, '..', '..', 'src-main', 'shell', 'cli', 'main.ts')
/** Kinds that pytorch/study.py does too. */
const sharedKinds: readonly string[] = [
  'train-original',
  'train-gold',
  'train-twin',
  'features',
  'fit-predictor',
  'unlearn',
  'predict',
]

/** Of PyTorch's seconds for the same stages, one worker. */
const mostOfPyTorch: Readonly<Partial<Record<EngineId, number>>> = { native: 1, wasm: 3.5 }
const leastOfTwoWorkers = 1.6
const mostCachedSeconds = 2

interface Round {
  readonly engine: EngineId
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

async function stagesOf(workspace: string, study: StudyId): Promise<readonly StoredStage[]> {
  const store = await openStoreForReading(workspace)
  try {
    const { stages } = store.repositories
    return stages.listStudyStages(study).flatMap(({ key }) => stages.getStage(key) ?? [])
  } finally {
    await store.close()
  }
}

interface ColdStudy {
  readonly workspace: string
  readonly study: StudyId
  readonly round: Round
}

interface Work {
  readonly what: string
  readonly methods: readonly string[]
  readonly golds: number
  readonly epochs: number
}

const wholeStudy: Work = { what: 'cold', methods, golds: 2, epochs: options.fast ? 4 : 30 }
/** Nearly all of it is the training of six networks, none of which waits for another: long ones, also with --fast. */
const independentStages: Work = { what: 'independent', methods: ['gold'], golds: 5, epochs: 30 }

async function cold(
  workspace: string,
  wanted: EngineId | null,
  workers: number,
  { what, methods, golds, epochs }: Work = wholeStudy,
): Promise<ColdStudy> {
  const workbench = await openWorkbench({ workspace, launcher: forkLauncher, shell: 'cli', workers })
  let study: StudyId
  let seconds: number
  let memory: { stop(): number | null }
  let processorBefore: number | null
  const ofMethods = Object.fromEntries(
    Object.entries(settings).filter(([key]) => methods.includes(key.slice(0, key.indexOf('.')))),
  )
  try {
    const { api } = workbench
    await api.demo.prepare({ fast: false })
    study = (
      await api.studies.create({
        name: 'bench',
        dataset: 'fashion-mnist',
        forgetSet: 'shirts-300',
        architecture: 'tiny-cnn',
        methods: [...methods],
        seeds: 1,
        golds,
        settings: { epochs, lr: 3e-3, batchSize: 64, ...ofMethods },
        ...(wanted === null ? {} : { engine: wanted }),
      })
    ).id
    memory = watchMemory()
    processorBefore = processorSeconds()
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
    engine: costs[0].engine,
    what: `${what}, ${workers} ${workers === 1 ? 'worker' : 'workers'}`,
    seconds,
    processorSeconds: after === null || processorBefore === null ? null : after - processorBefore,
    peakMemory,
    stages: costs.length,
    visitsForward: costs.reduce((sum, cost) => sum + cost.visitsForward, 0),
    visitsBackward: costs.reduce((sum, cost) => sum + cost.visitsBackward, 0),
  }
  return { workspace, study, round }
}

/** As a user types it: the start of the process is part of it. */
function cached({ workspace, round: { engine, stages } }: ColdStudy): Round {
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
    engine,
    what: 'cached, by the command line',
    seconds: (performance.now() - startedAt) / 1000,
    processorSeconds: after === null || before === null ? null : after - before,
    peakMemory: null,
    stages,
    visitsForward: 0,
    visitsBackward: 0,
  }
}

type SecondsByKind = ReadonlyMap<string, number>

function secondsByKind(stages: readonly { readonly kind: string; readonly seconds: number }[]): SecondsByKind {
  const sums = new Map<string, number>()
  for (const { kind, seconds } of stages) sums.set(kind, (sums.get(kind) ?? 0) + seconds)
  return sums
}

const totalOf = (sums: SecondsByKind): number => [...sums.values()].reduce((sum, x) => sum + x, 0)

/** PyTorch at the stages of a study that was measured here. */
async function measureTwin({ workspace, study }: ColdStudy): Promise<ReturnType<typeof runTwin>> {
  const folder = join(root, 'twin')
  const store = await openStoreForReading(workspace)
  const dataset = store.repositories.datasets.listDatasets()[0]
  await store.close()
  const stages = (await stagesOf(workspace, study)).filter(({ kind }) => sharedKinds.includes(kind))
  await writeTwin(folder, { objects: new ObjectStore(join(workspace, 'objects')), dataset, stages })
  // Virtual environments have a `python`, some systems only a `python3`.
  const pythons = options.python === undefined ? ['python3', 'python'] : [options.python]
  let twin: ReturnType<typeof runTwin> = { reason: 'no Python was tried' }
  for (const python of pythons) {
    twin = runTwin(python, folder)
    if (!('reason' in twin)) break
  }
  return twin
}

/** Training accuracy of the original after its last epoch. */
async function accuracyOf({ workspace, study }: ColdStudy): Promise<number | null> {
  const curve = (await stagesOf(workspace, study)).find(({ kind }) => kind === 'train-original')?.outputs['curve']
  if (curve === undefined) return null
  const points = (await readJson(new ObjectStore(join(workspace, 'objects')), curve)) as readonly CurvePoint[]
  return points.at(-1)?.accuracy ?? null
}

const root = await mkdtemp(join(tmpdir(), 'tmu-bench-study-'))
const rounds: Round[] = []
const promises: { readonly what: string; readonly figure: number | null; readonly kept: boolean | null }[] = []
const print = (line: string): void => void process.stdout.write(`${line}\n`)
const cell = (value: number | null, digits: number): string => (value === null ? '–' : value.toFixed(digits))
const ratios: { readonly engine: EngineId; readonly ours: SecondsByKind; readonly ratio: number | null }[] = []
const load = loadavg()[0]

function show(round: Round): void {
  rounds.push(round)
  const memory = round.peakMemory === null ? null : round.peakMemory / 2 ** 20
  const figures = `${cell(round.seconds, 1).padStart(9)}${cell(round.processorSeconds, 1).padStart(11)}`
  const visits = `${round.visitsForward} forward, ${round.visitsBackward} backward in ${round.stages} stages`
  const what = `${round.engine}: ${round.what}`
  print(`${what.padEnd(36)}${figures}${cell(memory, 0).padStart(9)}  ${visits}`)
}

/** \`limit\`: at most so much, or at least. */
function promise(what: string, figure: number, limit: { readonly most: number } | { readonly least: number }): void {
  const kept = 'most' in limit ? figure <= limit.most : figure >= limit.least
  const bound = 'most' in limit ? `at most ${limit.most}` : `at least ${limit.least}`
  promises.push({ what: `${what}: ${figure.toFixed(2)} (${bound})`, figure, kept })
}

/** Listed with the rest, lest silence be taken for success. */
function notJudged(what: string, reason: string): void {
  promises.push({ what: `${what}: not judged, ${reason}`, figure: null, kept: null })
}

try {
  print(`${cpus().length} cores, load ${load.toFixed(1)}`)
  print(`${'WHAT'.padEnd(36)}${'SECONDS'.padStart(9)}${'PROCESSOR'.padStart(11)}${'PSS, MB'.padStart(9)}  VISITS`)
  let twin: ReturnType<typeof runTwin> | null = null
  for (const engine of engines) {
    const measured: ColdStudy[] = []
    for (const workers of workerCounts) {
      const study = await cold(join(root, `${engine ?? 'best'}-${workers}`), engine, workers)
      show(study.round)
      measured.push(study)
    }
    // One worker has a core for itself, as the twin has.
    const [first, second] = measured
    if (first === undefined) throw new Error('Give at least one number of workers.')
    const name = first.round.engine
    const replay = cached(first)
    show(replay)
    promise(`${name}: seconds of a cached study, with the start of the process`, replay.seconds, {
      most: mostCachedSeconds,
    })
    if (second !== undefined && workerCounts.join() === '1,2') {
      const times: number[] = []
      for (const workers of workerCounts) {
        const folder = join(root, `${engine ?? 'best'}-independent-${workers}`)
        const { round } = await cold(folder, engine, workers, independentStages)
        show(round)
        times.push(round.seconds)
      }
      promise(`${name}: two workers' speed, of one's, on independent stages`, times[0] / times[1], {
        least: leastOfTwoWorkers,
      })
    } else {
      notJudged(`${name}: two workers' speed, of one's, on independent stages`, 'it takes --workers 1,2')
    }
    twin ??= await measureTwin(first)
    const stages = (await stagesOf(first.workspace, first.study)).filter(({ kind }) => sharedKinds.includes(kind))
    const ours = secondsByKind(stages.map(({ kind, cost }) => ({ kind, seconds: cost?.seconds ?? 0 })))
    if ('reason' in twin) {
      print(`No PyTorch to compare with: ${twin.reason}.`)
      ratios.push({ engine: name, ours, ratio: null })
      notJudged(`${name}: seconds of the same stages, of PyTorch's`, twin.reason)
      continue
    }
    const theirs = secondsByKind(twin.stages)
    const ratio = totalOf(ours) / totalOf(theirs)
    ratios.push({ engine: name, ours, ratio })
    print(`\n${'STAGES'.padEnd(20)}${'OURS, S'.padStart(10)}${'PYTORCH, S'.padStart(12)}${'RATIO'.padStart(8)}`)
    const row = (kind: string, seconds: number, other: number): void =>
      print(
        `${kind.padEnd(20)}${seconds.toFixed(1).padStart(10)}${other.toFixed(1).padStart(12)}${(seconds / other).toFixed(2).padStart(8)}`,
      )
    for (const [kind, seconds] of ours) row(kind, seconds, theirs.get(kind) ?? 0)
    row('all of them', totalOf(ours), totalOf(theirs))
    const accuracy = cell(await accuracyOf(first), 4)
    print(`Training accuracy of the original: ours ${accuracy}, PyTorch ${twin.torch} ${twin.accuracy.toFixed(4)}.\n`)
    const most = mostOfPyTorch[name]
    if (most !== undefined) promise(`${name}: seconds of the same stages, of PyTorch's`, ratio, { most })
  }
  for (const { what, kept } of promises) print(`${kept === null ? '  – ' : kept ? 'pass' : 'FAIL'}  ${what}`)
  if (promises.some(({ kept }) => kept === false)) process.exitCode = 1
  if (options.json !== undefined) {
    const measured = ratios.map(({ engine, ours, ratio }) => ({ engine, ours: Object.fromEntries(ours), ratio }))
    const report = { load, rounds, studies: measured, twin, promises }
    await writeFile(options.json, `${JSON.stringify(report, null, 2)}\n`)
  }
} finally {
  await rm(root, { recursive: true, force: true })
}
