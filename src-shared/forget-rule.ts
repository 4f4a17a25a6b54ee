/**
 * Which members a forget rule chooses. The workbench makes forget sets with it and the window counts with it while a
 * rule is edited, so that what is counted is what will be made.
 */
import type { ForgetRule } from './domain/forget-set.ts'
import { AppError, assertNever } from './errors.ts'
import { decodeIdRanges, maskOfIds } from './id-ranges.ts'
import { Random } from './random.ts'

export interface RuleContext {
  /** D, ascending sample indices. */
  readonly members: Int32Array
  /** Class index of every sample. */
  readonly labels: Int32Array
  readonly classNames: readonly string[]
  /** Codes are indices into the values, -1 where unknown. */
  readonly groups: readonly {
    readonly name: string
    readonly values: readonly string[]
    readonly codes: Int32Array
  }[]
  /** Of the clusterings that rules name, those that are known. Codes are from 0, -1 for samples that aren't clustered. */
  readonly clusterings?: readonly {
    readonly clusters: number
    readonly within: string | null
    readonly seed: number
    readonly codes: Int32Array
  }[]
  /** Ids of the rule `ids`, found by whoever read the list. */
  readonly listed?: Int32Array
}

/** Rules within rules within rules: deeper ones nobody can read. */
export const deepestRule = 12
export const mostRuleParts = 200

/**
 * A mask over all samples, 1 where chosen. The same rule, seed and split give the same samples everywhere. Drawing
 * depends on the class alone and not on the place in the rule, so that a part equals itself wherever it stands. Picked
 * samples outside D are chosen too: whoever makes the set refuses them by name.
 * @throws AppError `bad-input`: a share outside 0..1, an unknown class, column or value, clusters that aren't known, ids
 * that aren't ids.
 */
export function evaluateRule(rule: ForgetRule, context: RuleContext, seed: number): Uint8Array {
  const { members, labels } = context
  const sampleCount = labels.length
  switch (rule.kind) {
    case 'class': {
      const label = context.classNames.indexOf(rule.className)
      if (label < 0) throw refuse(`The data set has no class "${rule.className}".`)
      const ofClass = members.filter((id) => labels[id] === label)
      const drawn = drawShare(ofClass, rule.fraction, Random.of(seed, 'forget', 'class', label))
      return maskOfIds(drawn, sampleCount)
    }
    case 'random':
      return maskOfIds(drawShare(members, rule.fraction, Random.of(seed, 'forget', 'random')), sampleCount)
    case 'random-count':
      return maskOfIds(drawCount(members, rule.count, Random.of(seed, 'forget', 'random')), sampleCount)
    case 'group': {
      const column = context.groups.find(({ name }) => name === rule.column)
      if (column === undefined) throw refuse(`The data set has no group column "${rule.column}".`)
      const wanted = new Uint8Array(column.values.length)
      for (const value of rule.values) {
        const code = column.values.indexOf(value)
        if (code < 0) throw refuse(`The group column "${rule.column}" has no value "${value}".`)
        wanted[code] = 1
      }
      const mask = new Uint8Array(sampleCount)
      for (const id of members) if (column.codes[id] >= 0 && wanted[column.codes[id]] === 1) mask[id] = 1
      return mask
    }
    case 'cluster': {
      const found = context.clusterings?.find(
        ({ clusters, within, seed: of }) => clusters === rule.clusters && within === rule.within && of === seed,
      )
      if (found === undefined) throw refuse('The clusters of this rule are not known.')
      const mask = new Uint8Array(sampleCount)
      for (const id of members) if (rule.chosen.includes(found.codes[id] + 1)) mask[id] = 1
      return mask
    }
    case 'ids':
      return maskOfIds(context.listed ?? new Int32Array(), sampleCount)
    case 'picked':
      return maskOfIds(decodeIdRanges(rule.ids, sampleCount), sampleCount)
    case 'union': {
      const mask = new Uint8Array(sampleCount)
      for (const part of rule.rules) {
        const chosen = evaluateRule(part, context, seed)
        for (let id = 0; id < sampleCount; id++) mask[id] |= chosen[id]
      }
      return mask
    }
    case 'intersection': {
      const [first, ...others] = rule.rules
      if (first === undefined) return new Uint8Array(sampleCount)
      const mask = evaluateRule(first, context, seed)
      for (const part of others) {
        const chosen = evaluateRule(part, context, seed)
        for (let id = 0; id < sampleCount; id++) mask[id] &= chosen[id]
      }
      return mask
    }
    case 'minus': {
      const mask = evaluateRule(rule.from, context, seed)
      const without = evaluateRule(rule.without, context, seed)
      for (let id = 0; id < sampleCount; id++) if (without[id] === 1) mask[id] = 0
      return mask
    }
    default:
      return assertNever(rule)
  }
}

/** The rule itself and every rule within it, outermost first. */
export function* partsOfRule(rule: ForgetRule): Generator<ForgetRule> {
  yield rule
  if (rule.kind === 'union' || rule.kind === 'intersection') for (const part of rule.rules) yield* partsOfRule(part)
  else if (rule.kind === 'minus') {
    yield* partsOfRule(rule.from)
    yield* partsOfRule(rule.without)
  }
}

export function depthOfRule(rule: ForgetRule): number {
  if (rule.kind === 'union' || rule.kind === 'intersection') return 1 + Math.max(0, ...rule.rules.map(depthOfRule))
  if (rule.kind === 'minus') return 1 + Math.max(depthOfRule(rule.from), depthOfRule(rule.without))
  return 1
}

/** A share of `ids` (rounded), drawn; a smaller share's is part of a larger one's at the same seed. */
export function drawShare(ids: Int32Array, fraction: number, random: Random): Int32Array {
  if (!(fraction > 0 && fraction <= 1)) throw refuse(`The fraction ${fraction} does not lie between 0 and 1.`)
  return drawCount(ids, Math.round(ids.length * fraction), random)
}

function drawCount(ids: Int32Array, count: number, random: Random): Int32Array {
  return random.shuffle(ids.slice()).subarray(0, Math.min(ids.length, count)).slice().sort()
}

function refuse(message: string): AppError {
  return new AppError('bad-input', message)
}
