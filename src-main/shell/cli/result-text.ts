import { isPresent, type Metric } from '#shared/domain/metrics.ts'
import type { Run, StudyResult } from '#shared/domain/study.ts'
import { formatDuration, formatGap, formatPercent } from '#shared/units.ts'
import { table } from './output.ts'

/** A study's result for people: gate, one line a run against the gold, verdict sentences. */
export function describeResult(result: StudyResult): string {
  const parts = [
    `Study ${result.study} on ${result.engine}: ${result.stages.computed} stages computed, ${result.stages.reused} reused, ${result.stages.failed} failed, ${formatDuration(result.seconds)}`,
    describeGate(result),
    describeRuns(result.runs),
    ...result.verdicts.map(
      (verdict) => `${verdict.method} (seed ${verdict.seed}): ${verdict.value}, ${verdict.label}. ${verdict.sentence}`,
    ),
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

function describeGate(result: StudyResult): string {
  const lines = result.gate.checks.map((check) => {
    const mark = check.passed === null ? 'n/a ' : check.passed ? 'ok  ' : 'FAIL'
    const value =
      check.value === null ? '' : `${Math.abs(check.value) <= 1 ? check.value.toFixed(3) : check.value.toFixed(1)} `
    return `  ${mark}  ${check.name}: ${value}(${check.required})${check.note === undefined ? '' : ` - ${check.note}`}`
  })
  return [`Validity gate: ${result.gate.passed ? 'passed' : 'not passed'}`, ...lines].join('\n')
}

export function describeRuns(runs: readonly Run[]): string {
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
    ]),
  )
}

/** `study run` and `demo` exit 1 when a run failed, whatever the gate says. */
export function exitCodeOfResult(result: StudyResult): 0 | 1 {
  return result.runs.every((run) => run.state === 'succeeded') ? 0 : 1
}
