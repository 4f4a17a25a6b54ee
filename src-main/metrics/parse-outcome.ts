import { AppError } from '#shared/errors.ts'
import type { FloatArray, ModelPredictions, Outcome, SampleSet, SetName, SetPredictions } from './outcome.ts'
import { setNames } from './outcome.ts'

/** One decoded array of an outcome file. 16-bit floats come widened to Float32Array. */
export interface OutcomeArray {
  /** As the file calls it; for messages only. */
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data: ArrayBufferView | readonly string[]
}

const modelPattern = /^(?:original|randomInit|gold(?:0|[1-9]\d*)|unlearned(?:0|[1-9]\d*)?)$/
const naming =
  'Allowed are labels/SET, ids/SET, MODEL/SET/logits and MODEL/SET/features, where SET is forget, retain or evaluation ' +
  'and MODEL is original, gold0, gold1, …, unlearned (or unlearned0, unlearned1, …) or randomInit.'

/**
 * Checks the arrays of an outcome file and turns them into an Outcome; float arrays are kept, not copied.
 * @throws AppError `bad-input` naming the array: unknown names, wrong types, shapes or counts, NaN or infinite
 * values, labels outside 0..K-1, duplicate ids, no `labels/forget`, no logits of `unlearned` on `forget`.
 */
export function parseOutcome(arrays: ReadonlyMap<string, OutcomeArray>): Outcome {
  for (const name of arrays.keys()) checkName(name)
  const unlearned = checkUnlearned(arrays)

  const reference = `${unlearned[0]}/forget/logits`
  const classCount = matrixShape(arrays, reference)[1]
  if (classCount < 2) throw refuse(reference, `has ${classCount} column; at least two classes are needed`)

  const sets: { forget?: SampleSet; retain?: SampleSet; evaluation?: SampleSet } = {}
  for (const set of setNames) {
    const used = [...arrays.keys()].find((name) => name.split('/')[1] === set)
    if (used === undefined) continue
    if (!arrays.has(`labels/${set}`)) throw refuse(used, `has no labels: the array labels/${set} is missing`)
    sets[set] = readSet(arrays, set, classCount)
  }
  const { forget } = sets
  if (forget === undefined) throw missing('labels/forget')

  const models = new Map<string, ModelPredictions>()
  for (const name of arrays.keys()) {
    const [model, set, kind] = splitName(name)
    if (kind === undefined) continue
    const count = sets[set]?.count ?? 0
    const known = models.get(model) ?? {}
    const before: SetPredictions = known[set] ?? { logits: null, features: null }
    const [rows, columns] = matrixShape(arrays, name)
    if (rows !== count) throw refuse(name, `has ${rows} rows, but labels/${set} has ${count} samples`)
    if (kind === 'logits' && columns !== classCount) {
      throw refuse(name, `has ${columns} columns, but ${reference} has ${classCount}`)
    }
    const data = readFloats(arrays, name, columns)
    const after = kind === 'logits' ? { ...before, logits: data } : { ...before, features: { data, width: columns } }
    models.set(model, { ...known, [set]: after })
  }
  return { classCount, sets: { ...sets, forget }, models }
}

function splitName(name: string): readonly [owner: string, set: SetName, kind: 'logits' | 'features' | undefined] {
  const [owner, set, kind] = name.split('/')
  return [owner, set as SetName, kind as 'logits' | 'features' | undefined]
}

function checkName(name: string): void {
  const parts = name.split('/')
  const [owner, set, kind] = parts
  const problem = (what: string): AppError =>
    new AppError('bad-input', `The outcome's array "${name}" ${what}.`, { hint: naming })
  if (parts.length !== 2 && parts.length !== 3) throw problem('has no name of an outcome file')
  if (!(setNames as readonly string[]).includes(set)) throw problem(`names the unknown set "${set}"`)
  if (parts.length === 2) {
    if (owner !== 'labels' && owner !== 'ids') throw problem('has no name of an outcome file')
    return
  }
  if (!modelPattern.test(owner)) throw problem(`names the unknown model "${owner}"`)
  if (kind !== 'logits' && kind !== 'features') throw problem(`is neither logits nor features`)
}

/** Names of the unlearned model or its repeats: all need logits on forget. */
function checkUnlearned(arrays: ReadonlyMap<string, OutcomeArray>): readonly string[] {
  const names = new Set<string>()
  for (const name of arrays.keys()) if (name.startsWith('unlearned')) names.add(splitName(name)[0])
  if (names.size === 0) throw missing('unlearned/forget/logits')
  if (names.has('unlearned') && names.size > 1) {
    const repeat = [...names].find((name) => name !== 'unlearned')
    throw new AppError('bad-input', `The outcome has both a model "unlearned" and a repeat "${repeat}".`, {
      hint: 'Number all repeats from unlearned0 on, or keep the single model "unlearned".',
    })
  }
  for (const name of names) if (!arrays.has(`${name}/forget/logits`)) throw missing(`${name}/forget/logits`)
  return [...names].sort()
}

