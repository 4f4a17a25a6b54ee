import { AppError } from '#shared/errors.ts'

export const setNames = ['forget', 'retain', 'evaluation'] as const
export type SetName = (typeof setNames)[number]

/** Row-major. */
export type FloatArray = Float32Array | Float64Array

export interface SampleSet {
  readonly count: number
  /** [count], each 0 .. classCount - 1. */
  readonly labels: Int32Array
  /** [count], unique; integers in decimal. */
  readonly ids: readonly string[] | null
}

export interface SetPredictions {
  /** [count, classCount], finite. */
  readonly logits: FloatArray | null
  /** [count, width], finite. */
  readonly features: { readonly data: FloatArray; readonly width: number } | null
}

export type ModelPredictions = { readonly [S in SetName]?: SetPredictions }

/**
 * The stored predictions of a model, of the golds and of others on the same samples: all that metrics read.
 * Models are `original`, `gold0`, `gold1`, …, `unlearned` or `unlearned0`, `unlearned1`, … (repeats), `randomInit`.
 */
export interface Outcome {
  readonly classCount: number
  readonly sets: { readonly forget: SampleSet; readonly retain?: SampleSet; readonly evaluation?: SampleSet }
  readonly models: ReadonlyMap<string, ModelPredictions>
}

/** Names of the outcome's golds, by number. */
export function goldNames(outcome: Outcome): readonly string[] {
  return numbered(outcome, 'gold')
}

/** `unlearned`, or its repeats by number. */
export function unlearnedNames(outcome: Outcome): readonly string[] {
  return numbered(outcome, 'unlearned')
}

function numbered(outcome: Outcome, prefix: string): readonly string[] {
  const numberOf = (name: string): number => Number(name.slice(prefix.length))
  return [...outcome.models.keys()].filter((name) => name.startsWith(prefix)).sort((a, b) => numberOf(a) - numberOf(b))
}

/** The outcome without some of its golds: the oracle read gold 0's labels, so only the others may score it. */
export function withoutGolds(outcome: Outcome, golds: readonly string[]): Outcome {
  for (const gold of golds) requireModel(outcome, gold)
  return { ...outcome, models: new Map([...outcome.models].filter(([name]) => !golds.includes(name))) }
}

/**
 * The outcome with `model` in the place of the unlearned one, so that a gold or the original is scored by the same
 * code. A gold that is scored is no longer among the golds, or it would be compared with itself; `dropGolds` names
 * further ones.
 */
export function asUnlearned(
  outcome: Outcome,
  model: string,
  options: { readonly dropGolds?: readonly string[] } = {},
): Outcome {
  const predictions = requireModel(outcome, model)
  const dropped = new Set(options.dropGolds ?? [])
  for (const gold of dropped) requireModel(outcome, gold)
  if (model.startsWith('gold')) dropped.add(model)
  const models = new Map([...outcome.models].filter(([name]) => !name.startsWith('unlearned') && !dropped.has(name)))
  models.set('unlearned', predictions)
  return { ...outcome, models }
}

function requireModel(outcome: Outcome, model: string): ModelPredictions {
  const predictions = outcome.models.get(model)
  if (predictions === undefined) {
    throw new AppError('bad-input', `The outcome has no model "${model}".`, {
      hint: `Its models are ${[...outcome.models.keys()].join(', ')}.`,
    })
  }
  return predictions
}
