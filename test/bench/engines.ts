/**
 * Times training steps and predictions of three networks on every engine present, on stock tfjs-node and, where Python with
 * torch is present, on PyTorch: the same weights, batches and updates, one thread each. Every contender is a process of its
 * own with the environment that it has in use; all take turns, so that a busy machine slows all. Limits are judged by
 * processor time, which for one thread is the time on a machine that does nothing else.
 *
 *   npm run bench:engines -- [--json FILE] [--python PATH] [--rounds N] [--networks 32,28,bn] [--contenders native,wasm,…]
 *
 * Exits 1 if a limit isn't held; one that couldn't be judged is listed with the reason.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { parseArgs } from 'node:util'
import { workerEnvironment } from '#main/compute/pool/machine.ts'
import { processorName } from '#main/compute/worker/engines/processor.ts'
import { engineIds } from '#shared/domain/engine.ts'
import {
  batchesOf,
  batchSize,
  classCount,
  epsilon,
  initialValues,
  learningRate,
  momentum,
  type NetworkPlan,
  networkOf,
  networks,
  parametersOf,
} from './engines/networks.ts'
import type { Answer, Hello, Request } from './engines/protocol.ts'

type Mode = Request['mode']
const modes: readonly Mode[] = ['step', 'forward']
const warmUpRounds = 1
/** What a contender takes in each round, about. */
const roundMilliseconds = 250

/** A ratio of step times that must hold. */
const limits: readonly { network: string; contender: string; to: string; most: number }[] = [
  { network: '32', contender: 'native', to: 'torch', most: 0.8 },
  { network: '28', contender: 'native', to: 'torch', most: 0.8 },
  { network: '32', contender: 'native', to: 'torch-channels-last', most: 1 },
  { network: '28', contender: 'native', to: 'torch-channels-last', most: 1.4 },
  { network: '32', contender: 'wasm', to: 'torch', most: 3 },
  { network: '28', contender: 'wasm', to: 'torch', most: 3 },
  { network: 'bn', contender: 'native', to: 'stock', most: 0.35 },
]

interface ContenderPlan {
  readonly name: string
  readonly title: string
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** A running contender. */
class Contender {
  readonly plan: ContenderPlan
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #lines: AsyncIterator<string>

