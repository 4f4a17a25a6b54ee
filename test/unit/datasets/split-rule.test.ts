import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DealtSplit } from '#main/workbench/datasets/dealt-split.ts'
import { demoSplitRule } from '#main/workbench/datasets/demo-set.ts'
import { countClasses, dealSplit, evaluationFolderOf, fractionsRule } from '#main/workbench/datasets/split-rule.ts'
import type { DealtSplitRule } from '#shared/domain/dataset.ts'

const defaults: DealtSplitRule = { kind: 'fractions', members: 0.7, twinPool: 0.15, evaluation: 0.15 }

/** `counts[c]` samples of each class, classes interleaved. */
function labelsOf(...counts: readonly number[]): Int32Array {
  const labels: number[] = []
  for (let round = 0; labels.length < counts.reduce((a, b) => a + b); round++) {
    counts.forEach((count, label) => round < count && labels.push(label))
  }
  return Int32Array.from(labels)
}

function sizes(labels: Int32Array, split: DealtSplit, classCount: number): readonly (readonly number[])[] {
  return [split.members, split.twinPool, split.evaluation].map((ids) => countClasses(labels, ids, classCount))
}

function all(split: DealtSplit): readonly number[] {
  return [...split.members, ...split.twinPool, ...split.evaluation]
}

const anyLabels = fc
  .array(fc.integer({ min: 1, max: 60 }), { minLength: 2, maxLength: 6 })
  .map((counts) => ({ labels: labelsOf(...counts), classCount: counts.length, counts }))

/** Which earlier sample each is a copy of, as an import finds it: always the first one. */
function anyCopies(count: number): fc.Arbitrary<readonly number[]> {
  return fc
    .array(fc.option(fc.nat(Math.max(0, count - 1)), { freq: 3 }), { minLength: count, maxLength: count })
    .map((wanted) => {
      const result: number[] = []
      wanted.forEach((target, id) => {
        const earlier = target === null || target >= id ? -1 : target
        result.push(earlier < 0 || result[earlier] < 0 ? earlier : result[earlier])
      })
      return result
    })
}

describe('dealing by fractions', () => {
  it('gives each class the same shares, as whole numbers by largest remainder', () => {
    const labels = labelsOf(100, 30, 7)
    // 100: 70, 15, 15. 30: 21, 4.5, 4.5: the evaluation set gets the odd one. 7: 4.9, 1.05, 1.05: 4 + 1, 1, 1.
    expect(sizes(labels, dealSplit(labels, 3, defaults, 1), 3)).toEqual([
      [70, 21, 5],
      [15, 4, 1],
      [15, 5, 1],
    ])
  })

  it('is disjoint, complete, ascending and stratified for every seed', () => {
    fc.assert(
      fc.property(anyLabels, fc.nat(), ({ labels, classCount, counts }, seed) => {
        const split = dealSplit(labels, classCount, defaults, seed)
        expect(all(split).toSorted((a, b) => a - b)).toEqual(Array.from(labels, (_, id) => id))
        for (const ids of [split.members, split.twinPool, split.evaluation]) expect(ids).toEqual(ids.toSorted())
        sizes(labels, split, classCount).forEach((ofSide, side) => {
          const share = [0.7, 0.15, 0.15][side]
          ofSide.forEach((count, label) => expect(Math.abs(count - share * counts[label])).toBeLessThan(1))
        })
      }),
    )
  })

  it('gives the same ids for the same seed and others for another', () => {
    const labels = labelsOf(50, 50)
    expect(dealSplit(labels, 2, defaults, 5)).toEqual(dealSplit(labels, 2, defaults, 5))
    expect(dealSplit(labels, 2, defaults, 5)).not.toEqual(dealSplit(labels, 2, defaults, 6))
  })

  it('gives these very ids for seed 1, as an implementation of its own does (fixtures/deal.py)', () => {
    const { members, twinPool, evaluation } = dealSplit(labelsOf(10, 10), 2, defaults, 1)
    expect([...members]).toEqual([0, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17, 19])
    expect([...twinPool]).toEqual([3, 8])
    expect([...evaluation]).toEqual([1, 2, 13, 18])
  })

  it('leaves out what no share asks for', () => {
    const labels = labelsOf(100)
    const split = dealSplit(labels, 1, { ...defaults, members: 0.2 }, 1)
    expect(sizes(labels, split, 1)).toEqual([[20], [15], [15]])
  })

  it('deals a class out by itself: more samples of another class change nothing', () => {
    const few = dealSplit(Int32Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]), 2, defaults, 3)
    const many = dealSplit(Int32Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1]), 2, defaults, 3)
    const ofClass0 = (split: DealtSplit): unknown =>
      [split.members, split.twinPool, split.evaluation].map((ids) => ids.filter((id) => id < 10))
    expect(ofClass0(few)).toEqual(ofClass0(many))
  })

  it.each<readonly [string, DealtSplitRule, RegExp]>([
    ['more than there is', { ...defaults, members: 0.8 }, /80, 15, 15 % of a split add up to 110 %/],
    ['a negative share', { ...defaults, twinPool: -0.1 }, /between 0 and 100 %/],
    ['no number', { ...defaults, evaluation: Number.NaN }, /between 0 and 100 %/],
    ['no members', { ...defaults, members: 0 }, /needs members/],
  ])('refuses %s', (_what, rule, sentence) => {
    expect(() => dealSplit(labelsOf(10), 1, rule, 1)).toThrow(sentence)
  })
})

