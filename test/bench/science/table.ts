/** What `npm run bench:science` writes: a table a problem, in Markdown. */
import { methodOf } from '#main/compute/methods.ts'
import { describePower } from '#main/shell/cli/statistics-text.ts'
import { isPresent } from '#shared/domain/metrics.ts'
import type { ComparedMetric, MethodDifference, StudyStatistics } from '#shared/domain/statistics.ts'
import type { Run, Study, StudyResult } from '#shared/domain/study.ts'
import { formatDuration } from '#shared/units.ts'
import { cifarCount, type Problem } from './problems.ts'

export interface Finding {
  readonly problem: Problem
  readonly study: Study
  readonly result: StudyResult
  readonly runs: readonly Run[]
  readonly statistics: StudyStatistics
}

interface Column {
  readonly metric: ComparedMetric
  readonly title: string
  readonly scale: number
  readonly isSigned?: boolean
}

const columns: readonly Column[] = [
  { metric: 'gap', title: 'gap', scale: 100, isSigned: true },
  { metric: 'absGap', title: 'abs. gap', scale: 100 },
  { metric: 'easyHardAgreement', title: 'easy/hard', scale: 100 },
  { metric: 'agreement', title: 'agreement', scale: 100 },
  { metric: 'jsDivergence', title: 'JS', scale: 1 },
  { metric: 'mia.gap', title: 'attack gap', scale: 100, isSigned: true },
  { metric: 'retainAccuracy', title: 'R', scale: 100 },
  { metric: 'evaluationAccuracy', title: 'E', scale: 100 },
]

const families = [
  { name: 'Reference', of: ['reference'] },
  { name: 'TMU', of: ['tmu'] },
  { name: 'Baselines', of: ['baseline'] },
  { name: 'Controls', of: ['control'] },
] as const

/** The whole page. */
export function benchmarkPage(command: string, findings: readonly Finding[]): string {
  return [
    '# Benchmark of methods',
    '',
    `Made by \`${command}\` on ${new Date().toISOString().slice(0, 10)}. How to read it:`,
    '',
    '- Stages that were computed before and haven’t changed since are reused, as everywhere.',
    '- Means over seeds ± half of a 95 % t interval over them. With three seeds such an interval is wide; the images themselves add',
    '  about 2.6 points to any accuracy on 300 of them, which all methods of a table share.',
    '- *gap*: accuracy on F less the gold’s, in points; above 0, too little was forgotten. *abs. gap*: its absolute value, averaged over pairs.',
    '  *easy/hard*: share of F on which method and gold are both right or both wrong; *agreement*: both say the same class, %. *JS*: nats.',
    '  *attack gap*: AUC of the loss attack less the gold’s, points. *R*, *E*: accuracy on retained and on unseen images, %.',
    `- The CIFAR-10 subset has ${cifarCount.toLocaleString('en')} images, the first of each class.`,
    '- *work*: the seconds that the stages of a table took, added up, each once, measuring too; one that was reused counts with what it once took.',
    '  By the clock two workers on idle cores take about 0.6 of that (`npm run bench:study`).',
    '- *cost*: backward sample-visits of one request, in % of training one gold; what is made once, before any request, stands below each table.',
    '- Golds are judged by the other golds. The first row, the floor: by how much a figure changes when another gold judges.',
    '- *less TMU*: absolute gap less TMU’s, points, with its 95 % bootstrap interval over images, mean over seeds; bold where the two differ',
    '  (intervals over images and seeds clear zero, p at most 0.05 after Holm’s correction for all methods of the table, beyond the floor). Three',
    '  seeds and this many methods hardly ever get there.',
    '- Settings are the published ones, but where the guided study sets others for its small network, chosen on the twin problem. Nothing was',
    '  tuned on a gold. The oracle reads a gold and is no method; controls differ from TMU in their labels alone.',
    '',
    ...findings.flatMap((finding) => [section(finding), '']),
  ].join('\n')
}

