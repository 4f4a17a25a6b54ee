import { counted, quoted } from '#main/formats/text.ts'
import type { DealtSplitRule } from '#shared/domain/dataset.ts'
import { AppError } from '#shared/errors.ts'
import { Random } from '#shared/random.ts'
import type { DealtSplit } from './dealt-split.ts'
import { dealGroups } from './split-groups.ts'

export interface DealOptions {
  /** The given split folder of each sample; needed by a rule with an `evaluationFolder`. */
  readonly givenSplit?: readonly (string | null)[]
  /** Index of the first sample with identical pixels, -1 for a first one: copies stay together. */
  readonly duplicateOf?: readonly number[]
  /** Group of each sample, -1 where it isn't known: with it, whole groups go to one side. */
  readonly groupOf?: Int32Array
  /** For messages. */
  readonly classNames?: readonly string[]
}

const sides = ['members', 'twinPool', 'evaluation', 'unused'] as const
type Side = (typeof sides)[number]
type Quota = Record<Side, number>

/**
 * Deals a data set's samples out to members D, twin pool H and evaluation E, each class by itself. The same seed gives
 * the same ids everywhere.
 *
 * Fractions become whole numbers by largest remainder (ties: evaluation, twin pool, members). With an
 * `evaluationFolder`, that folder is E as it is and the fractions deal out the rest. Exact copies all go to one side,
 * or what is measured would have been trained on; they are dealt first and singles fill up the counts. Copies of an
 * image in the evaluation folder stay out of the split, and so do, under a `counts` rule, copies too many for any side.
 * @throws AppError `bad-input`: fractions outside 0..1 or adding up to more than 1, counts of another number of classes
 * or more than a class has.
 */
export function dealSplit(
  labels: Int32Array,
  classCount: number,
  rule: DealtSplitRule,
  seed: number,
  options: DealOptions = {},
): DealtSplit {
  checkRule(rule, classCount)
  if (rule.kind === 'fractions' && rule.groupKey !== undefined) {
    if (options.groupOf === undefined) throw new AppError('internal', 'A split by groups needs the groups.')
    return dealGroups(labels, classCount, rule, seed, { ...options, groupOf: options.groupOf })
  }
  const count = labels.length
  const sideOf = new Int8Array(count).fill(-1)
  const assign = (id: number, side: Side): void => {
    sideOf[id] = sides.indexOf(side)
  }
  const rootOf = (id: number): number => {
    const first = options.duplicateOf?.[id] ?? -1
    return first < 0 ? id : first
  }

  const folder = rule.kind === 'fractions' ? rule.evaluationFolder : undefined
  if (folder !== undefined) {
    const held = new Set<number>()
    for (let id = 0; id < count; id++) {
      if (options.givenSplit?.[id] !== folder) continue
      assign(id, 'evaluation')
      held.add(rootOf(id))
    }
    for (let id = 0; id < count; id++) if (sideOf[id] < 0 && held.has(rootOf(id))) assign(id, 'unused')
  }

  const groupSize = new Int32Array(count)
  const available = new Int32Array(classCount)
  for (let id = 0; id < count; id++) {
    if (sideOf[id] >= 0) continue
    available[labels[id]]++
    groupSize[rootOf(id)]++
  }
  const quotas = Array.from(available, (size, label) => quotaOf(rule, label, size, options.classNames))

  const singles: number[][] = Array.from({ length: classCount }, () => [])
  const groups = new Map<number, number[]>()
  for (let id = 0; id < count; id++) {
    if (sideOf[id] >= 0) continue
    const root = rootOf(id)
    const group = groups.get(root)
    if (groupSize[root] === 1) singles[labels[id]].push(id)
    else if (group === undefined) groups.set(root, [id])
    else group.push(id)
  }
  const copies = [...groups.values()]
  const random = Random.of(seed, 'split', 'copies')
  for (const group of random.shuffle(copies)) {
    const side = chooseSide(group, labels, quotas, rule.kind === 'fractions', random)
    for (const id of group) {
      quotas[labels[id]][side]--
      assign(id, side)
    }
  }
  singles.forEach((ids, label) => {
    Random.of(seed, 'split', label).shuffle(ids)
    const quota = fitQuota(quotas[label], ids.length, rule, label, options.classNames)
    let at = 0
    for (const side of sides) {
      for (const end = at + quota[side]; at < end; at++) assign(ids[at], side)
    }
  })

  const idsOf = (side: Side): Int32Array => {
    const wanted = sides.indexOf(side)
    const ids: number[] = []
    for (let id = 0; id < count; id++) if (sideOf[id] === wanted) ids.push(id)
    return Int32Array.from(ids)
  }
  return { members: idsOf('members'), twinPool: idsOf('twinPool'), evaluation: idsOf('evaluation') }
}

