import type { SplitRule } from '#shared/domain/dataset.ts'
import { AppError } from '#shared/errors.ts'
import { decodeIdRanges } from '#shared/id-ranges.ts'
import { Random } from '#shared/random.ts'
import type { DealtSplit } from './dealt-split.ts'
import { type DealOptions, dealSplit } from './split-rule.ts'

const outside = 0
const inMembers = 1

/** Deals by any rule: `dealSplit`, and for a split around given samples the exchange that brings them into D. */
export function dealByRule(
  labels: Int32Array,
  classCount: number,
  rule: SplitRule,
  seed: number,
  options: DealOptions = {},
): DealtSplit {
  if (rule.kind !== 'around') return dealSplit(labels, classCount, rule, seed, options)
  if (rule.base.kind === 'fractions' && rule.base.groupKey !== undefined) {
    throw new AppError(
      'bad-input',
      'A split that keeps whole groups on one side can’t be dealt around single samples.',
      {
        hint: 'Deal it out by another seed until the groups lie in D, or begin from a split without groups.',
      },
    )
  }
  const dealt = dealSplit(labels, classCount, rule.base, seed, options)
  return bringIn(dealt, decodeIdRanges(rule.ids, labels.length), labels, seed, options.duplicateOf)
}

/**
 * Samples of H, E or of no side change places with members of the same class that have no copies and aren't wanted
 * themselves, drawn by the seed; where there is none left, D grows. Exact copies come along, or what is forgotten
 * would be measured.
 */
function bringIn(
  { members, twinPool, evaluation }: DealtSplit,
  ids: Int32Array,
  labels: Int32Array,
  seed: number,
  duplicateOf: readonly number[] | undefined,
): DealtSplit {
  const count = labels.length
  const rootOf = (id: number): number => {
    const first = duplicateOf?.[id] ?? -1
    return first < 0 ? id : first
  }
  const wantedRoots = new Uint8Array(count)
  for (const id of ids) wantedRoots[rootOf(id)] = 1
  const familySize = new Int32Array(count)
  for (let id = 0; id < count; id++) familySize[rootOf(id)]++
  const sides = [new Int32Array(), members, twinPool, evaluation]
  const sideOf = new Uint8Array(count).fill(outside)
  sides.forEach((list, side) => {
    for (const id of list) sideOf[id] = side
  })
  const spare = new Map<number, number[]>()
  for (const id of members) {
    if (wantedRoots[rootOf(id)] === 1 || familySize[rootOf(id)] > 1) continue
    const ofClass = spare.get(labels[id])
    if (ofClass === undefined) spare.set(labels[id], [id])
    else ofClass.push(id)
  }
  for (const [label, list] of spare) Random.of(seed, 'split', 'around', label).shuffle(list)
  for (let id = 0; id < count; id++) {
    if (wantedRoots[rootOf(id)] === 0 || sideOf[id] === inMembers) continue
    const other = spare.get(labels[id])?.pop()
    if (other !== undefined) sideOf[other] = sideOf[id]
    sideOf[id] = inMembers
  }
  const idsOn = (side: number): Int32Array => {
    const found: number[] = []
    for (let id = 0; id < count; id++) if (sideOf[id] === side) found.push(id)
    return Int32Array.from(found)
  }
  return { members: idsOn(1), twinPool: idsOn(2), evaluation: idsOn(3) }
}
