/** What every attack reads: F and its labels, non-members, predictions by sample, and the parts of F. */
import { figuresOf } from '#main/metrics/figures.ts'
import { nonMembersOf } from '#main/metrics/non-members.ts'
import type { AttackSubset } from '#shared/domain/attack.ts'
import { AppError } from '#shared/errors.ts'
import type { ObjectHash } from '#shared/ids.ts'
import type { StageSpec } from '../../stages.ts'
import { readLabels } from '../array-objects.ts'
import { inputOf, optionalInputOf, type RunnerContext, type StoredArrays } from '../stage-runner.ts'
import { readLabels as readEasyHard } from '../tmu/predictor-stages.ts'

export type AttackSpec = StageSpec<'attack'>

/** Samples of one kind and their labels. */
export interface Samples {
  readonly ids: Int32Array
  readonly labels: Int32Array
}

/** Unseen samples of F's classes, weighted to its class mix. */
export interface Unseen extends Samples {
  readonly weights: Float64Array
}

export interface AttackMaterial {
  readonly spec: AttackSpec
  readonly context: RunnerContext
  /** Of the whole data set. */
  readonly labels: Int32Array
  readonly forget: Samples
  readonly nonMembers: Unseen | { readonly absent: string }
  /** Positions in F of its parts, those that can be told. */
  readonly subsets: Readonly<Partial<Record<AttackSubset, Int32Array>>>
}

export async function readMaterial(spec: AttackSpec, context: RunnerContext): Promise<AttackMaterial> {
  const labels = await readLabels(context.objects, inputOf(spec, 'labels'))
  const forget = samplesOf(await context.readIds(inputOf(spec, 'forget')), labels)
  const evaluation = optionalInputOf(spec, 'audit') ?? optionalInputOf(spec, 'evaluation')
  const nonMembers: AttackMaterial['nonMembers'] =
    evaluation === null
      ? { absent: 'The split has no evaluation samples.' }
      : unseen(forget, samplesOf(await context.readIds(evaluation), labels), spec.params.classCount)
  const subsets = await partsOfForget(context, forget, spec.params.classCount, {
    truths: numbered(spec, 'truth').map((name) => inputOf(spec, name)),
    easyHard: optionalInputOf(spec, 'easyHard'),
  })
  return { spec, context, labels, forget, nonMembers, subsets }
}

export function samplesOf(ids: Int32Array, labels: Int32Array): Samples {
  return { ids, labels: ids.map((id) => labels[id]) }
}

function unseen(forget: Samples, evaluation: Samples, classCount: number): AttackMaterial['nonMembers'] {
  const sets = {
    forget: { count: forget.ids.length, labels: forget.labels, ids: null },
    evaluation: { count: evaluation.ids.length, labels: evaluation.labels, ids: null },
  }
  const found = nonMembersOf({ classCount, sets, models: new Map() }, (label) => `Class ${label}`)
  if ('absent' in found) return found
  const at = (values: Int32Array): Int32Array => found.positions.map((position) => values[position])
  return { ids: at(evaluation.ids), labels: at(evaluation.labels), weights: found.weights }
}

/** Names of the inputs `prefix0`, `prefix1`, … that there are, by number. */
export function numbered<Prefix extends 'truth' | 'gold' | 'unlearned' | 'shadow' | 'members'>(
  spec: { readonly inputs: Readonly<Record<string, ObjectHash>> },
  prefix: Prefix,
): readonly `${Prefix}${number}`[] {
  const numberOf = (name: string): number => Number(name.slice(prefix.length))
  return Object.keys(spec.inputs)
    .filter((name): name is `${Prefix}${number}` => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
    .sort((a, b) => numberOf(a) - numberOf(b))
}

type InputName = Parameters<typeof inputOf<'attack'>>[1]

/** Logits [ids.length, K] of a predict stage's output, for some of the samples of one of its sets. */
export async function logitsAt(
  { spec, context }: Pick<AttackMaterial, 'spec' | 'context'>,
  input: InputName,
  set: 'forget' | 'retain' | 'evaluation',
  ids: Int32Array,
): Promise<Float32Array> {
  return rowsAt(await context.readArrays(inputOf(spec, input)), input, set, ids, spec.params.classCount)
}

function rowsAt(arrays: StoredArrays, input: string, set: string, ids: Int32Array, width: number): Float32Array {
  const known = arrays[`ids/${set}`]?.data
  const logits = arrays[`${set}/logits`]?.data
  if (known === undefined || !(logits instanceof Float32Array)) {
    throw new AppError('internal', `The predictions "${input}" of an attack lack the set ${set}.`)
  }
  const rows = new Float32Array(ids.length * width)
  let at = 0
  for (const [row, id] of ids.entries()) {
    // Both lists ascend.
    while (at < known.length && known[at] < id) at++
    if (known[at] !== id) {
      throw new AppError('internal', `The predictions "${input}" of an attack are of other samples than its ${set}.`)
    }
    rows.set(logits.subarray(at * width, (at + 1) * width), row * width)
  }
  return rows
}

/**
 * Easy and hard by the golds (most of them right, most of them wrong; where they are divided, neither) and by the labels
 * the run unlearned with (abstained: neither). `truths` are predictions of the golds.
 */
export async function partsOfForget(
  context: RunnerContext,
  forget: Samples,
  classCount: number,
  { truths, easyHard }: { readonly truths: readonly ObjectHash[]; readonly easyHard: ObjectHash | null },
): Promise<AttackMaterial['subsets']> {
  const subsets: Partial<Record<AttackSubset, Int32Array>> = {}
  if (truths.length > 0) {
    const right = new Float64Array(forget.ids.length)
    for (const [number, truth] of truths.entries()) {
      const logits = rowsAt(await context.readArrays(truth), `truth${number}`, 'forget', forget.ids, classCount)
      const { correct } = figuresOf(logits, forget.labels, classCount)
      for (let i = 0; i < right.length; i++) right[i] += correct[i]
    }
    subsets.trueEasy = positionsWhere(right, (count) => count > truths.length / 2)
    subsets.trueHard = positionsWhere(right, (count) => count < truths.length / 2)
  }
  if (easyHard !== null) {
    // Samples that the run left out of unlearning have no label, whatever the predictor's threshold says of them.
    const { easy, abstained } = await readEasyHard(context, easyHard, forget.ids)
    const labelled = (wanted: number) => (value: number, i: number) => value === wanted && abstained?.[i] !== 1
    subsets.predictedEasy = positionsWhere(easy, labelled(1))
    subsets.predictedHard = positionsWhere(easy, labelled(0))
  }
  return subsets
}

function positionsWhere(values: ArrayLike<number>, holds: (value: number, i: number) => boolean): Int32Array {
  const found: number[] = []
  for (let i = 0; i < values.length; i++) if (holds(values[i], i)) found.push(i)
  return Int32Array.from(found)
}
