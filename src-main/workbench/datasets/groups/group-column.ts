import { counted, grouped, quoted } from '#main/formats/text.ts'
import type { GroupReport } from '#shared/domain/dataset.ts'
import { AppError } from '#shared/errors.ts'
import { compareNatural } from '../natural-order.ts'

/** A list of values is held in the data set's row: more of them than this are no groups. */
const maxValues = 100_000
const maxValueLength = 200
const exampleCount = 8

/** A column before it is stored: one text a sample, null where it isn't known. */
export interface GroupValues {
  readonly name: string
  readonly values: readonly (string | null)[]
}

export interface CodedGroup {
  readonly name: string
  readonly values: readonly string[]
  readonly codes: Int32Array
}

/** @throws AppError `bad-input`: a name that is none, no value at all, or as many that it can't be a group column. */
export function codeGroup({ name, values }: GroupValues): CodedGroup {
  checkGroupName(name)
  const distinct = new Set<string>()
  for (const value of values) {
    if (value === null) continue
    if (value.length > maxValueLength) {
      throw refuse(
        `The group column ${quoted(name)} has a value of ${grouped(value.length)} characters: ${quoted(value, 40)}.`,
      )
    }
    distinct.add(value)
  }
  if (distinct.size === 0) throw refuse(`The group column ${quoted(name)} has no value for any sample.`)
  if (distinct.size > maxValues) {
    throw refuse(
      `The group column ${quoted(name)} has ${counted(distinct.size, 'value')}; at most ${grouped(maxValues)} can be kept.`,
    )
  }
  const sorted = [...distinct].sort(compareNatural)
  const codeOf = new Map(sorted.map((value, code) => [value, code]))
  return {
    name,
    values: sorted,
    codes: Int32Array.from(values, (value) => (value === null ? -1 : (codeOf.get(value) ?? -1))),
  }
}

export function checkGroupName(name: string): void {
  if (!/^[\p{L}_][\p{L}\p{N}_ -]{0,59}$/u.test(name)) {
    throw refuse(
      `${quoted(name)} can't be the name of a group column.`,
      'Use letters, digits, underscores, spaces and hyphens.',
    )
  }
}

/** @throws AppError `bad-input` when two columns have one name. */
export function checkDistinct(names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) {
    throw refuse(`Two group columns are named ${quoted(twice)}.`, 'Give one of them another name.')
  }
}

export function reportOf({ name, values }: GroupValues, sampleNames: readonly string[]): GroupReport {
  const groups = new Map<string, { count: number; readonly sample: string }>()
  const unmatchedExamples: string[] = []
  let unmatched = 0
  values.forEach((value, index) => {
    if (value === null) {
      unmatched++
      if (unmatchedExamples.length < exampleCount) unmatchedExamples.push(sampleNames[index])
      return
    }
    const group = groups.get(value)
    if (group === undefined) groups.set(value, { count: 1, sample: sampleNames[index] })
    else group.count++
  })
  const examples = [...groups]
    .map(([value, { count, sample }]) => ({ value, count, sample }))
    .sort((a, b) => b.count - a.count || compareNatural(a.value, b.value))
    .slice(0, exampleCount)
  return { name, matched: values.length - unmatched, unmatched, valueCount: groups.size, examples, unmatchedExamples }
}

function refuse(message: string, hint = 'Choose another pattern or column.'): AppError {
  return new AppError('bad-input', message, { hint })
}
