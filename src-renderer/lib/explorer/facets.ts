/** One property of samples by which they are counted and filtered. */
export interface Facet {
  readonly id: string
  readonly values: readonly string[]
  /** int32 [samples]: an index into the values, -1 for none; or a mask for each value where a sample may have several. */
  readonly membership:
    | { readonly kind: 'one'; readonly codes: Int32Array | Uint8Array }
    | { readonly kind: 'many'; readonly masks: readonly Uint8Array[] }
}

/** Facet id -> chosen values; a facet without any doesn't filter. */
export type FacetChoice = ReadonlyMap<string, ReadonlySet<number>>

export interface FacetCount {
  /** Per value: samples that pass every other facet and the search; so a click can be foreseen. */
  readonly shown: Int32Array
  /** Of those in the filter, how many are selected. */
  readonly selected: Int32Array
}

export interface Filtered {
  /** uint8 [samples]: passes the search and all facets. */
  readonly matching: Uint8Array
  readonly count: number
  readonly counts: ReadonlyMap<string, FacetCount>
}

/**
 * One pass over the samples for all facets: a sample that fails exactly one facet still counts in that one, which then
 * says what choosing further values would add.
 */
export function filterSamples(
  sampleCount: number,
  facets: readonly Facet[],
  choice: FacetChoice,
  found: Uint8Array | null,
  selected: Uint8Array,
): Filtered {
  const fails = new Uint8Array(sampleCount)
  const failed = new Int16Array(sampleCount).fill(-1)
  facets.forEach((facet, at) => {
    const chosen = choice.get(facet.id)
    if (chosen === undefined || chosen.size === 0) return
    const passes = passMask(facet, chosen, sampleCount)
    for (let id = 0; id < sampleCount; id++) {
      if (passes[id] === 1) continue
      fails[id]++
      failed[id] = at
    }
  })
  const matching = new Uint8Array(sampleCount)
  let count = 0
  for (let id = 0; id < sampleCount; id++) {
    if (fails[id] !== 0 || (found !== null && found[id] === 0)) continue
    matching[id] = 1
    count++
  }
  const counts = new Map(
    facets.map((facet, at) => {
      const shown = new Int32Array(facet.values.length)
      const chosen = new Int32Array(facet.values.length)
      const countOne = (id: number, value: number): void => {
        shown[value]++
        chosen[value] += selected[id]
      }
      for (let id = 0; id < sampleCount; id++) {
        if (found !== null && found[id] === 0) continue
        if (fails[id] !== 0 && (fails[id] !== 1 || failed[id] !== at)) continue
        if (facet.membership.kind === 'one') {
          const value = facet.membership.codes[id]
          if (value >= 0 && value < shown.length) countOne(id, value)
        } else {
          facet.membership.masks.forEach((mask, value) => {
            if (mask[id] === 1) countOne(id, value)
          })
        }
      }
      return [facet.id, { shown, selected: chosen }] as const
    }),
  )
  return { matching, count, counts }
}

function passMask({ membership, values }: Facet, chosen: ReadonlySet<number>, sampleCount: number): Uint8Array {
  const passes = new Uint8Array(sampleCount)
  if (membership.kind === 'one') {
    const wanted = new Uint8Array(values.length)
    for (const value of chosen) wanted[value] = 1
    for (let id = 0; id < sampleCount; id++) {
      const code = membership.codes[id]
      if (code >= 0 && wanted[code] === 1) passes[id] = 1
    }
  } else {
    for (const value of chosen) {
      const mask = membership.masks[value]
      if (mask !== undefined) for (let id = 0; id < sampleCount; id++) passes[id] |= mask[id]
    }
  }
  return passes
}

/** Samples whose number, name or part of a name it is; null where nothing is searched. */
export function searchSamples(text: string, names: readonly string[], sampleCount: number): Uint8Array | null {
  const wanted = text.trim().toLowerCase()
  if (wanted === '') return null
  const found = new Uint8Array(sampleCount)
  const range = /^#?(\d+)(?:\s*-\s*(\d+))?$/.exec(wanted)
  if (range !== null) {
    const first = Number(range[1])
    const last = Math.min(sampleCount - 1, range[2] === undefined ? first : Number(range[2]))
    for (let id = first; id <= last; id++) found[id] = 1
  }
  if (!wanted.startsWith('#')) {
    names.forEach((name, id) => {
      if (name.toLowerCase().includes(wanted)) found[id] = 1
    })
  }
  return found
}

/** float, or a rank; NaN where a sample has none. */
export type SortKey = ArrayLike<number> | null

/** Matching samples in the order of a key (null: by number); those without a value come last, whichever way. */
export function orderSamples(matching: Uint8Array, count: number, key: SortKey, descending: boolean): Int32Array {
  const order = new Int32Array(count)
  for (let id = 0, at = 0; at < count; id++) if (matching[id] === 1) order[at++] = id
  if (key === null) return descending ? order.reverse() : order
  const sign = descending ? -1 : 1
  return order.sort((a, b) => {
    const [first, second] = [key[a], key[b]]
    const missing = Number(Number.isNaN(first)) - Number(Number.isNaN(second))
    return missing || sign * (first - second) || a - b
  })
}

/** Place of each name among all, as people number them: img2 before img10. */
export function nameRanks(names: readonly string[]): Int32Array {
  const { compare } = new Intl.Collator('en', { numeric: true })
  const order = Int32Array.from(names, (_, id) => id).sort((a, b) => compare(names[a], names[b]) || a - b)
  const ranks = new Int32Array(names.length)
  order.forEach((id, rank) => {
    ranks[id] = rank
  })
  return ranks
}
