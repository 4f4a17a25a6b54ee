import { describe, expect, it } from 'vitest'
import { createId } from '#main/store/create-id.ts'

describe('createId', () => {
  it('gives 12 lower-case characters without the ambiguous i, l, o and u', () => {
    for (let i = 0; i < 200; i++) expect(createId()).toMatch(/^[0-9abcdefghjkmnpqrstvwxyz]{12}$/)
  })

  it('ascends within one millisecond, so that a thousand runs made at once keep their order', () => {
    const now = Date.UTC(2030, 5, 1)
    const ids = Array.from({ length: 1000 }, () => createId(now))
    expect(ids).toEqual([...ids].sort())
    expect(new Set(ids).size).toBe(1000)
  })

  it('ascends with time, and does not go back when the clock does', () => {
    const early = createId(Date.UTC(2031, 0, 1))
    const late = createId(Date.UTC(2032, 0, 1))
    const clockSetBack = createId(Date.UTC(2031, 0, 1))
    expect([clockSetBack, late, early].sort()).toEqual([early, late, clockSetBack])
  })
})
