import { describe, expect, it } from 'vitest'
import type { ForgetRule } from '#shared/domain/forget-set.ts'
import type { SampleColumns } from '../../../../src-renderer/lib/explorer/columns.ts'
import { copyCodes, partCodes } from '../../../../src-renderer/lib/explorer/columns.ts'
import { forecastGate, twinCount } from '../../../../src-renderer/lib/forget-forecast.ts'
import { completeGroups, copiesLeftBehind, groupIntegrity } from '../../../../src-renderer/lib/forget-integrity.ts'
import { addPart, childrenOf, combine, replacePart } from '../../../../src-renderer/lib/forget-tree.ts'
import { categoryColours, rampColour } from '../../../../src-renderer/theme/categories.ts'
import { contrastRatio } from '../../../../src-renderer/theme/contrast.ts'
import { tokens } from '../../../../src-renderer/theme/tokens.ts'

const part = (className: string): ForgetRule => ({ kind: 'class', className, fraction: 1 })
const [a, b, c] = [part('a'), part('b'), part('c')]

describe('a rule as it is edited', () => {
  it('grows beside parts of the same kind and around others', () => {
    const two = addPart(a, 'union', b)
    expect(addPart(two, 'union', c)).toEqual({ kind: 'union', rules: [a, b, c] })
    expect(addPart(two, 'minus', c)).toEqual({ kind: 'minus', from: two, without: c })
  })

  it('takes all but the first away where three parts become a difference', () => {
    expect(combine('minus', [a, b, c])).toEqual({ kind: 'minus', from: a, without: { kind: 'union', rules: [b, c] } })
  })

  it('is its only part when the others are removed', () => {
    expect(replacePart(combine('union', [a, b]), 0, null)).toEqual(b)
    expect(replacePart(combine('minus', [a, b]), 1, null)).toEqual(a)
    expect(replacePart(combine('minus', [a, b]), 1, c)).toEqual({ kind: 'minus', from: a, without: c })
    expect(childrenOf(combine('minus', [a, b]))).toEqual([a, b])
  })
})

/** Ada has 0 and 1 in D and 4 in E, Bo 2 and 3 in D; 1 is a copy of 0, 3 nearly of 2. */
const columns: SampleColumns = {
  count: 5,
  labels: Int32Array.of(0, 0, 1, 1, 0),
  duplicateOf: Int32Array.of(-1, 0, -1, -1, -1),
  nearGroup: Int32Array.of(0, 0, 2, 2, -1),
  suspects: null,
  groups: [{ name: 'person', values: ['Ada', 'Bo'], codes: Int32Array.of(0, 0, 1, 1, 0) }],
  givenSplit: null,
}
const parts = Uint8Array.of(1, 1, 1, 1, 3)

describe('what a forget set cuts', () => {
  it('are groups of which members stay, and those that are whole', () => {
    const [found] = groupIntegrity(Uint8Array.of(1, 0, 1, 1, 0), parts, columns.groups)
    expect(found).toEqual({
      column: 'person',
      whole: 1,
      cut: [{ value: 'Ada', forgotten: 1, members: 2 }],
      beyond: 1,
    })
    expect(completeGroups(a, found)).toEqual({
      kind: 'union',
      rules: [a, { kind: 'group', column: 'person', values: ['Ada'] }],
    })
  })

  it('are copies that stay in R', () => {
    const left = copiesLeftBehind(Uint8Array.of(1, 0, 0, 1, 0), parts, columns)
    expect([...left.exact]).toEqual([1])
    expect([...(left.near ?? [])]).toEqual([1, 2])
  })

  it('has codes for facets', () => {
    expect([...copyCodes(columns)]).toEqual([1, 1, 2, 2, 0])
    expect([...partCodes(Uint8Array.of(0, 1, 2, 3, 1), [1])]).toEqual([4, 0, 2, 3, 1])
  })
})

describe('the forecast', () => {
  const base = { members: [400, 400], twinPool: [300, 300], evaluation: [100, 100], classNames: ['cat', 'dog'] }
  const state = (forget: readonly number[], change: Partial<typeof base> = {}): Readonly<Record<string, string>> =>
    Object.fromEntries(forecastGate({ ...base, forget, ...change }).map((check) => [check.key, check.state]))

  it('asks for 250 images, enough hard ones, a twin and an evaluation', () => {
    expect(state([300, 0])).toEqual({
      size: 'good',
      // 24 to 120 of 300 would be hard, and 30 are needed.
      hard: 'open',
      wholeClass: 'good',
      twin: 'good',
      evaluation: 'good',
      after: 'open',
    })
    expect(state([249, 0])['size']).toBe('bad')
    expect(state([375, 0])['hard']).toBe('good')
    expect(state([60, 0])['hard']).toBe('bad')
  })

  it('notices whole classes, missing twins and missing evaluation', () => {
    expect(state([400, 0])['wholeClass']).toBe('bad')
    expect(state([300, 10], { twinPool: [300, 0] })['twin']).toBe('bad')
    expect(state([300, 10], { evaluation: [100, 0] })['evaluation']).toBe('bad')
    expect(state([350, 0])['twin']).toBe('open')
  })

  it('counts the twin as a study draws it', () => {
    expect(twinCount([100, 0], [300, 50])).toBe(300)
    // As many as keep 2 to 1: dogs limit it to 50, cats to 100.
    expect(twinCount([200, 100], [300, 50])).toBe(150)
  })
})

describe('colours of classes', () => {
  it.each(['light', 'dark'] as const)('stand out from the %s surface, and no two are the same', (theme) => {
    const colours = categoryColours[theme]
    expect(new Set(colours).size).toBe(10)
    for (const colour of colours) expect(contrastRatio(colour, tokens[theme].surface), colour).toBeGreaterThanOrEqual(3)
  })

  it('have a ramp from viridis’ first to its last', () => {
    expect(rampColour(0)).toBe('#440154')
    expect(rampColour(1)).toBe('#fde725')
    expect(rampColour(0.5)).toBe('#21918c')
  })
})