function section({ problem, study, result, runs, statistics }: Finding): string {
  const { config } = study
  const { ledger } = result
  const heads = ['method', ...columns.map(({ title }) => title), 'cost', 'less TMU']
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const floors = columns.map(({ metric, scale }) => {
    const floor = statistics.metrics.find((item) => item.metric === metric)?.floor ?? null
    return floor === null ? '–' : number(floor, scale)
  })
  const rows = families.flatMap(({ name, of }) => {
    const methods = config.methods.filter((method) => of.some((family) => family === methodOf(method).family))
    if (methods.length === 0) return []
    return [
      row([`**${name}**`, ...heads.slice(1).map(() => '')]),
      ...methods.map((method) => row(cellsOf(method, result, runs, statistics))),
    ]
  })
  const visits = (count: number): string => Math.round(count).toLocaleString('en')
  return [
    `## ${problem.title}`,
    '',
    `${capital(problem.about)}. ${config.architecture}, ${config.recipe.epochs} epochs; engine ${result.engine}; ${config.seeds.length} seeds, ${config.goldSeeds.length} golds, n = ${statistics.forgetCount}. ` +
      `Validity gate ${result.gate.passed ? 'passed' : `not passed (${result.gate.checks.flatMap((check) => (check.passed === false ? [check.note ?? check.name] : [])).join('; ')})`}.`,
    '',
    `Work: ${formatDuration(ledger.total.seconds)} of stages on ${result.engine} (${ledger.total.stages.toLocaleString('en')} stages).`,
    '',
    row(heads),
    row(heads.map(() => '---')),
    row(['*gold to gold*', ...floors, '', '']),
    ...rows,
    '',
    `- Before any request, backward visits: ${visits(ledger.perDataset.visitsBackward)} for an original, ${visits(ledger.perClass.visitsBackward)} for a twin` +
      (ledger.gold === null ? '.' : `; one gold takes ${visits(ledger.gold.visitsBackward)}.`),
    ...(problem.published === undefined
      ? []
      : [
          `- ${problem.published.filter((method) => config.methods.includes(method)).join(', ')}: at their published rates; those of the guided study take this network apart.`,
        ]),
    ...[...statistics.notes, ...powerOf(statistics)].map((note) => `- ${note}`),
  ].join('\n')
}

/** Of the comparison in the last column. */
function powerOf({ metrics }: StudyStatistics): readonly string[] {
  const compared = metrics.find(({ metric }) => metric === 'absGap')
  const power = compared === undefined ? null : describePower(compared)
  return power === null ? [] : [power]
}

function cellsOf(
  method: string,
  { ledger }: StudyResult,
  runs: readonly Run[],
  statistics: StudyStatistics,
): readonly string[] {
  const { title } = methodOf(method)
  const own = runs.filter((run) => run.method === method)
  const done = own.filter(({ metrics }) => metrics !== null)
  const failed = own.find((run) => run.state === 'failed')
  if (done.length === 0) {
    const why = failed?.error?.code === 'diverged' ? 'diverged at every seed' : (failed?.error?.message ?? 'not run')
    return [`${title}: ${why}`, ...columns.map(() => '–'), '–', '']
  }
  const cost = ledger.perRequest[method]
  const share =
    method === 'gold' || cost === undefined || ledger.gold === null
      ? method === 'gold'
        ? '100'
        : '–'
      : ((100 * cost.visitsBackward) / ledger.gold.visitsBackward).toFixed(0)
  const versus = statistics.metrics
    .find(({ metric }) => metric === 'absGap')
    ?.differences.find((difference) => difference.method === method)
  return [
    done.length === own.length ? title : `${title} (${done.length} of ${own.length} seeds)`,
    ...columns.map((column) => cell(statistics, own, method, column)),
    share,
    versus === undefined ? '' : difference(versus),
  ]
}

function difference({ difference: found, imagesCi, differs }: MethodDifference): string {
  if (!isPresent(found)) return 'n/a'
  const value = number(found.value, 100, true)
  const range = imagesCi === null ? '' : ` (${number(imagesCi[0], 100, true)} to ${number(imagesCi[1], 100, true)})`
  return `${differs ? `**${value}**` : value}${range}`
}

/** Mean with its 95 % interval over seeds; a gold's is judged by the other golds. */
function cell(
  statistics: StudyStatistics,
  runs: readonly Run[],
  method: string,
  { metric, scale, isSigned = false }: Column,
): string {
  const found = statistics.metrics.find((item) => item.metric === metric)
  const figure = found?.figures.find((item) => item.method === method)?.figure
  if (figure !== undefined && isPresent(figure)) {
    const half = figure.ci === null ? '' : ` ± ${number((figure.ci[1] - figure.ci[0]) / 2, scale)}`
    return `${number(figure.value, scale, isSigned)}${half}`
  }
  const values = runs.flatMap((run) => {
    const value = run.metrics?.[metric]
    return isPresent(value) ? [value.value] : []
  })
  return values.length === 0
    ? 'n/a'
    : number(values.reduce((sum, value) => sum + value, 0) / values.length, scale, isSigned)
}

function number(value: number, scale: number, isSigned = false): string {
  const text = Math.abs(scale * value).toFixed(scale === 1 ? 3 : 1)
  const isZero = Number(text) === 0
  return isZero || value > 0 ? `${isSigned && !isZero ? '+' : ''}${text}` : `−${text}`
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
