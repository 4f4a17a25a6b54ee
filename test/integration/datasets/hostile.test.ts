import { describe, expect, it } from 'vitest'
import { hostileCases } from '#test/fixtures/hostile/catalogue.ts'
import { runHostile } from '#test/support/run-hostile.ts'

describe('the catalogue of hostile sources', () => {
  it('has at least 150 distinct classes of failure', () => {
    expect(new Set(hostileCases.map(({ name }) => name)).size).toBe(hostileCases.length)
    expect(hostileCases.length).toBeGreaterThanOrEqual(150)
  })
})

describe('a hostile source', () => {
  it.each(hostileCases.map((one) => [one.name, one] as const))('%s', async (_name, one) => {
    const { outcome, texts, seconds, strays } = await runHostile(one)
    expect({ outcome, texts }).toMatchObject({ outcome: one.outcome })
    if (one.outcome !== 'imported') expect(texts.join('\n')).toMatch(one.says ?? /\S/)
    expect(strays).toEqual([])
    expect(seconds).toBeLessThan(2)
  })
})
