import { counted } from '#main/formats/text.ts'
import type { StudyPlan } from '#shared/domain/study.ts'
import { fewTwinSamples } from '#shared/domain/tmu.ts'
import { formatDuration, formatMebibytes } from '#shared/units.ts'
import { shellWord, table } from './output.ts'

/** What a study would compute, one line a stage. */
export function describePlan(plan: StudyPlan): string {
  const { originals, golds, twins, shadows } = plan.trains
  const shadowWords = shadows === 0 ? '' : `, ${shadows} shadow models`
  const { count, slots, stageMemory } = plan.workers
  const workers =
    count < slots
      ? `; ${count} of ${slots} workers, since a stage takes ${formatMebibytes(stageMemory)} of memory`
      : `; ${count} ${count === 1 ? 'worker' : 'workers'}`
  const time = plan.seconds === null ? 'time not known yet' : `about ${formatDuration(plan.seconds)}`
  return [
    `${plan.study} on ${plan.engine}: computes ${counted(plan.toCompute, 'stage')}, reuses ${plan.toReuse}; trains ${counted(originals, 'original')}, ${counted(golds, 'gold')}, ${counted(twins, 'twin')}${shadowWords}; ${time}${workers}`,
    ...twinLines(plan),
    table(
      ['STAGE', 'WHAT', 'STATE', 'FORWARD', 'BACKWARD', 'KEY'],
      plan.stages.map((stage) => [
        stage.kind,
        stage.label,
        stage.state,
        stage.estimate.visitsForward,
        stage.estimate.visitsBackward,
        stage.key.slice(0, 12),
      ]),
    ),
  ].join('\n')
}

/** What is to be known of the twin problem before it is trained on. */
export function twinLines({ study, twin, toCompute }: StudyPlan): readonly string[] {
  if (twin === null || toCompute === 0) return []
  const { samples, lacking, scarce } = twin
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
  const less = scarce.map((one) => `${one.className} (${percent(one.share)} of it, ${percent(one.forgetShare)} of F)`)
  const of = lacking.map(({ className, forget }) => `${className} (${forget} to forget)`).join(', ')
  return [
    ...(lacking.length === 0
      ? []
      : [`note: the twin set has no sample of ${of}; the twin problem can say nothing of these.`]),
    ...(less.length === 0 ? [] : [`note: the twin set has few samples of ${less.join(', ')}.`]),
    ...(samples < fewTwinSamples
      ? [`note: the twin set has only ${counted(samples, 'sample')}; what is learned from so few is uncertain.`]
      : []),
    `The twin set has ${counted(samples, 'sample')}. Do they look like those to forget? tmu study test ${shellWord(study)}`,
  ]
}
