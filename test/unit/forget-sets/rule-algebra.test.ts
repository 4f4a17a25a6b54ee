import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ForgetRule } from '#shared/domain/forget-set.ts'
import { depthOfRule, evaluateRule, partsOfRule, type RuleContext } from '#shared/forget-rule.ts'
import { decodeIdRanges, encodeIdRanges, idsOfMask } from '#shared/id-ranges.ts'

/** Twelve samples: classes a a a a b b b b c c c c; 0 to 9 are members; three people, of 11 nothing is known. */
const context: RuleContext = {
  members: Int32Array.from({ length: 10 }, (_, id) => id),
  labels: Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2),
  classNames: ['a', 'b', 'c'],
  groups: [{ name: 'person', values: ['Ada', 'Bo', 'Cy'], codes: Int32Array.of(0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 0, -1) }],
  // Samples in turn in three clusters, the largest first; those of `b` are in two clusters of their own.
  clusterings: [
    { clusters: 3, within: null, seed: 1, codes: Int32Array.from({ length: 12 }, (_, id) => id % 3) },
    { clusters: 2, within: 'b', seed: 1, codes: Int32Array.of(-1, -1, -1, -1, 0, 0, 0, 1, -1, -1, -1, -1) },
  ],
}
const chosen = (rule: ForgetRule, seed = 1): readonly number[] => [...idsOfMask(evaluateRule(rule, context, seed))]
const all = (className: string): ForgetRule => ({ kind: 'class', className, fraction: 1 })
const person = (...values: string[]): ForgetRule => ({ kind: 'group', column: 'person', values })
const picked = (ids: string): ForgetRule => ({ kind: 'picked', ids, source: 'test' })
const cluster = (...chosen: number[]): ForgetRule => ({ kind: 'cluster', clusters: 3, chosen, within: null })
const union = (...rules: ForgetRule[]): ForgetRule => ({ kind: 'union', rules })
const both = (...rules: ForgetRule[]): ForgetRule => ({ kind: 'intersection', rules })
const minus = (from: ForgetRule, without: ForgetRule): ForgetRule => ({ kind: 'minus', from, without })

describe('a rule', () => {
  it.each<readonly [string, ForgetRule, readonly number[]]>([
    ['of a whole class has its members', all('a'), [0, 1, 2, 3]],
    ['of a class has nobody outside D', all('c'), [8, 9]],
    ['of a person has that person’s members', person('Ada'), [0, 3, 6, 9]],
    ['of two people has both', person('Bo', 'Cy'), [1, 2, 4, 5, 7, 8]],
    ['of a cluster has its members', cluster(2), [1, 4, 7]],
    ['of two clusters has both', cluster(1, 3), [0, 2, 3, 5, 6, 8, 9]],
    ['of clusters of a class', { kind: 'cluster', clusters: 2, chosen: [1], within: 'b' }, [4, 5, 6]],
    ['of a cluster within a class', both(cluster(2), all('a')), [1]],
    ['of a class without a cluster', minus(all('a'), cluster(1)), [1, 2]],
    ['of picked samples has these, whatever their side', picked('2,10-11'), [2, 10, 11]],
    ['of a union has each once', union(all('a'), person('Ada')), [0, 1, 2, 3, 6, 9]],
    ['of an intersection has what is in all', both(union(all('a'), all('b')), person('Ada')), [0, 3, 6]],
    ['of a difference has what is left', minus(all('a'), person('Ada')), [1, 2]],
    ['of nothing in common has nobody', both(all('a'), all('b')), []],
    ['may be nested', minus(union(all('a'), all('b')), both(all('b'), person('Bo'))), [0, 1, 2, 3, 5, 6]],
  ])('%s', (_what, rule, ids) => {
    expect(chosen(rule)).toEqual(ids)
  })

  it('draws a number as the beginning of a larger number', () => {
    const three = chosen({ kind: 'random-count', count: 3 })
    expect(three).toHaveLength(3)
    expect(chosen({ kind: 'random-count', count: 6 })).toEqual(expect.arrayContaining([...three]))
    expect(chosen({ kind: 'random', fraction: 0.3 })).toEqual(three)
  })

  it('counts its parts and its depth', () => {
    const rule = minus(union(all('a'), all('b')), person('Ada'))
    expect([...partsOfRule(rule)].map(({ kind }) => kind)).toEqual(['minus', 'union', 'class', 'class', 'group'])
    expect(depthOfRule(rule)).toBe(3)
  })

  it.each<readonly [string, ForgetRule]>([
    ['a class', all('d')],
    ['a column', { kind: 'group', column: 'patient', values: ['x'] }],
    ['a value', person('Dee')],
  ])('refuses %s that there is not', (_what, rule) => {
    expect(() => evaluateRule(rule, context, 1)).toThrow(/has no/)
  })
})

