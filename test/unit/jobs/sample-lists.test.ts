import { describe, expect, it } from 'vitest'
import { shiftedTwin } from '#main/workbench/jobs/sample-lists.ts'
import { twinSamples } from '#main/workbench/jobs/twin-samples.ts'
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

  it.each([
    // The exact mix would take 1/20 of F's counts: 11. A tenth of 220 may be short; the third class is 20 of them.
    { forget: [100, 100, 20], pool: [200, 199, 1], twin: [200, 199, 1] },
    // Of the first class nothing may be spared; the second is there with one sample at least.
    { forget: [201, 1, 0], pool: [100, 300, 0], twin: [100, 1, 0] },
    // Both scarce classes are half of F. At s they would be short of 100 - 20 / s, at most 20: s = 1/4, no gain of note.
    { forget: [50, 50, 100], pool: [10, 10, 300], twin: [10, 10, 20] },
    // Short of 30 - 3 / s, at most 20: s = 3/10, three times the exact tenth.
    { forget: [170, 30, 0], pool: [300, 3, 0], twin: [51, 3, 0] },
    // The pool lacks the third class: the mix of the other two.
    { forget: [10, 20, 30], pool: [40, 80, 0], twin: [40, 80, 0] },
  ])('of a pool of $pool for an F of $forget are $twin', ({ forget, pool, twin }) => {
    const labels = Int32Array.from(pool.flatMap((size, label) => Array<number>(size).fill(label)))
    const all = Int32Array.from(labels.keys())
    const counts = new Map(forget.flatMap((count, label) => (count > 0 ? [[label, count] as const] : [])))
    const found = twinSamples(all, labels, counts, Random.of(1))
    expect(pool.map((_, label) => found.filter((sample) => labels[sample] === label).length)).toEqual(twin)
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

describe('a shifted twin pool', () => {
  const labels = Int32Array.from({ length: 60 }, (_, i) => i % 3)
  const pool = Int32Array.from({ length: 60 }, (_, i) => i)
  const twin = pool.filter((sample) => labels[sample] === 1)
  const shift = { share: 1, mix: 0, classIndex: null }
  const classes = (samples: Int32Array) => [0, 1, 2].map((k) => samples.filter((sample) => labels[sample] === k).length)

  it('is all of H_c when nothing is changed', () => {
    expect(shiftedTwin(twin, pool, labels, shift, 1)).toEqual(twin)
  })

  it('of another class has all of that class', () => {
    expect(classes(shiftedTwin(twin, pool, labels, { ...shift, classIndex: 2 }, 1))).toEqual([0, 0, 20])
  })

  it('mixed has as many samples, a quarter of them of other classes', () => {
    const [a, own, b] = classes(shiftedTwin(twin, pool, labels, { ...shift, mix: 0.25 }, 1))
    expect([own, a + b]).toEqual([15, 5])
  })

  it('is a seeded share of the rest, ascending, and never empty', () => {
    const half = shiftedTwin(twin, pool, labels, { ...shift, share: 0.5 }, 1)
    expect(half).toHaveLength(10)
    expect([...half]).toEqual([...half].sort((a, b) => a - b))
    expect(shiftedTwin(twin, pool, labels, { ...shift, share: 0.5 }, 1)).toEqual(half)
    expect(shiftedTwin(twin, pool, labels, { ...shift, share: 0.5 }, 2)).not.toEqual(half)
    expect(shiftedTwin(twin, pool, labels, { ...shift, share: 0.001 }, 1)).toHaveLength(1)
  })
})
