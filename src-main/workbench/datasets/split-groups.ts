import { counted, quoted } from '#main/formats/text.ts'
import type { DealtSplitRule } from '#shared/domain/dataset.ts'
import { AppError } from '#shared/errors.ts'
import { Random } from '#shared/random.ts'
import type { DealtSplit } from './dealt-split.ts'

const sides = ['members', 'twinPool', 'evaluation', 'unused'] as const

/** Samples that must stay together: a group, with all exact copies and whatever is in a group with those. */
interface Unit {
  readonly samples: readonly number[]
  /** Per class. */
  readonly counts: readonly number[]
}

/**
 * Deals whole groups out, so that no person lies on two sides. Larger units first, each to the side whose classes still
 * miss the largest share of theirs (greedy, as in scikit-learn's StratifiedGroupKFold); ties and equal sizes by chance.
 * Samples whose group isn't known go one by one.
 * @throws AppError `bad-input` when there are fewer units than sides, or D and E would have no class in common.
 */
export function dealGroups(
  labels: Int32Array,
  classCount: number,
  rule: Extract<DealtSplitRule, { kind: 'fractions' }>,
  seed: number,
  options: { readonly groupOf: Int32Array; readonly duplicateOf?: readonly number[] },
): DealtSplit {
  const units = unitsOf(labels, classCount, options)
  const rest = Math.max(0, 1 - rule.members - rule.twinPool - rule.evaluation)
  const shares = [rule.members, rule.twinPool, rule.evaluation, rest < 1e-9 ? 0 : rest]
  const key = quoted(rule.groupKey ?? '')
  if (units.length < shares.filter((share) => share > 0).length) {
    throw new AppError(
      'bad-input',
      `The group column ${key} has ${counted(units.length, 'group')}, too few to give each side one.`,
      {
        hint: 'Split by another column, or without one.',
      },
    )
  }
  const sizes = new Array<number>(classCount).fill(0)
  for (const label of labels) sizes[label]++
  const targets = shares.map((share) => sizes.map((size) => size * share))
  const held = shares.map(() => new Array<number>(classCount).fill(0))
  const dealt: number[][] = shares.map(() => [])
  const order = Random.of(seed, 'split', 'groups')
    .shuffle([...units])
    .sort((a, b) => b.samples.length - a.samples.length)
  for (const { samples, counts } of order) {
    let best = 0
    let bestNeed = Number.NEGATIVE_INFINITY
    for (let side = 0; side < shares.length; side++) {
      if (shares[side] <= 0) continue
      let need = 0
      for (let label = 0; label < classCount; label++) {
        if (counts[label] === 0) continue
        need += (counts[label] * (targets[side][label] - held[side][label])) / Math.max(1e-9, targets[side][label])
      }
      if (need > bestNeed + 1e-12) [best, bestNeed] = [side, need]
    }
    for (const sample of samples) dealt[best].push(sample)
    counts.forEach((count, label) => {
      held[best][label] += count
    })
  }
  const [members, twinPool, evaluation] = sides.map((_, side) => Int32Array.from(dealt[side]).sort())
  if (rule.evaluation > 0 && !held[0].some((count, label) => count > 0 && held[2][label] > 0)) {
    throw new AppError('bad-input', `Split by ${key}, no class would be both trained and measured.`, {
      hint: 'Each class lies in groups of its own, as when the group is the class itself: split without the column.',
    })
  }
  return { members, twinPool, evaluation }
}

function unitsOf(
  labels: Int32Array,
  classCount: number,
  { groupOf, duplicateOf }: { readonly groupOf: Int32Array; readonly duplicateOf?: readonly number[] },
): readonly Unit[] {
  const parent = Int32Array.from(labels, (_, sample) => sample)
  const rootOf = (sample: number): number => {
    let root = sample
    while (parent[root] !== root) root = parent[root]
    for (let at = sample; parent[at] !== root; ) [parent[at], at] = [root, parent[at]]
    return root
  }
  const firstOf = new Map<number, number>()
  for (let sample = 0; sample < labels.length; sample++) {
    const copied = duplicateOf?.[sample] ?? -1
    if (copied >= 0) parent[rootOf(sample)] = rootOf(copied)
    if (groupOf[sample] < 0) continue
    const first = firstOf.get(groupOf[sample])
    if (first === undefined) firstOf.set(groupOf[sample], sample)
    else parent[rootOf(sample)] = rootOf(first)
  }
  const units = new Map<number, { samples: number[]; counts: number[] }>()
  for (let sample = 0; sample < labels.length; sample++) {
    const root = rootOf(sample)
    let unit = units.get(root)
    if (unit === undefined) {
      unit = { samples: [], counts: new Array<number>(classCount).fill(0) }
      units.set(root, unit)
    }
    unit.samples.push(sample)
    unit.counts[labels[sample]]++
  }
  return [...units.values()]
}
