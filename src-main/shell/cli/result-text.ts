import { counted, quoted } from '#main/formats/text.ts'
import { isPresent, type Metric } from '#shared/domain/metrics.ts'
import type { Cost } from '#shared/domain/stage.ts'
import type { CostLedger, Run, StagesCost, StudyResult } from '#shared/domain/study.ts'
import { formatDuration, formatGap, formatNumber, formatPercent } from '#shared/units.ts'
import { describeAttacks } from './attack-text.ts'
import { table } from './output.ts'

/** A study's result for people: gate, one line a run against the gold, verdict sentences. */
export function describeResult(result: StudyResult): string {
  const parts = [
    `Study ${result.study} on ${result.engine}: ${result.stages.computed} stages computed, ${result.stages.reused} reused, ${result.stages.failed} failed, ${formatDuration(result.seconds)}`,
    describeOutdated(result),
    describeGate(result),
    describeRuns(result.runs, result.settings),
    describeLedger(result.ledger),
    describeVerdicts(result.verdicts),
    describeAttacks(result.attacks),
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

function describeOutdated({ study, outdated = 0 }: StudyResult): string {
  if (outdated === 0) return ''
  return `${counted(outdated, 'run')} ${outdated === 1 ? 'was' : 'were'} evaluated by an earlier version of this program: gate, verdicts and statistics lack ${outdated === 1 ? 'it' : 'them'}. Evaluate anew, reusing all that is unchanged: tmu study run ${quoted(study)}`
}

function describeGate(result: StudyResult): string {
  const lines = result.gate.checks.map((check) => {
    const mark = check.passed === null ? 'n/a ' : check.passed ? 'ok  ' : 'FAIL'
    const value = check.value === null ? '' : `${gateFigure(check.value, check.required)} `
    return `  ${mark}  ${check.name}: ${value}(${check.required})${check.note === undefined ? '' : ` - ${check.note}`}`
  })
  return [`Validity gate: ${result.gate.passed ? 'passed' : 'not passed'}`, ...lines].join('\n')
}

/** As what is required of it is written: shares in percent, counts as whole numbers. */
function gateFigure(value: number, required: string): string {
  if (required.includes('%')) return formatPercent(value)
  return Number.isInteger(value) && !required.includes('.') ? String(value) : formatNumber(value, 2)
}

/** A sentence that holds for many runs, as where the gate failed, is said once. */
function describeVerdicts(verdicts: StudyResult['verdicts']): string {
  const alike = Map.groupBy(verdicts, ({ value, sentence }) => `${value}. ${sentence}`)
  return [...alike]
    .map(([text, group]) => `${group.map(({ method, seed }) => `${method} (seed ${seed})`).join(', ')}: ${text}`)
    .join('\n\n')
}

/** What is paid once and what with every request; what another study had paid already is marked. */
function describeLedger(ledger: CostLedger): string {
  const { perDataset, isOriginalGiven = false, perClass, reused, gold, perRequest, breakEven } = ledger
  const note = ({ stages }: StagesCost): string =>
    stages === 0 ? '' : `${stages} ${stages === 1 ? 'stage' : 'stages'} reused, paid by another study`
  const row = (what: string, cost: Cost, remark: string): readonly (string | number)[] => [
    what,
    formatDuration(cost.seconds),
    Math.round(cost.visitsBackward),
    Math.round(cost.visitsForward),
    remark,
  ]
  const methods = Object.entries(perRequest).map(([method, cost]) => {
    const after = breakEven[method] ?? null
    return row(method, cost, after === null ? '' : `cheaper than retraining from request ${after}`)
  })
  return `Cost:\n${table(
    ['WHAT', 'TIME', 'BACKWARD', 'FORWARD', 'NOTE'],
    [
      row(
        'once for the data set',
        perDataset,
        isOriginalGiven ? 'the original was given: its training is not counted' : note(reused.perDataset),
      ),
      row('once for the class', perClass, note(reused.perClass)),
      ...(gold === null ? [] : [row('one gold', gold, note(reused.golds))]),
      ...methods,
    ],
  )}`
}

export function describeRuns(runs: readonly Run[], settings: StudyResult['settings'] = {}): string {
  const known = Object.keys(settings).length > 0
  const cell = (run: Run, name: string, format: (value: number) => string): string => {
    const metric: Metric | undefined = run.metrics?.[name]
    return isPresent(metric) ? format(metric.value) : '–'
  }
  const gap = (run: Run): string => {
    const metric = run.metrics?.['gap']
    if (!isPresent(metric)) return '–'
    return metric.ci === null
      ? formatGap(metric.value)
      : `${formatGap(metric.value)} (${formatGap(metric.ci[0])} to ${formatGap(metric.ci[1])})`
  }
  return table(
    [
      'METHOD',
      'SEED',
      'STATE',
      'FORGET ACC.',
      'GAP TO GOLD (95 % CI)',
      'EASY/HARD AGR.',
      'AGREEMENT',
      'JS',
      'RETAIN ACC.',
      'EVAL. ACC.',
      'COST',
      ...(known ? ['SETTINGS'] : []),
    ],
    runs.map((run) => [
      run.method,
      run.seed,
      run.state,
      cell(run, 'forgetAccuracy', formatPercent),
      gap(run),
      cell(run, 'easyHardAgreement', formatPercent),
      cell(run, 'agreement', formatPercent),
      cell(run, 'jsDivergence', (value) => value.toFixed(3)),
      cell(run, 'retainAccuracy', formatPercent),
      cell(run, 'evaluationAccuracy', formatPercent),
      run.cost === null ? '–' : formatDuration(run.cost.seconds),
      ...(known ? [settings[run.method] ?? ''] : []),
    ]),
  )
}

/** `study run` and `demo` exit 1 when a run failed, whatever the gate says. */
export function exitCodeOfResult(result: StudyResult): 0 | 1 {
  return result.runs.every((run) => run.state === 'succeeded') ? 0 : 1
}