describe('a given test folder', () => {
  const labels = labelsOf(20, 20)
  const givenSplit = Array.from(labels, (_, id) => (id % 4 === 0 ? 'test' : 'train'))

  it('is the evaluation set as a whole, and the rest is dealt out 70 to 15', () => {
    const rule = fractionsRule([0.7, 0.15, 0.15], evaluationFolderOf(givenSplit))
    const split = dealSplit(labels, 2, rule, 1, { givenSplit })
    expect([...split.evaluation]).toEqual([0, 4, 8, 12, 16, 20, 24, 28, 32, 36])
    // 20 of class 0 and 20 of class 1 interleave; every fourth is of class 0. 10 and 20 remain: 8.2 to 1.8, 16.5 to 3.5.
    expect(sizes(labels, split, 2).slice(0, 2)).toEqual([
      [8, 16],
      [2, 4],
    ])
  })

  it('keeps copies of its images out of members and twin pool', () => {
    const rule = fractionsRule([0.7, 0.15, 0.15], 'test')
    const duplicateOf = Array.from(labels, () => -1)
    duplicateOf[4] = 1
    duplicateOf[9] = 8
    const split = dealSplit(labels, 2, rule, 1, { givenSplit, duplicateOf })
    expect(split.evaluation).toContain(4)
    expect(all(split)).not.toContain(1)
    expect(all(split)).not.toContain(9)
  })

  it('is told by its name, and not when it is all there is', () => {
    expect(evaluationFolderOf(['train', 'Test', 'val'])).toBe('Test')
    expect(evaluationFolderOf(['train', 'valid'])).toBeNull()
    expect(evaluationFolderOf(['test', 'test'])).toBeNull()
    expect(evaluationFolderOf([null])).toBeNull()
  })
})

describe('exact copies', () => {
  it('never lie on two sides, whatever the labels and the copies', () => {
    const withCopies = anyLabels.chain(({ labels, classCount }) =>
      fc.record({
        labels: fc.constant(labels),
        classCount: fc.constant(classCount),
        duplicateOf: anyCopies(labels.length),
      }),
    )
    fc.assert(
      fc.property(withCopies, fc.nat(), ({ labels, classCount, duplicateOf }, seed) => {
        const split = dealSplit(labels, classCount, defaults, seed, { duplicateOf })
        expect(new Set(all(split)).size).toBe(all(split).length)
        const sideOf = new Map<number, number>()
        ;[split.members, split.twinPool, split.evaluation].forEach((ids, side) => {
          for (const id of ids) sideOf.set(id, side)
        })
        duplicateOf.forEach((first, id) => {
          if (first >= 0) expect(sideOf.get(id)).toBe(sideOf.get(first))
        })
      }),
    )
  })

  it('leave the counts of the classes as they are where they fit', () => {
    const labels = labelsOf(100, 100)
    const duplicateOf = Array.from(labels, (_, id) => (id >= 2 && id < 22 ? id % 2 : -1))
    const split = dealSplit(labels, 2, defaults, 4, { duplicateOf })
    expect(sizes(labels, split, 2)).toEqual([
      [70, 70],
      [15, 15],
      [15, 15],
    ])
  })

  it('go to the members when they are too many for any share', () => {
    const labels = labelsOf(10, 10)
    const duplicateOf = Array.from(labels, (label, id) => (label === 0 && id > 0 ? 0 : -1))
    expect(sizes(labels, dealSplit(labels, 2, defaults, 1, { duplicateOf }), 2)).toEqual([
      [10, 7],
      [0, 1],
      [0, 2],
    ])
  })
})

describe('dealing by counts', () => {
  it('gives exactly what is asked for, as the demo does', () => {
    const labels = labelsOf(...Array<number>(10).fill(2500))
    const split = dealSplit(labels, 10, demoSplitRule, 1)
    const others = (value: number, ofShirts: number): number[] =>
      Array.from({ length: 10 }, (_, c) => (c === 6 ? ofShirts : value))
    expect(sizes(labels, split, 10)).toEqual([others(400, 1000), others(0, 400), others(1000, 1000)])
    expect(new Set(all(split)).size).toBe(4600 + 400 + 10_000)
  })

  it('refuses more than a class has, naming the class and both numbers', () => {
    const rule: DealtSplitRule = { kind: 'counts', members: [2, 5], twinPool: [0, 2], evaluation: [0, 2] }
    const options = { classNames: ['cat', 'dog'] }
    expect(() => dealSplit(labelsOf(8, 8), 2, rule, 1, options)).toThrow(
      '"dog" has 8 samples to deal out, but the split needs 9',
    )
  })

  it('refuses counts of another number of classes', () => {
    const rule: DealtSplitRule = { kind: 'counts', members: [2], twinPool: [0], evaluation: [0] }
    expect(() => dealSplit(labelsOf(8, 8), 2, rule, 1)).toThrow(/for 1 class, the data set has 2/)
  })
})
