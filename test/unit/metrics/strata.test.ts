import { describe, expect, it } from 'vitest'
import { strataOfClasses } from '#main/metrics/strata.ts'

const labelsOf = (...sizes: readonly number[]): Int32Array =>
  Int32Array.from(sizes.flatMap((size, label) => Array<number>(size).fill(label)))
/** Stratum of each class. */
const strata = (sizes: readonly number[], kindOf?: (label: number) => 'one' | 'other') => {
  const labels = labelsOf(...sizes)
  const found = strataOfClasses(labels, kindOf)
  return sizes.map((_, label) => found[labels.indexOf(label)])
}

describe('the strata of a bootstrap', () => {
  it('are the classes where each has ten samples or more', () => {
    expect(strata([10, 11, 300])).toEqual([0, 1, 2])
  })

  it('put classes of fewer than ten samples together', () => {
    expect(strata([50, 4, 60, 9])).toEqual([0, 1, 2, 1])
  })

  it('add the next smallest class where those are still fewer than ten', () => {
    expect(strata([50, 3, 60, 2])).toEqual([0, 0, 2, 0])
    expect(strata([300, 1])).toEqual([0, 0])
  })

  it('keep kinds of classes apart', () => {
    expect(strata([4, 4, 5, 5], (label) => (label % 2 === 0 ? 'one' : 'other'))).toEqual([0, 1, 0, 1])
  })

  it('are none of no samples', () => {
    expect([...strataOfClasses(new Int32Array())]).toEqual([])
  })
})
