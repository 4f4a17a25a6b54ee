import { describe, expect, it } from 'vitest'
import type { StudyFacts } from '#main/metrics/gate.ts'
import { auditGate, studyGate } from '#main/metrics/gate.ts'
import type { Gate } from '#shared/domain/metrics.ts'
import type { Found } from './build-evaluation.ts'
import { absent, around, evaluationWith, oneGold } from './build-evaluation.ts'

const valid: StudyFacts = {
  originalForgetAccuracy: 0.97,
  goldForgetAccuracy: 0.77,
  hardCount: 30,
  forgetCount: 250,
  twin: { predictorAuc: 0.6, fitted: true },
  classRemoval: false,
}

function outcomes(gate: Gate): Record<string, boolean | null> {
  return Object.fromEntries(gate.checks.map((check) => [check.name, check.passed]))
}

describe('the gate of a study', () => {
  it('passes at the limits themselves', () => {
    expect(studyGate(valid).passed).toBe(true)
    expect(outcomes(studyGate(valid))).toEqual({
      originalForgetAccuracy: true,
      goldForgetAccuracy: true,
      hardCount: true,
      forgetCount: true,
      predictorAuc: true,
    })
    expect(studyGate({ ...valid, goldForgetAccuracy: 0.6 }).passed).toBe(true)
    expect(studyGate({ ...valid, goldForgetAccuracy: 0.92 }).passed).toBe(true)
  })

  it.each<[check: string, change: Partial<StudyFacts>, note: string]>([
    ['originalForgetAccuracy', { originalForgetAccuracy: 0.9699 }, 'the original knows only 96.99 %'],
    ['originalForgetAccuracy', { originalForgetAccuracy: null }, 'not measured'],
    ['goldForgetAccuracy', { goldForgetAccuracy: 0.59 }, 'the gold knows only 59.0 %'],
    ['goldForgetAccuracy', { goldForgetAccuracy: 0.93 }, 'the gold still knows 93.0 %'],
    ['hardCount', { hardCount: 29.5 }, 'forgets only 29.5 images'],
    ['forgetCount', { forgetCount: 249 }, 'only 249 images to forget'],
    ['predictorAuc', { twin: { predictorAuc: 0.59, fitted: true } }, 'AUC is only 0.59'],
    ['predictorAuc', { twin: { predictorAuc: null, fitted: true } }, 'all easy or all hard'],
    ['predictorAuc', { twin: { predictorAuc: null, fitted: false } }, 'not measured'],
  ])('fails on %s with %o', (name, change, note) => {
    const gate = studyGate({ ...valid, ...change })
    expect(gate.passed).toBe(false)
    expect(gate.checks.filter((check) => check.passed === false).map((check) => check.name)).toEqual([name])
    expect(gate.checks.find((check) => check.name === name)?.note).toContain(note)
  })

  it('says class removal instead of asking for a gold that still knows most of it', () => {
    const gate = studyGate({ ...valid, goldForgetAccuracy: 0, hardCount: 1000, twin: null, classRemoval: true })
    expect(gate.passed).toBe(true)
    expect(gate.checks.find((check) => check.name === 'goldForgetAccuracy')).toMatchObject({
      passed: null,
      value: 0,
      note: 'class removal',
    })
  })

  it('does not ask for hard images and a predictor without a twin', () => {
    const gate = studyGate({ ...valid, hardCount: 3, twin: null })
    expect(gate.passed).toBe(true)
    expect(outcomes(gate)).toMatchObject({ hardCount: null, predictorAuc: null })
  })
})

describe('the gate of an audit', () => {
  it.each<[why: string, found: Found, planned: number | null, passed: boolean, failed: string[]]>([
    ['two golds, something to forget, a narrow gap', {}, null, true, []],
    ['one gold and a planned margin', oneGold, 0.05, true, []],
    ['one gold and no plan', oneGold, null, false, ['reference']],
    [
      'no gold',
      { gap: absent, gapFloor: absent, original: absent, evidence: { goldCount: 0 } },
      0.05,
      false,
      ['reference', 'originalSeparation', 'gapPrecision'],
    ],
    [
      'an original no further off than golds are',
      { original: around(0.01, 0.02) },
      null,
      false,
      ['originalSeparation'],
    ],
    [
      'an original within the margin of the only gold',
      { ...oneGold, original: around(0.04, 0.02) },
      0.05,
      false,
      ['originalSeparation'],
    ],
    ['a gap known too coarsely', { gap: around(0, 0.06) }, null, false, ['gapPrecision']],
    ['a gap without an interval', { gap: { value: 0, n: 8, ci: null } }, null, false, ['gapPrecision']],
  ])('with %s', (_why, found, planned, passed, failed) => {
    const gate = auditGate(evaluationWith(found), planned)
    expect(gate.passed).toBe(passed)
    expect(gate.checks.filter((check) => check.passed === false).map((check) => check.name)).toEqual(failed)
  })

  it('does not ask for an original that the outcome lacks', () => {
    const gate = auditGate(evaluationWith({ original: absent, evidence: { originalForgetAccuracy: null } }), null)
    expect(gate.passed).toBe(true)
    expect(outcomes(gate)).toMatchObject({ originalSeparation: null })
  })
})
