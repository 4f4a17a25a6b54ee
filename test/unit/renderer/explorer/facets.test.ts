import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Facet,
  filterSamples,
  nameRanks,
  orderSamples,
  searchSamples,
} from '../../../../src-renderer/lib/explorer/facets.ts'
import { histogramOf, samplesInRange } from '../../../../src-renderer/lib/explorer/histogram.ts'

const animal: Facet = {
  id: 'class',
  values: ['cat', 'dog'],
  membership: { kind: 'one', codes: Int32Array.of(0, 0, 0, 1, 1, 1) },
}
const site: Facet = {
  id: 'group.site',
  values: ['A', 'B'],
  membership: { kind: 'one', codes: Int32Array.of(0, 1, -1, 0, 1, 1) },
}
const tag: Facet = {
  id: 'tag',
  values: ['odd', 'last'],
  membership: { kind: 'many', masks: [Uint8Array.of(0, 1, 0, 1, 0, 1), Uint8Array.of(0, 0, 0, 0, 0, 1)] },
}
const facets = [animal, site, tag]
const nobody = new Uint8Array(6)
const choose = (...entries: readonly (readonly [string, readonly number[]])[]) =>
  new Map(entries.map(([id, values]) => [id, new Set(values)]))

describe('facets', () => {
  it('without a choice let everything pass and count it', () => {
    const { count, counts } = filterSamples(6, facets, new Map(), null, nobody)
    expect(count).toBe(6)
    expect([...(counts.get('class')?.shown ?? [])]).toEqual([3, 3])
    expect([...(counts.get('group.site')?.shown ?? [])]).toEqual([2, 3])
    expect([...(counts.get('tag')?.shown ?? [])]).toEqual([3, 1])
  })

  it('count each by all others: what a further click would give', () => {
    const { matching, counts } = filterSamples(6, facets, choose(['class', [1]], ['group.site', [1]]), null, nobody)
    expect([...matching]).toEqual([0, 0, 0, 0, 1, 1])
    // Of site B: one cat, two dogs. Of dogs: one at A, two at B.
    expect([...(counts.get('class')?.shown ?? [])]).toEqual([1, 2])
    expect([...(counts.get('group.site')?.shown ?? [])]).toEqual([1, 2])
    expect([...(counts.get('tag')?.shown ?? [])]).toEqual([1, 1])
  })

  it('take several values of one facet as either, and several facets as both', () => {
    const both = filterSamples(6, facets, choose(['class', [0, 1]], ['tag', [0, 1]]), null, nobody)
    expect([...both.matching]).toEqual([0, 1, 0, 1, 0, 1])
  })

  it('count what is selected within', () => {
    const selected = Uint8Array.of(1, 0, 0, 0, 0, 1)
    const { counts } = filterSamples(6, facets, choose(['class', [1]]), null, selected)
    expect([...(counts.get('group.site')?.selected ?? [])]).toEqual([0, 1])
  })

  it('agree with counting one by one, whatever is chosen', () =>
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 2 })), { minLength: 1, maxLength: 30 }),
        fc.subarray([0, 1, 2]),
        fc.subarray([0, 1, 2]),
        (rows, first, second) => {
          const a: Facet = {
            id: 'a',
            values: ['0', '1', '2'],
            membership: { kind: 'one', codes: Int32Array.from(rows, ([x]) => x) },
          }
          const b: Facet = {
            id: 'b',
            values: ['0', '1', '2'],
            membership: { kind: 'one', codes: Int32Array.from(rows, ([, y]) => y) },
          }
          const passes = (chosen: readonly number[], value: number): boolean =>
            chosen.length === 0 || chosen.includes(value)
          const { matching, counts } = filterSamples(
            rows.length,
            [a, b],
            choose(['a', first], ['b', second]),
            null,
            new Uint8Array(rows.length),
          )
          expect([...matching]).toEqual(rows.map(([x, y]) => (passes(first, x) && passes(second, y) ? 1 : 0)))
          expect([...(counts.get('a')?.shown ?? [])]).toEqual(
            [0, 1, 2].map((value) => rows.filter(([x, y]) => x === value && passes(second, y)).length),
          )
        },
      ),
      { seed: 6, numRuns: 60 },
    ))
})

describe('search and order', () => {
  const names = ['cat/10.png', 'cat/9.png', 'dog/2.png', 'dog/10.png']

  it('finds numbers, ranges and parts of names', () => {
    expect([...(searchSamples('2', names, 4) ?? [])]).toEqual([0, 0, 1, 0])
    expect([...(searchSamples('1-2', names, 4) ?? [])]).toEqual([0, 1, 1, 0])
    expect([...(searchSamples('10.PNG', names, 4) ?? [])]).toEqual([1, 0, 0, 1])
    expect([...(searchSamples('#1', names, 4) ?? [])]).toEqual([0, 1, 0, 0])
    expect(searchSamples('  ', names, 4)).toBeNull()
  })

  it('orders by a figure either way, and those without one last', () => {
    const matching = Uint8Array.of(1, 1, 1, 0, 1)
    const key = [3, Number.NaN, 1, 0, 3]
    expect([...orderSamples(matching, 4, key, false)]).toEqual([2, 0, 4, 1])
    expect([...orderSamples(matching, 4, key, true)]).toEqual([0, 4, 2, 1])
    expect([...orderSamples(matching, 4, null, true)]).toEqual([4, 2, 1, 0])
  })

  it('orders names as people number them', () => {
    expect([...nameRanks(names)]).toEqual([1, 0, 2, 3])
  })
})

describe('a histogram', () => {
  const values = Float32Array.of(0, 0.5, 1, Number.NaN, 1, 9)
  const matching = Uint8Array.of(1, 1, 1, 1, 1, 0)

  it('counts what is in the filter, and what has no value', () => {
    const found = histogramOf(values, matching, Uint8Array.of(0, 0, 1, 0, 0, 0), 2)
    expect(found).toMatchObject({ low: 0, high: 1, missing: 1 })
    expect([...(found?.all ?? [])]).toEqual([1, 3])
    expect([...(found?.selected ?? [])]).toEqual([0, 1])
  })

  it('is nothing where nobody has a value', () => {
    expect(histogramOf(values, Uint8Array.of(0, 0, 0, 1, 0, 0), new Uint8Array(6), 4)).toBeNull()
  })

  it('selects a range with both its ends', () => {
    expect([...samplesInRange(values, matching, 0.5, 1)]).toEqual([1, 2, 4])
  })
})
