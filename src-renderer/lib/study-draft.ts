import { augmentations, forgetSizeKey } from '#shared/domain/study.ts'
import type { MethodInfo } from '#shared/domain/system.ts'
import {
  type ParameterField,
  type ParameterProblem,
  parameterFields,
  parameterProblem,
  parameterValue,
} from './json-schema.ts'

/** A study as it is being filled in: texts as they were typed. */
export interface StudyDraft {
  name: string
  dataset: string
  forgetSet: string
  architecture: string
  /** Path of a file of weights; empty: the original is trained. */
  original: string
  /** Empty: the best engine there is. */
  engine: string
  methods: string[]
  seeds: string
  golds: string
  /** `epochs`, …, `METHOD.KEY` -> what was typed; empty means the default. */
  settings: Record<string, string>
  sweep: readonly SweptFactor[]
  /** Every combination of a method's swept keys. */
  grid: boolean
}

/** A swept parameter: METHOD.KEY and its values as typed, separated by commas. */
export interface SweptFactor {
  readonly key: string
  readonly values: string
}

export function emptyDraft(): StudyDraft {
  return {
    name: '',
    dataset: '',
    forgetSet: '',
    architecture: '',
    original: '',
    engine: '',
    methods: [],
    seeds: '1',
    golds: '2',
    settings: {},
    sweep: [],
    grid: false,
  }
}

const number = (
  key: string,
  minimum: number | null,
  maximum: number | null,
  more: Partial<ParameterField> = {},
): ParameterField => ({
  key,
  kind: 'integer',
  description: null,
  fallback: null,
  minimum,
  maximum,
  exclusiveMinimum: false,
  exclusiveMaximum: false,
  choices: [],
  ...more,
})

/** The settings of a study that belong to no method. */
export const recipeFields: readonly ParameterField[] = [
  number('epochs', 1, 10_000),
  number('lr', 0, 10, { kind: 'number', exclusiveMinimum: true }),
  number('batchSize', 1, 4096),
  number('optimizer', null, null, { kind: 'choice', fallback: 'adam', choices: ['sgd'] }),
  number('schedule', null, null, { kind: 'choice', fallback: 'cosine', choices: ['constant'] }),
  number('momentum', 0, 1, { kind: 'number', exclusiveMaximum: true }),
  number('weightDecay', 0, 1, { kind: 'number' }),
  number('augment', null, null, { kind: 'choice', fallback: 'none', choices: augmentations }),
  number('earlyEpoch', 1, 10_000),
  number('threshold', 0, 1, { kind: 'number' }),
  number('splitSeed', 0, 2 ** 31 - 1),
]

const sizeField = number(forgetSizeKey, 1, null)

export type DraftProblem =
  | 'name-missing'
  | 'name-wrong'
  | 'name-taken'
  | 'dataset-missing'
  | 'forget-missing'
  | 'methods-missing'
  | 'seeds-wrong'
  | 'golds-wrong'
  | 'sweep-missing'
  | 'sweep-unknown'
  | 'sweep-sizes'
  | `setting-${ParameterProblem}`

/** Field -> what is wrong with it. The workbench checks all of it again, by the same rules. */
export function draftProblems(
  draft: StudyDraft,
  methods: readonly MethodInfo[],
  takenNames: readonly string[],
): ReadonlyMap<string, DraftProblem> {
  const problems = new Map<string, DraftProblem>()
  const name = draft.name.trim()
  if (name === '') problems.set('name', 'name-missing')
  else if (name.length > 120 || /[\p{Cc}/\\]/u.test(name)) problems.set('name', 'name-wrong')
  else if (takenNames.includes(name)) problems.set('name', 'name-taken')
  if (draft.dataset === '') problems.set('dataset', 'dataset-missing')
  if (draft.forgetSet === '') problems.set('forgetSet', 'forget-missing')
  if (draft.methods.length === 0) problems.set('methods', 'methods-missing')
  if (!isWhole(draft.seeds, 1, 100)) problems.set('seeds', 'seeds-wrong')
  if (!isWhole(draft.golds, 1, 32)) problems.set('golds', 'golds-wrong')
  for (const [key, field] of settingFields(draft, methods)) {
    const problem = parameterProblem(field, draft.settings[key] ?? '')
    if (problem !== null) problems.set(key, `setting-${problem}`)
  }
  const sweepable = new Map([[forgetSizeKey, sizeField], ...settingFields(draft, methods)])
  draft.sweep.forEach(({ key, values }, position) => {
    const field = sweepable.get(key)
    const typed = typedValues(values)
    if (field === undefined) problems.set(`sweep.${position}`, 'sweep-unknown')
    else if (typed.length === 0) problems.set(`sweep.${position}`, 'sweep-missing')
    else if (key === forgetSizeKey && new Set(typed).size < 2) problems.set(`sweep.${position}`, 'sweep-sizes')
    for (const value of field === undefined ? [] : typed) {
      const problem = parameterProblem(field as ParameterField, value)
      if (problem !== null) problems.set(`sweep.${position}`, `setting-${problem}`)
    }
  })
  return problems
}

/** METHOD.KEY of every parameter of the chosen methods, and the size of F. */
export function sweepableKeys(draft: StudyDraft, methods: readonly MethodInfo[]): readonly string[] {
  return [...[...settingFields(draft, methods)].flatMap(([key]) => (key.includes('.') ? [key] : [])), forgetSizeKey]
}

/** Sizes of F, each of which is a study of its own; undefined: the forget set as it is. */
export function draftSizes({ sweep }: StudyDraft): readonly number[] | undefined {
  const sizes = sweep.flatMap(({ key, values }) => (key === forgetSizeKey ? typedValues(values).map(Number) : []))
  return sizes.length === 0 ? undefined : sizes
}

/** The sweep of methods' parameters as the contract takes it; undefined: none. */
export function draftSweep(
  draft: StudyDraft,
  methods: readonly MethodInfo[],
): { readonly factors: Record<string, (number | string | boolean)[]>; readonly grid: boolean } | undefined {
  const sweepable = new Map(settingFields(draft, methods))
  const factors: Record<string, (number | string | boolean)[]> = {}
  for (const { key, values } of draft.sweep) {
    const field = sweepable.get(key)
    if (field === undefined) continue
    factors[key] = [...(factors[key] ?? []), ...typedValues(values).map((value) => parameterValue(field, value))]
  }
  return Object.keys(factors).length === 0 ? undefined : { factors, grid: draft.grid }
}

function typedValues(values: string): readonly string[] {
  return values
    .split(',')
    .map((value) => value.trim())
    .filter((value) => value !== '')
}

/** The settings that were typed, of the recipe and of the chosen methods, as the contract takes them. */
export function draftSettings(
  draft: StudyDraft,
  methods: readonly MethodInfo[],
): Record<string, number | string | boolean> {
  const settings: Record<string, number | string | boolean> = {}
  for (const [key, field] of settingFields(draft, methods)) {
    const typed = draft.settings[key]?.trim() ?? ''
    if (typed !== '') settings[key] = parameterValue(field, typed)
  }
  return settings
}

function* settingFields(
  draft: StudyDraft,
  methods: readonly MethodInfo[],
): Generator<readonly [string, ParameterField]> {
  for (const field of recipeFields) yield [field.key, field]
  for (const method of methods)
    if (draft.methods.includes(method.id))
      for (const field of parameterFields(method.schema, method.defaults)) yield [`${method.id}.${field.key}`, field]
}

function isWhole(typed: string, low: number, high: number): boolean {
  return /^\d+$/.test(typed.trim()) && Number(typed) >= low && Number(typed) <= high
}