it('is not counted with clusters of another seed', () => {
  expect(() => evaluateRule(cluster(1), context, 2)).toThrow('not known')
})

describe('the algebra', () => {
  const leaf: fc.Arbitrary<ForgetRule> = fc.oneof(
    fc.record({
      kind: fc.constant('class' as const),
      className: fc.constantFrom('a', 'b', 'c'),
      fraction: fc.constantFrom(0.25, 0.5, 1),
    }),
    fc.record({ kind: fc.constant('random' as const), fraction: fc.constantFrom(0.1, 0.5, 0.9) }),
    fc.subarray(['Ada', 'Bo', 'Cy'], { minLength: 1 }).map((values) => person(...values)),
    fc.subarray([1, 2, 3], { minLength: 1 }).map((numbers) => cluster(...numbers)),
    fc.uniqueArray(fc.nat({ max: 9 })).map((ids) => picked(encodeIdRanges(ids.toSorted((a, b) => a - b)))),
  )
  const { tree } = fc.letrec<{ tree: ForgetRule }>((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      fc.array(tie('tree'), { minLength: 1, maxLength: 3 }).map((rules) => union(...rules)),
      fc.array(tie('tree'), { minLength: 1, maxLength: 3 }).map((rules) => both(...rules)),
      fc.tuple(tie('tree'), tie('tree')).map(([from, without]) => minus(from, without)),
    ),
  }))
  const holds = (law: (a: ForgetRule, b: ForgetRule, c: ForgetRule) => void): void =>
    fc.assert(fc.property(tree, tree, tree, law), { seed: 6, numRuns: 150 })

  it('has unions and intersections that don’t care for order', () =>
    holds((a, b) => {
      expect(chosen(union(a, b))).toEqual(chosen(union(b, a)))
      expect(chosen(both(a, b))).toEqual(chosen(both(b, a)))
    }))

  it('has nothing left of a rule without itself, and all of one with itself', () =>
    holds((a) => {
      expect(chosen(minus(a, a))).toEqual([])
      expect(chosen(union(a, a))).toEqual(chosen(a))
      expect(chosen(both(a, a))).toEqual(chosen(a))
    }))

  it('distributes, and a difference is what is not in common', () =>
    holds((a, b, c) => {
      expect(chosen(both(a, union(b, c)))).toEqual(chosen(union(both(a, b), both(a, c))))
      expect(chosen(minus(a, union(b, c)))).toEqual(chosen(both(minus(a, b), minus(a, c))))
      expect(chosen(union(minus(a, b), both(a, b)))).toEqual(chosen(a))
    }))

  it('stays within D where nobody was picked outside', () =>
    holds((a) => {
      expect(chosen(a).every((id) => id < 10)).toBe(true)
    }))
})

describe('id ranges', () => {
  it('write runs short', () => {
    expect(encodeIdRanges([0, 1, 2, 3, 4, 7, 9, 10])).toBe('0-4,7,9-10')
    expect(encodeIdRanges([])).toBe('')
  })

  it('come back as they were', () =>
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat({ max: 299 })), (given) => {
        const ids = given.toSorted((a, b) => a - b)
        expect([...decodeIdRanges(encodeIdRanges(ids), 300)]).toEqual(ids)
      }),
      { seed: 6 },
    ))

  it.each(['a', '1-', '-3', '5-2', '0-300', '1,,2', '1.5', '1e2', '99999999999'])('refuse "%s"', (text) => {
    expect(() => decodeIdRanges(text, 300)).toThrow()
  })

  it('take any order and repeats', () => {
    expect([...decodeIdRanges('9, 3-5,4,9', 10)]).toEqual([3, 4, 5, 9])
  })
})
