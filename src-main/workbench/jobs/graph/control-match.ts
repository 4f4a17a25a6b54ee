import type { StageNode } from '#main/compute/stages.ts'
import { baseMethodOf } from '#shared/domain/method-variant.ts'
import { controlMethod } from './compiled-study.ts'
import type { Unlearned } from './unlearning.ts'

export const controlReasons = {
  absent: 'the study has no count-matched random control',
  itself: 'this is a count-matched random control itself',
  noLabels: 'the method unlearns without easy and hard labels, so there is no number of hard ones to match',
  otherLabels: 'the count-matched control has as many hard labels as TMU predicts, which are not those of this method',
  otherSettings: 'the count-matched control unlearns with other settings than this method',
} as const

/**
 * Why a count-matched random control says nothing about a method; null where the two differ in nothing but which of the
 * samples are hard. Else a difference between them would be one of counts or of settings too.
 */
export function controlMismatch(method: string, own: Unlearned, control: Unlearned | null): string | null {
  if (baseMethodOf(method) === controlMethod) return controlReasons.itself
  if (own.labelling === null) return controlReasons.noLabels
  if (control === null) return controlReasons.absent
  const matched = control.labelling?.labels.inputs['predicted']
  if (matched === undefined || !('stage' in matched) || matched.stage !== own.labelling.labels.key) {
    return controlReasons.otherLabels
  }
  return training(own.unlearn) === training(control.unlearn) ? null : controlReasons.otherSettings
}

/** All that decides an unlearning but its labels. */
function training({ params, inputs, seed }: StageNode<'unlearn'>): string {
  const { method: _, options, ...rest } = params
  const { easyHard: __, ...others } = inputs
  const sorted = (record: Readonly<Record<string, unknown>>) =>
    Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify([rest, sorted(options), sorted(others), seed])
}