function readSet(arrays: ReadonlyMap<string, OutcomeArray>, set: SetName, classCount: number): SampleSet {
  const labelName = `labels/${set}`
  const values = readIntegers(arrays, labelName)
  const count = values.length
  if (count === 0) throw refuse(labelName, 'is empty; a set needs at least one sample')
  const labels = new Int32Array(count)
  for (let i = 0; i < count; i++) {
    const label = Number(values[i])
    if (label < 0 || label >= classCount) {
      throw refuse(labelName, `has label ${values[i]} at position ${i}; labels are 0 to ${classCount - 1}`)
    }
    labels[i] = label
  }
  return { count, labels, ids: readIds(arrays, set, count) }
}

function readIds(arrays: ReadonlyMap<string, OutcomeArray>, set: SetName, count: number): readonly string[] | null {
  const name = `ids/${set}`
  const array = arrays.get(name)
  if (array === undefined) return null
  const values = isStrings(array.data) ? checkVector(name, array, array.data) : readIntegers(arrays, name)
  if (values.length !== count) throw refuse(name, `has ${values.length} ids, but labels/${set} has ${count} samples`)
  const ids: string[] = []
  const seen = new Set<string>()
  for (const value of values) {
    const id = String(value)
    if (seen.has(id)) throw refuse(name, `has the id ${id} more than once`)
    seen.add(id)
    ids.push(id)
  }
  return ids
}

type Integers = ArrayLike<number | bigint> & Iterable<number | bigint>

function readIntegers(arrays: ReadonlyMap<string, OutcomeArray>, name: string): Integers {
  const array = required(arrays, name)
  const { data } = array
  if (
    data instanceof Int32Array ||
    data instanceof BigInt64Array ||
    data instanceof Uint8Array ||
    data instanceof Int8Array ||
    data instanceof Int16Array ||
    data instanceof Uint16Array ||
    data instanceof Uint32Array ||
    data instanceof BigUint64Array
  ) {
    return checkVector<Integers>(name, array, data)
  }
  throw refuse(name, `holds ${array.dtype} values where integers are needed`)
}

function checkVector<T extends ArrayLike<unknown>>(name: string, array: OutcomeArray, data: T): T {
  if (array.shape.length !== 1) throw refuse(name, `has shape ${shapeText(array.shape)} where [n] is needed`)
  if (data.length !== array.shape[0]) throw truncated(name, array, data.length)
  return data
}

function matrixShape(
  arrays: ReadonlyMap<string, OutcomeArray>,
  name: string,
): readonly [rows: number, columns: number] {
  const { shape } = required(arrays, name)
  const needed = name.endsWith('/logits') ? '[n, K]' : '[n, d]'
  if (shape.length !== 2) throw refuse(name, `has shape ${shapeText(shape)} where ${needed} is needed`)
  if (shape[1] < 1) throw refuse(name, `has shape ${shapeText(shape)}: it has no columns`)
  return [shape[0], shape[1]]
}

function readFloats(arrays: ReadonlyMap<string, OutcomeArray>, name: string, columns: number): FloatArray {
  const array = required(arrays, name)
  const { data } = array
  if (!(data instanceof Float32Array || data instanceof Float64Array)) {
    throw refuse(name, `holds ${array.dtype} values where floats are needed`)
  }
  if (data.length !== array.shape[0] * columns) throw truncated(name, array, data.length)
  for (let i = 0; i < data.length; i++) {
    if (!Number.isFinite(data[i])) {
      const value = Number.isNaN(data[i]) ? 'NaN' : 'an infinite value'
      throw refuse(name, `holds ${value} in row ${Math.floor(i / columns)}, column ${i % columns}`)
    }
  }
  return data
}

function isStrings(data: OutcomeArray['data']): data is readonly string[] {
  return Array.isArray(data)
}

function required(arrays: ReadonlyMap<string, OutcomeArray>, name: string): OutcomeArray {
  const array = arrays.get(name)
  if (array === undefined) throw missing(name)
  return array
}

function shapeText(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`
}

function refuse(name: string, what: string): AppError {
  return new AppError('bad-input', `The outcome's array ${name} ${what}.`, {
    hint: 'Correct this array and write the file again.',
    details: { array: name },
  })
}

function truncated(name: string, array: OutcomeArray, length: number): AppError {
  return refuse(name, `has shape ${shapeText(array.shape)} but holds ${length} values`)
}

function missing(name: string): AppError {
  return new AppError('bad-input', `The outcome has no array ${name}.`, {
    hint: 'An outcome needs at least labels/forget and unlearned/forget/logits.',
    details: { array: name },
  })
}