/** How many of `ids` each class has. */
export function countClasses(labels: Int32Array, ids: Int32Array, classCount: number): readonly number[] {
  const counts = new Array<number>(classCount).fill(0)
  for (const id of ids) counts[labels[id]]++
  return counts
}

/**
 * The `fractions` rule for shares of D, H and E that add up to at most 1. Where a test folder is given, it stands for
 * E's share, and the others are taken of the rest in the same proportion: 70, 15, 15 deals the rest out 70 to 15.
 */
export function fractionsRule(
  [members, twinPool, evaluation]: readonly [number, number, number],
  evaluationFolder: string | null,
): DealtSplitRule {
  const rule: DealtSplitRule = { kind: 'fractions', members, twinPool, evaluation }
  checkRule(rule, 0)
  if (evaluationFolder === null || evaluation === 1) return rule
  const rest = 1 - evaluation
  return { kind: 'fractions', members: members / rest, twinPool: twinPool / rest, evaluation: 0, evaluationFolder }
}

/** The `fractions` rule for whole groups. */
export function groupsRule(
  [members, twinPool, evaluation]: readonly [number, number, number],
  groupKey: string,
): DealtSplitRule {
  const rule: DealtSplitRule = { kind: 'fractions', members, twinPool, evaluation, groupKey }
  checkRule(rule, 0)
  return rule
}

/** The folder that is E as a whole: a given test folder, unless it is all there is. */
export function evaluationFolderOf(givenSplit: readonly (string | null)[]): string | null {
  const folder = givenSplit.find((name) => name !== null && /^(?:test|testing|eval|evaluation)$/i.test(name)) ?? null
  return folder !== null && givenSplit.some((name) => name !== folder) ? folder : null
}

function checkRule(rule: DealtSplitRule, classCount: number): void {
  if (rule.kind === 'fractions') {
    const shares = [rule.members, rule.twinPool, rule.evaluation]
    const percent = (share: number): string => `${Number((share * 100).toFixed(2))}`
    if (!shares.every((share) => share >= 0 && share <= 1)) {
      throw badRule(`The shares ${shares.map(percent).join(', ')} % of a split must each lie between 0 and 100 %.`)
    }
    const sum = shares[0] + shares[1] + shares[2]
    if (sum > 1 + 1e-9) {
      throw badRule(
        `The shares ${shares.map(percent).join(', ')} % of a split add up to ${percent(sum)} %, more than there is.`,
      )
    }
    if (rule.members === 0) throw badRule('A split needs members: their share is 0 %.')
    return
  }
  for (const counts of [rule.members, rule.twinPool, rule.evaluation]) {
    if (counts.length !== classCount) {
      throw badRule(
        `The split's rule is for ${counted(counts.length, 'class', 'classes')}, the data set has ${classCount}.`,
      )
    }
    if (!counts.every((count) => Number.isSafeInteger(count) && count >= 0)) {
      throw badRule('The counts of a split must be whole numbers from 0 on.')
    }
  }
}

