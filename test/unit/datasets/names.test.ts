import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareNatural } from '#main/workbench/datasets/natural-order.ts'
import { nearMatches, notFound } from '#main/workbench/datasets/near-matches.ts'

describe('natural order', () => {
  it('counts numbers as numbers', () => {
    const names = ['img10.png', 'img2.png', 'img1.png', 'a', '10', '9', '02', '2', 'img2b.png']
    expect(names.toSorted(compareNatural)).toEqual([
      '02',
      '2',
      '9',
      '10',
      'a',
      'img1.png',
      'img2.png',
      'img2b.png',
      'img10.png',
    ])
    expect(['img10', 'img9', 'img1'].toSorted(compareNatural)).toEqual(['img1', 'img9', 'img10'])
    expect(['class 100', 'class 20', 'class 3'].toSorted(compareNatural)).toEqual(['class 3', 'class 20', 'class 100'])
    expect(['99999999999999999999', '100000000000000000000'].toSorted(compareNatural)[0]).toBe('99999999999999999999')
  })

  it('is an order: it never depends on where names stood before', () => {
    const name = fc.stringMatching(/^[ab0-9]{0,6}$/)
    fc.assert(
      fc.property(fc.uniqueArray(name), (names) => {
        const sorted = names.toSorted(compareNatural)
        expect(names.toReversed().toSorted(compareNatural)).toEqual(sorted)
      }),
    )
    fc.assert(fc.property(name, name, (a, b) => (compareNatural(a, b) === 0) === (a === b)))
  })
})

describe('names that may be meant', () => {
  it('are those a slip away, best first', () => {
    expect(nearMatches('shrt', ['Shirt', 'Skirt', 'Trouser'])).toEqual(['Shirt', 'Skirt'])
    expect(nearMatches('fashion', ['fashion-mnist', 'cifar10'])).toEqual(['fashion-mnist'])
    expect(nearMatches('xyz', ['fashion-mnist'])).toEqual([])
  })

  it('are what a refusal offers, or else what there is', () => {
    const meant = notFound('data set', 'cifar', ['cifar10', 'lfw'], 'tmu dataset list')
    expect(meant).toMatchObject({
      code: 'not-found',
      message: 'There is no data set "cifar".',
      hint: 'Did you mean "cifar10"?',
    })
    expect(notFound('data set', 'zzz', ['cifar10', 'lfw'], 'tmu dataset list').hint).toBe(
      'There is "cifar10" and "lfw". See all with: tmu dataset list',
    )
    expect(notFound('data set', 'zzz', [], 'tmu dataset list').hint).toMatch(/has no data set yet: make one first/)
  })
})
