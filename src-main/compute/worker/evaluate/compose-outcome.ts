/** The outcome file of a run (SCIENCE section 3) from the predictions of its models. */
import type { SetName } from '#main/metrics/outcome.ts'
import { AppError } from '#shared/errors.ts'
import type { StoredArray, StoredArrays } from '../stage-runner.ts'

export interface OutcomeParts {
  /** Label of every sample of the data set. */
  readonly labels: Int32Array
  /** Sample indices of each set there is. */
  readonly sets: ReadonlyMap<SetName, Int32Array>
  /** `unlearned`, `original`, `gold0`, … -> what its predict stage gave. */
  readonly models: ReadonlyMap<string, StoredArrays>
}

/**
 * `labels/SET`, `ids/SET`, `MODEL/SET/logits` and `MODEL/SET/features`. A model's predictions on sets the outcome hasn't
 * are left out.
 * @throws AppError `internal` when a model was asked about other samples than the outcome's: its rows would be
 * compared with those of other images.
 */
export function composeOutcome({ labels, sets, models }: OutcomeParts): StoredArrays {
  const arrays: Record<string, StoredArray> = {}
  for (const [set, ids] of sets) {
    arrays[`ids/${set}`] = { shape: [ids.length], data: ids }
    arrays[`labels/${set}`] = { shape: [ids.length], data: ids.map((id) => labelOf(labels, id)) }
  }
  for (const [model, predictions] of models) {
    for (const [set, ids] of sets) {
      for (const kind of ['logits', 'features']) {
        if (!Object.hasOwn(predictions, `${set}/${kind}`)) continue
        requireSameSamples(model, set, ids, predictions[`ids/${set}`])
        arrays[`${model}/${set}/${kind}`] = predictions[`${set}/${kind}`]
      }
    }
  }
  return arrays
}

function labelOf(labels: Int32Array, id: number): number {
  if (id < labels.length) return labels[id]
  throw new AppError('corrupt', `There is no sample ${id} among the ${labels.length} of the data set.`)
}

function requireSameSamples(model: string, set: SetName, ids: Int32Array, asked: StoredArray | undefined): void {
  const same = asked !== undefined && asked.data.length === ids.length && ids.every((id, i) => asked.data[i] === id)
  if (!same)
    throw new AppError('internal', `The predictions of ${model} on ${set} are of other samples than the outcome's.`)
}
