/** `--sweep METHOD.KEY=v1,v2,…`: variants of a study's methods, which share every stage that the key doesn't touch. */
import { completeMethodOptions, type MethodParams, methodOf, parseMethodOptions } from '#main/compute/methods.ts'
import { quoted } from '#main/formats/text.ts'
import { conditionText, isInEffect, paramsInEffect } from '#shared/domain/in-effect.ts'
import { baseMethodOf, type VariantValue, variantId } from '#shared/domain/method-variant.ts'
import { AppError } from '#shared/errors.ts'
import { goldMethod, noneMethod } from '../jobs/graph.ts'

export interface Sweep {
  /** METHOD.KEY -> values. */
  readonly factors: Readonly<Record<string, readonly VariantValue[]>>
  /** Every combination of a method's keys; else one key at a time, the others as the method has them. */
  readonly grid: boolean
}

/** A grid grows fast: beyond this nobody meant it. */
const mostVariants = 200

export interface SweptMethods {
  /** The chosen methods, each followed by its variants. */
  readonly methods: readonly string[]
  /** What is set for each of them. */
  readonly settings: Readonly<Record<string, MethodParams>>
  readonly notes: readonly string[]
}

/**
 * The variants that a sweep makes. One that equals its method as the study has it, or another variant, is left out: it
 * would be the same run twice.
 * @throws AppError `bad-input` for an unknown method, key or value, for a method that isn't chosen, and for too many.
 */
export function sweptMethods(
  methods: readonly string[],
  settings: Readonly<Record<string, MethodParams>>,
  { factors, grid }: Sweep,
  /** What of a method's parameters comes into effect in this study. */
  effective: (method: string, params: MethodParams) => MethodParams = (_, params) => params,
): SweptMethods {
  const byMethod = new Map<string, Map<string, readonly VariantValue[]>>()
  for (const [key, values] of Object.entries(factors)) {
    const [method, option] = splitKey(key)
    if (!methods.includes(method)) throw notChosen(key, method, methods)
    // Refuses an unknown key or a value out of range before anything is made of it.
    for (const value of values) parseMethodOptions(method, { [option]: value })
    const known = byMethod.get(method) ?? new Map<string, readonly VariantValue[]>()
    byMethod.set(method, known.set(option, values))
  }
  const complete = completeMethodOptions(methods, settings)
  const all: string[] = []
  const given: Record<string, MethodParams> = { ...settings }
  const notes: string[] = []
  for (const method of methods) {
    all.push(method)
    const own = complete[method] ?? {}
    const { inEffect } = methodOf(method)
    const effectOf = (variant: MethodParams): string =>
      JSON.stringify(paramsInEffect(inEffect, effective(method, { ...own, ...variant })))
    const known = new Map([[effectOf({}), method]])
    for (const variant of variantsOf(byMethod.get(method) ?? new Map(), grid)) {
      const id = variantId(method, variant)
      if (all.includes(id)) continue
      const same = known.get(effectOf(variant))
      if (same !== undefined) {
        const idle = idleKeys(method, variant, effective(method, { ...own, ...variant }))
        const why = idle.length === 0 ? '' : `: ${idle.join('; ')}`
        notes.push(`${id} is ${same === method ? `${method} itself` : `${same} again`}, so it is not run twice${why}.`)
        continue
      }
      known.set(effectOf(variant), id)
      all.push(id)
      given[id] = variant
    }
  }
  if (all.length - methods.length > mostVariants) {
    throw new AppError(
      'bad-input',
      `The sweep has ${all.length - methods.length} variants; at most ${mostVariants} are possible.`,
      {
        hint: 'Sweep fewer values, or one key at a time instead of a grid.',
      },
    )
  }
  return { methods: all, settings: given, notes }
}

/** Of what is given for a method, what changes nothing beside its other parameters, and what it would take. */
function idleKeys(method: string, given: MethodParams, params: MethodParams): readonly string[] {
  const { inEffect = {} } = methodOf(method)
  return Object.keys(given).flatMap((key) =>
    isInEffect(inEffect, key, params) ? [] : [withoutEffect(key, conditionText(inEffect, key))],
  )
}

function withoutEffect(name: string, condition: string): string {
  return condition === '' ? `${name} never has an effect there` : `${name} has no effect unless ${condition}`
}

/** What was set for a method and changes nothing in it or any of its variants. */
export function idleNotes(
  keys: readonly string[],
  methodParams: Readonly<Record<string, MethodParams>>,
): readonly string[] {
  return keys.flatMap((name) => {
    const [method, key] = name.split('.')
    if (key === undefined) return []
    const { inEffect = {} } = methodOf(method)
    const having = Object.entries(methodParams).filter(([id]) => baseMethodOf(id) === method)
    if (having.length === 0 || having.some(([, params]) => isInEffect(inEffect, key, params))) return []
    return [`${withoutEffect(name, conditionText(inEffect, key))}.`]
  })
}

function variantsOf(
  factors: ReadonlyMap<string, readonly VariantValue[]>,
  grid: boolean,
): readonly Readonly<Record<string, VariantValue>>[] {
  if (!grid) return [...factors].flatMap(([key, values]) => values.map((value) => ({ [key]: value })))
  let combinations: Readonly<Record<string, VariantValue>>[] = factors.size === 0 ? [] : [{}]
  for (const [key, values] of factors) {
    combinations = combinations.flatMap((before) => values.map((value) => ({ ...before, [key]: value })))
    if (combinations.length > 10 * mostVariants) break
  }
  return combinations
}

function splitKey(key: string): readonly [method: string, option: string] {
  const [method, option, ...rest] = key.split('.')
  if (option === undefined || option === '' || rest.length > 0) {
    throw new AppError('bad-input', `A sweep of ${quoted(key)} is not possible: it must be METHOD.KEY.`, {
      hint: 'For example --sweep tmu.features=df,cf,df+cf.',
      details: { key },
    })
  }
  const { id } = methodOf(method)
  if (id === goldMethod || id === noneMethod) {
    throw new AppError('bad-input', `${id} has no parameters to sweep.`, { details: { key } })
  }
  return [id, option]
}

function notChosen(key: string, method: string, methods: readonly string[]): AppError {
  return new AppError('bad-input', `The sweep of ${key} is of a method that is not among the chosen ones.`, {
    hint: `Add ${method} to the methods: ${methods.join(', ')}.`,
    details: { key },
  })
}