function quotaOf(rule: DealtSplitRule, label: number, size: number, classNames: readonly string[] | undefined): Quota {
  if (rule.kind === 'counts') {
    const [members, twinPool, evaluation] = [rule.members[label], rule.twinPool[label], rule.evaluation[label]]
    const unused = size - members - twinPool - evaluation
    if (unused < 0) throw tooFew(label, size, members + twinPool + evaluation, classNames)
    return { members, twinPool, evaluation, unused }
  }
  const shares = { members: rule.members, twinPool: rule.twinPool, evaluation: rule.evaluation }
  const sum = shares.members + shares.twinPool + shares.evaluation
  const used = Math.min(size, Math.round(size * sum))
  return { ...largestRemainder(shares, size, used), unused: size - used }
}

/** Whole numbers near size * share that add up to `total`. */
function largestRemainder(
  shares: Readonly<Record<Exclude<Side, 'unused'>, number>>,
  size: number,
  total: number,
): Record<Exclude<Side, 'unused'>, number> {
  const inTieOrder = ['evaluation', 'twinPool', 'members'] as const
  const result = { members: 0, twinPool: 0, evaluation: 0 }
  // Binary fractions make 0.15 * 20 fall just short of 3.
  for (const side of inTieOrder) result[side] = Math.floor(size * shares[side] + 1e-9)
  const remainder = (side: Exclude<Side, 'unused'>): number => Number((size * shares[side] - result[side]).toFixed(9))
  const byRemainder = [...inTieOrder].sort((a, b) => remainder(b) - remainder(a))
  let missing = total - result.members - result.twinPool - result.evaluation
  for (let i = 0; missing > 0; i = (i + 1) % 3, missing--) result[byRemainder[i]]++
  for (let i = 2; missing < 0; i = (i + 2) % 3) {
    if (result[byRemainder[i]] === 0) continue
    result[byRemainder[i]]--
    missing++
  }
  return result
}

/** A side that has room for the whole group, by chance in proportion to its room. */
function chooseSide(
  group: readonly number[],
  labels: Int32Array,
  quotas: readonly Quota[],
  mayOverfill: boolean,
  random: Random,
): Side {
  const need = new Map<number, number>()
  for (const id of group) need.set(labels[id], (need.get(labels[id]) ?? 0) + 1)
  const room = (side: Side): number => {
    let total = 0
    for (const [label, count] of need) {
      if (quotas[label][side] < count) return 0
      total += quotas[label][side]
    }
    return total
  }
  const rooms = sides.map(room)
  const total = rooms.reduce((sum, value) => sum + value, 0)
  if (total === 0) return mayOverfill ? 'members' : 'unused'
  let draw = random.below(total)
  for (let i = 0; i < sides.length; i++) {
    if (draw < rooms[i]) return sides[i]
    draw -= rooms[i]
  }
  return 'unused'
}

/** What is left of the quota for exactly `count` singles. Only copies that fitted nowhere can have upset it. */
function fitQuota(
  quota: Quota,
  count: number,
  rule: DealtSplitRule,
  label: number,
  classNames: readonly string[] | undefined,
): Quota {
  const left = { ...quota }
  for (const side of sides) left[side] = Math.max(0, left[side])
  let excess = left.members + left.twinPool + left.evaluation + left.unused - count
  for (const side of ['unused', 'members', 'twinPool', 'evaluation'] as const) {
    if (excess > 0 && side !== 'unused' && rule.kind === 'counts') {
      throw tooFew(label, count, left.members + left.twinPool + left.evaluation, classNames)
    }
    const taken = Math.min(Math.max(0, excess), left[side])
    left[side] -= taken
    excess -= taken
  }
  return left
}

function tooFew(label: number, have: number, need: number, classNames: readonly string[] | undefined): AppError {
  const name = quoted(classNames?.[label] ?? String(label))
  return new AppError(
    'bad-input',
    `The class ${name} has ${counted(have, 'sample')} to deal out, but the split needs ${need}.`,
    {
      hint: 'Ask for fewer, or use fractions.',
    },
  )
}

function badRule(message: string): AppError {
  return new AppError('bad-input', message, { hint: 'For example: 70,15,15 for members, twin pool and evaluation.' })
}
