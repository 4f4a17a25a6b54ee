import { describe, expect, it } from 'vitest'
import { twinGroups } from '#main/workbench/jobs/twin-groups.ts'

/** Two classes in turn; groups of ten. */
const labels = Int32Array.from({ length: 60 }, (_, i) => i % 2)
const pool = Int32Array.from({ length: 60 }, (_, i) => i)
const groupOf = Int32Array.from({ length: 60 }, (_, i) => Math.floor(i / 10))

describe('twin samples of a split by groups', () => {
  it('are whole groups, as far as they are of F’s classes', () => {
    const twin = twinGroups(pool, labels, new Map([[1, 5]]), groupOf)
    expect([...twin]).toEqual(Array.from({ length: 30 }, (_, i) => 2 * i + 1))
  })

  it('leave out the groups that keep the mix away from F’s', () => {
    // Group 0 holds class 0 alone, the others both alike; F has as many of each.
    const uneven = labels.map((label, i) => (i < 10 ? 0 : label))
    const twin = twinGroups(
      pool,
      uneven,
      new Map([
        [0, 8],
        [1, 8],
      ]),
      groupOf,
    )
    expect([...twin]).toEqual(Array.from({ length: 50 }, (_, i) => 10 + i))
  })

  it('never fall below half of the pool’s', () => {
    const twin = twinGroups(
      pool,
      labels,
      new Map([
        [0, 100],
        [1, 1],
      ]),
      groupOf,
    )
    expect(twin.length).toBeGreaterThanOrEqual(30)
    expect(twin.length % 10).toBe(0)
  })

  it('take samples without a group one by one', () => {
    const none = new Int32Array(60).fill(-1)
    expect(twinGroups(pool, labels, new Map([[0, 3]]), none)).toHaveLength(30)
  })
})