  constructor(plan: ContenderPlan) {
    this.plan = plan
    this.#child = spawn(plan.command, plan.args, {
      env: { ...process.env, ...plan.env },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    // A command that isn't there: its output ends.
    this.#child.on('error', () => this.#child.stdout.destroy())
    this.#child.stdin.on('error', () => {})
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  async hello(): Promise<Hello> {
    return ((await this.#read()) as Hello | null) ?? { ready: false, reason: `${this.plan.command} did not start` }
  }

  async run(request: Request): Promise<Answer> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`)
    const answer = (await this.#read()) as Answer | Extract<Hello, { ready: false }> | null
    if (answer !== null && 'times' in answer) return answer
    throw new Error(`${this.plan.title} failed: ${answer?.reason ?? 'its process ended'}.`)
  }

  end(): void {
    this.#child.stdin.end()
  }

  async #read(): Promise<unknown> {
    const { value, done } = await this.#lines.next()
    return done ? null : JSON.parse(value as string)
  }
}

const { values: options } = parseArgs({
  options: {
    json: { type: 'string' },
    python: { type: 'string', default: 'python3' },
    rounds: { type: 'string', default: '8' },
    networks: { type: 'string', default: networks.map(({ name }) => name).join() },
    contenders: { type: 'string' },
  },
})

function contenderPlans(folder: string): readonly ContenderPlan[] {
  const here = import.meta.dirname
  const contender = join(here, 'engines', 'contender.ts')
  const ours = engineIds
    // A reference that takes seconds a step.
    .filter((id) => id !== 'cpu')
    .map((id) => ({
      name: id as string,
      title: `${id}, our kernels`,
      command: process.execPath,
      args: [contender, 'ours', id],
      env: workerEnvironment(id),
    }))
  const stock = {
    name: 'stock',
    title: 'stock tfjs-node',
    command: process.execPath,
    args: [contender, 'stock'],
    // As it is used: neither the allocator's settings nor the choice of vector width are stock.
    env: { TF_NUM_INTRAOP_THREADS: '1', TF_NUM_INTEROP_THREADS: '1', OMP_NUM_THREADS: '1', TF_CPP_MIN_LOG_LEVEL: '3' },
  }
  const torch = (['contiguous', 'channels_last'] as const).map((layout) => ({
    name: layout === 'contiguous' ? 'torch' : 'torch-channels-last',
    title: layout === 'contiguous' ? 'PyTorch' : 'PyTorch, channels last',
    command: options.python,
    args: [join(here, 'pytorch', 'step.py'), folder, layout],
    env: { OMP_NUM_THREADS: '1', MKL_NUM_THREADS: '1' },
  }))
  const chosen = options.contenders?.split(',')
  return [
    ...ours,
    // Its multiplied-out gradients are right only without oneDNN's filter gradient.
    { ...stock, name: 'stock', env: { ...stock.env, TF_ENABLE_ONEDNN_OPTS: '0' } },
    {
      ...stock,
      name: 'stock-onednn',
      title: 'stock tfjs-node, oneDNN',
      env: { ...stock.env, TF_ENABLE_ONEDNN_OPTS: '1' },
    },
    ...torch,
  ].filter(({ name }) => chosen === undefined || chosen.includes(name))
}

/** What pytorch/step.py reads. */
function writeInputs(folder: string, plans: readonly NetworkPlan[]): void {
  const bytes = (arrays: readonly (Float32Array | Int32Array)[]): Buffer =>
    Buffer.concat(arrays.map((array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength)))
  const described = plans.map((plan) => ({
    ...plan,
    parameters: parametersOf(plan),
    batchSize,
    classCount,
    epsilon,
    learningRate,
    momentum,
  }))
  writeFileSync(join(folder, 'plans.json'), JSON.stringify(described))
  for (const plan of plans) {
    const batches = batchesOf(plan)
    writeFileSync(join(folder, `${plan.name}.weights`), bytes(initialValues(plan)))
    writeFileSync(join(folder, `${plan.name}.pixels`), bytes(batches.map(({ pixels }) => pixels)))
    writeFileSync(join(folder, `${plan.name}.labels`), bytes(batches.map(({ labels }) => labels)))
  }
}

interface Figures {
  readonly min: number
  readonly median: number
}

function figures(values: readonly number[]): Figures {
  const sorted = values.toSorted((a, b) => a - b)
  return { min: sorted[0], median: sorted[Math.floor(sorted.length / 2)] }
}

interface Result {
  readonly network: string
  readonly mode: Mode
  readonly contender: string
  /** Milliseconds. */
  readonly time: Figures
  readonly processor: Figures
  readonly runs: number
}

/** The first losses of all must be the same: a contender that computes something else is no measure. */
function checkLosses(plan: NetworkPlan, losses: ReadonlyMap<string, readonly number[]>): void {
  const [[first, expected], ...others] = losses
  for (const [name, found] of others) {
    // PyTorch pads strided convolutions otherwise.
    if (plan.kind === 'residual' && name.startsWith('torch') !== first.startsWith('torch')) continue
    const off = found.findIndex((loss, i) => !(Math.abs(loss - expected[i]) <= 1e-3 * expected[i]))
    if (off < 0) continue
    throw new Error(
      `On network "${plan.name}" ${name} and ${first} differ in step ${off + 1}: ${found[off]} and ${expected[off]}.`,
    )
  }
}

async function measure(plan: NetworkPlan, contenders: readonly Contender[], rounds: number): Promise<Result[]> {
  const times = new Map<string, number[]>()
  const processor = new Map<string, number[]>()
  const counts = new Map<string, number>()
  const losses = new Map<string, readonly number[]>()
  for (const contender of contenders) {
    const answer = await contender.run({ network: plan.name, mode: 'step', count: 5 })
    losses.set(contender.plan.name, answer.results)
  }
  checkLosses(plan, losses)
  for (let round = 0; round < warmUpRounds + rounds; round++) {
    for (const mode of modes) {
      // Nobody is always the one after the slowest.
      const turn = round % contenders.length
      for (const contender of [...contenders.slice(turn), ...contenders.slice(0, turn)]) {
        const key = `${contender.plan.name} ${mode}`
        const answer = await contender.run({ network: plan.name, mode, count: counts.get(key) ?? 2 })
        if (!answer.results.every(Number.isFinite)) throw new Error(`${contender.plan.title} lost its numbers.`)
        counts.set(key, Math.max(2, Math.min(200, Math.round(roundMilliseconds / figures(answer.times).min))))
        if (round < warmUpRounds) continue
        times.set(key, [...(times.get(key) ?? []), ...answer.times])
        processor.set(key, [...(processor.get(key) ?? []), ...answer.processor])
      }
    }
  }
  return modes.flatMap((mode) =>
    contenders.map(({ plan: { name } }) => {
      const key = `${name} ${mode}`
      const all = times.get(key) ?? []
      return {
        network: plan.name,
        mode,
        contender: name,
        time: figures(all),
        processor: figures(processor.get(key) ?? []),
        runs: all.length,
      }
    }),
  )
}

function resultOf(results: readonly Result[], network: string, contender: string, mode: Mode): Result | undefined {
  return results.find((result) => result.network === network && result.mode === mode && result.contender === contender)
}

/** Stock tfjs-node comes with and without oneDNN, as the processor decides: the faster of the two is what is to be beaten. */
function fastestOf(results: readonly Result[], network: string, name: string): string {
  if (name !== 'stock') return name
  const [fastest] = ['stock', 'stock-onednn']
    .flatMap((each) => resultOf(results, network, each, 'step') ?? [])
    .toSorted((a, b) => a.processor.min - b.processor.min)
  return fastest?.contender ?? name
}

function printTable(results: readonly Result[], contenders: readonly Contender[], plans: readonly NetworkPlan[]): void {
  const cell = (time: Figures | undefined): string =>
    (time === undefined ? '' : `${time.min.toFixed(1)} / ${time.median.toFixed(1)}`).padStart(16)
  const names = contenders.map(({ plan }) => plan.name)
  const reference = ['torch', 'stock'].find((name) => names.includes(name)) ?? names[0]
  for (const plan of plans) {
    console.log(`\nNetwork ${plan.name}: ${plan.title}; batch ${batchSize}; ms, minimum / median`)
    console.log(
      `${'contender'.padEnd(26)}${'step'.padStart(16)}${'its CPU time'.padStart(16)}${`: ${reference}`.padStart(16)}${'prediction'.padStart(16)}${'its CPU time'.padStart(16)}`,
    )
    const base = resultOf(results, plan.name, reference, 'step')
    for (const { plan: contender } of contenders) {
      const step = resultOf(results, plan.name, contender.name, 'step')
      const prediction = resultOf(results, plan.name, contender.name, 'forward')
      const ratio = step === undefined || base === undefined ? '' : describeRatio(ratioOf(step, base))
      console.log(
        `${contender.title.padEnd(26)}${cell(step?.time)}${cell(step?.processor)}${ratio.padStart(16)}${cell(prediction?.time)}${cell(prediction?.processor)}`,
      )
    }
  }
}

/** Of processor times. */
function ratioOf(own: Result, other: Result): Figures {
  return {
    min: own.processor.min / other.processor.min,
    median: own.processor.median / other.processor.median,
  }
}

const describeRatio = ({ min, median }: Figures): string => `${min.toFixed(2)} / ${median.toFixed(2)}`

const folder = mkdtempSync(join(tmpdir(), 'tmu-bench-'))
const all = contenderPlans(folder).map((plan) => new Contender(plan))
try {
  const plans = options.networks.split(',').map(networkOf)
  writeInputs(folder, plans)
  const contenders: Contender[] = []
  const described: Record<string, string> = {}
  for (const contender of all) {
    const hello = await contender.hello()
    described[contender.plan.name] = hello.ready ? hello.description : `absent: ${hello.reason}`
    console.log(`${contender.plan.title}: ${described[contender.plan.name]}`)
    if (hello.ready) contenders.push(contender)
  }
  const results: Result[] = []
  for (const plan of plans) results.push(...(await measure(plan, contenders, Number(options.rounds))))
  printTable(results, contenders, plans)

  console.log('')
  const judged = limits.map((limit) => {
    const { network, contender, to, most } = limit
    const [own, other] = [contender, fastestOf(results, network, to)].map((name) =>
      resultOf(results, network, name, 'step'),
    )
    if (own === undefined || other === undefined) {
      const absent = plans.some(({ name }) => name === network)
        ? `${own === undefined ? contender : to} is absent`
        : 'left out'
      console.log(`not judged  network ${network}: ${contender} to ${to}: ${absent}`)
      return { ...limit, ratio: null, holds: null }
    }
    const ratio = ratioOf(own, other)
    const holds = ratio.min <= most
    console.log(
      `${holds ? 'holds     ' : 'exceeded  '}  network ${network}: ${contender} to ${other.contender} ${describeRatio(ratio)}, limit ${most}`,
    )
    return { ...limit, to: other.contender, ratio, holds }
  })
  if (options.json !== undefined) {
    const report = { processor: processorName(), batchSize, unit: 'ms', contenders: described, results, limits: judged }
    writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`)
  }
  if (judged.some(({ holds }) => holds === false)) process.exitCode = 1
} finally {
  for (const contender of all) contender.end()
  rmSync(folder, { recursive: true, force: true })
}
