import { describe, expect, it } from 'vitest'
import { twinSamples } from '#main/workbench/jobs/sample-lists.ts'
import { Random } from '#shared/random.ts'

/** Samples 0..9 of class 0, 10..29 of class 1, 30..39 of class 2. */
const labels = Int32Array.from({ length: 40 }, (_, i) => (i < 10 ? 0 : i < 30 ? 1 : 2))
const pool = Int32Array.from({ length: 40 }, (_, i) => i)
const classesOf = (samples: Int32Array): readonly number[] =>
  [0, 1, 2].map((label) => samples.filter((sample) => labels[sample] === label).length)

describe('twin samples', () => {
  it('are all of the pool for one class', () => {
    const twin = twinSamples(pool, labels, new Map([[1, 5]]), Random.of(1))
    expect([...twin]).toEqual(Array.from({ length: 20 }, (_, i) => 10 + i))
  })

  it('keep the mix of several classes, as many as the scarcest allows', () => {
    // F has twice as much of class 0 as of class 1; the pool has 10 of class 0.
    const twin = twinSamples(
      pool,
      labels,
      new Map([
        [0, 8],
        [1, 4],
      ]),
      Random.of(1),
    )
    expect(classesOf(twin)).toEqual([10, 5, 0])
    expect([...twin]).toEqual([...twin].toSorted((a, b) => a - b))
  })

  it('are the same at every call, and none without any of the classes in the pool', () => {
    const counts = new Map([
      [1, 3],
      [2, 3],
    ])
    expect(twinSamples(pool, labels, counts, Random.of(1))).toEqual(twinSamples(pool, labels, counts, Random.of(1)))
    expect(twinSamples(pool, labels, new Map([[7, 3]]), Random.of(1))).toHaveLength(0)
  })
})
