import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { readChoice, readJson, writeError, writeJson } from '#main/store/json-column.ts'
import { costSchema, errorSchema, metricsSchema, studyConfigSchema } from '#main/store/schemas.ts'
import { AppError } from '#shared/errors.ts'

const place = { row: 'run abc', column: 'metrics' }

describe('a JSON column', () => {
  it('gives back what was written', () => {
    const metrics = {
      gap: { value: -0.25, ci: [-0.5, 0] as const, n: 40, ci90: null, perModel: { 'unlearned0/gold1': -0.25 } },
      miaAuc: { absent: 'only one gold' },
    }
    expect(readJson(metricsSchema, writeJson(metricsSchema, metrics, place), place)).toEqual(metrics)
  })

  it('refuses to write NaN, which JSON would turn into null, wherever it hides', () => {
    const nan = { gap: { value: Number.NaN, ci: null, n: 1 } }
    expect(() => writeJson(metricsSchema, nan, place)).toThrow(/metrics of run abc can't be stored: gap/)
    const hidden = z.record(z.string(), z.unknown())
    expect(() => writeJson(hidden, { a: { b: [Number.POSITIVE_INFINITY] } }, place)).toThrow(/Infinity/)
  })

  it.each([
    ['text that is no JSON', '{"gap":'],
    ['a member that this version does not know', '{"gap":{"value":1,"ci":null,"n":1,"extra":2}}'],
    ['a member that is missing', '{"gap":{"value":1}}'],
    ['another type', '[1,2]'],
  ])('refuses to read %s, naming row and column', (_what, text) => {
    const read = (): unknown => readJson(metricsSchema, text, place)
    expect(read).toThrow(/metrics of run abc/)
    expect(read).toThrow(expect.objectContaining({ code: 'corrupt' }))
  })

  it('refuses negative costs and configurations without their methods', () => {
    expect(() => writeJson(costSchema, { seconds: -1, visitsForward: 0, visitsBackward: 0 }, place)).toThrow(/seconds/)
    expect(() => readJson(studyConfigSchema, '{"datasetId":"d"}', place)).toThrow(AppError)
  })

  it('knows only the choices of its own version', () => {
    expect(readChoice(['queued', 'running'], 'running', place)).toBe('running')
    expect(() => readChoice(['queued', 'running'], 'paused', place)).toThrow(/no "paused"/)
  })
})

describe('an error column', () => {
  it('keeps code, sentence, hint and details, and no stack trace', () => {
    const error = new AppError('diverged', 'The loss of tmu became NaN.', { hint: 'Lower lr.', details: { epoch: 3 } })
    const text = writeError(errorSchema, error, place)
    expect(JSON.parse(text)).toEqual({
      code: 'diverged',
      message: 'The loss of tmu became NaN.',
      hint: 'Lower lr.',
      details: { epoch: 3 },
    })
  })

  it('keeps the error when its details cannot be said in JSON', () => {
    const circular: Record<string, unknown> = {}
    circular['self'] = circular
    const text = writeError(errorSchema, { code: 'internal', message: 'It broke.', details: circular }, place)
    expect(JSON.parse(text)).toEqual({ code: 'internal', message: 'It broke.' })
  })
})
