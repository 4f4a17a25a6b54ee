import type { Capped, Crossing, DuplicateGroup, Leakage, SidePair } from '#shared/domain/quality.ts'

export interface SplitSides {
  readonly members: Int32Array
  readonly twinPool: Int32Array
  readonly evaluation: Int32Array
  /** F, a part of the members; without it F and R aren't compared. */
  readonly forget?: Int32Array
}

export interface RelatedSamples {
  readonly exact: readonly DuplicateGroup[]
  readonly near: readonly DuplicateGroup[]
  readonly groups: readonly { readonly name: string; readonly values: readonly string[]; readonly codes: Int32Array }[]
}

/** Lists in a report; counts are always of all. */
const maxCrossings = 200
const maxListed = 50

const pairs: readonly SidePair[] = ['forget-retain', 'members-evaluation', 'members-twinPool', 'twinPool-evaluation']

/**
 * Where related samples lie on two sides: copies in D and E inflate what is measured, copies of F in R keep alive what
 * should be forgotten, and of a person whose images are partly in R the rest can't be forgotten.
 */
export function findLeakage(sampleCount: number, sides: SplitSides, related: RelatedSamples): readonly Leakage[] {
  const found: Leakage[] = []
  for (const pair of pairs) {
    const sideOf = sidesOf(sampleCount, sides, pair)
    if (sideOf === null) continue
    for (const [kind, groups] of [
      ['exact', related.exact],
      ['near', related.near],
    ] as const) {
      const crossings = groups.flatMap(({ samples }) => crossing(samples, sideOf))
      if (crossings.length > 0) found.push({ kind, pair, counts: countsOf(crossings), crossings: listed(crossings) })
    }
    for (const { name, values, codes } of related.groups) {
      const crossings = groupCrossings(values, codes, sideOf)
      if (crossings.length > 0) {
        found.push({ kind: 'group', pair, column: name, counts: countsOf(crossings), crossings: listed(crossings) })
      }
    }
  }
  return found
}

/** 1 and 2 for the samples of the pair's sides, 0 for all others. */
function sidesOf(sampleCount: number, sides: SplitSides, pair: SidePair): Uint8Array | null {
  const sideOf = new Uint8Array(sampleCount)
  const mark = (ids: Int32Array, side: 1 | 2): void => {
    for (const id of ids) sideOf[id] = side
  }
  if (pair === 'forget-retain') {
    if (sides.forget === undefined) return null
    mark(sides.members, 2)
    mark(sides.forget, 1)
    return sideOf
  }
  mark(pair.startsWith('members') ? sides.members : sides.twinPool, 1)
  mark(pair.endsWith('evaluation') ? sides.evaluation : sides.twinPool, 2)
  return sideOf
}

function crossing(samples: readonly number[], sideOf: Uint8Array): readonly Crossing[] {
  const first = samples.filter((sample) => sideOf[sample] === 1)
  const second = samples.filter((sample) => sideOf[sample] === 2)
  return first.length > 0 && second.length > 0 ? [{ first, second }] : []
}

function groupCrossings(values: readonly string[], codes: Int32Array, sideOf: Uint8Array): readonly Crossing[] {
  const byCode = new Map<number, { first: number[]; second: number[] }>()
  for (let sample = 0; sample < codes.length; sample++) {
    if (codes[sample] < 0 || sideOf[sample] === 0) continue
    let sides = byCode.get(codes[sample])
    if (sides === undefined) {
      sides = { first: [], second: [] }
      byCode.set(codes[sample], sides)
    }
    ;(sideOf[sample] === 1 ? sides.first : sides.second).push(sample)
  }
  return [...byCode]
    .filter(([, { first, second }]) => first.length > 0 && second.length > 0)
    .sort(([a], [b]) => a - b)
    .map(([code, { first, second }]) => ({ first, second, value: values[code] }))
}

function countsOf(crossings: readonly Crossing[]): readonly [number, number] {
  return crossings.reduce<readonly [number, number]>(
    ([a, b], { first, second }) => [a + first.length, b + second.length],
    [0, 0],
  )
}

function listed(crossings: readonly Crossing[]): Capped<Crossing> {
  const items = crossings.slice(0, maxCrossings).map((item) => ({
    ...item,
    first: item.first.slice(0, maxListed),
    second: item.second.slice(0, maxListed),
  }))
  return { total: crossings.length, items }
}
