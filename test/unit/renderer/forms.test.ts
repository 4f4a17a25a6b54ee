import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { methods } from '#main/compute/methods.ts'
import type { MethodInfo } from '#shared/domain/system.ts'
import { parameterFields, parameterProblem, parameterValue } from '../../../src-renderer/lib/json-schema.ts'
import { draftProblems, draftSettings, emptyDraft, type StudyDraft } from '../../../src-renderer/lib/study-draft.ts'

const schema = z
  .object({
    epochs: z.int().min(1).max(1000).default(5).describe('Epochs; public code'),
    lr: z.number().gt(0).max(10).default(0.002),
    optimizer: z.enum(['adam', 'sgd']).default('adam'),
    nesterov: z.boolean().default(false),
    nested: z.object({ a: z.number() }).default({ a: 1 }),
  })
  .strict()
const info: MethodInfo = {
  id: 'toy',
  title: 'Toy',
  family: 'baseline',
  usual: true,
  summary: '',
  citation: '',
  defaults: schema.parse({}),
  schema: z.toJSONSchema(schema) as Record<string, unknown>,
}
const field = (key: string) => {
  const found = parameterFields(info.schema, info.defaults).find((candidate) => candidate.key === key)
  if (found === undefined) throw new Error(`There is no field ${key}.`)
  return found
}

describe('fields from a JSON Schema', () => {
  it('have kind, range, default and description of the parameter', () => {
    expect(field('epochs')).toMatchObject({
      kind: 'integer',
      minimum: 1,
      maximum: 1000,
      fallback: 5,
      description: 'Epochs; public code',
    })
    expect(field('lr')).toMatchObject({
      kind: 'number',
      minimum: 0,
      exclusiveMinimum: true,
      maximum: 10,
      fallback: 0.002,
    })
    expect(field('optimizer')).toMatchObject({ kind: 'choice', choices: ['adam', 'sgd'], fallback: 'adam' })
    expect(field('nesterov')).toMatchObject({ kind: 'boolean', fallback: false })
  })

  it('leave out what no single value can set', () => {
    expect(parameterFields(info.schema, info.defaults).map(({ key }) => key)).not.toContain('nested')
  })

  it('judge a typed value as the schema does', () => {
    for (const typed of ['0', '0.5', '1', '1000', '1001', 'many', ''])
      expect(parameterProblem(field('epochs'), typed) === null, typed).toBe(
        typed === '' || schema.shape.epochs.safeParse(Number(typed)).success,
      )
    for (const typed of ['0', '1e-9', '10', '10.1', '-1'])
      expect(parameterProblem(field('lr'), typed) === null, typed).toBe(
        schema.shape.lr.safeParse(Number(typed)).success,
      )
  })

  it('send numbers as numbers and switches as switches', () => {
    expect(parameterValue(field('lr'), '1e-3')).toBe(0.001)
    expect(parameterValue(field('nesterov'), 'true')).toBe(true)
    expect(parameterValue(field('optimizer'), 'sgd')).toBe('sgd')
  })

  it('cover every parameter of every method of the program', () => {
    for (const method of methods.values()) {
      const fields = parameterFields(
        z.toJSONSchema(method.params) as Record<string, unknown>,
        method.params.parse({}) as Record<string, unknown>,
      )
      expect(
        fields.map(({ key }) => key),
        method.id,
      ).toEqual(Object.keys(method.params.shape))
      for (const { key, fallback } of fields) expect(fallback, `${method.id}.${key}`).not.toBeNull()
    }
  })
})

describe('a study being filled in', () => {
  const good = (): StudyDraft => ({ ...emptyDraft(), name: 'Shirts', dataset: 'd', forgetSet: 'f', methods: ['toy'] })

  it('is complete with a name, data set, forget set and method', () => {
    expect([...draftProblems(good(), [info], [])]).toEqual([])
  })

  it.each([
    [{ name: ' ' }, 'name', 'name-missing'],
    [{ name: 'a/b' }, 'name', 'name-wrong'],
    [{ name: 'Old' }, 'name', 'name-taken'],
    [{ dataset: '' }, 'dataset', 'dataset-missing'],
    [{ forgetSet: '' }, 'forgetSet', 'forget-missing'],
    [{ methods: [] }, 'methods', 'methods-missing'],
    [{ seeds: '0' }, 'seeds', 'seeds-wrong'],
    [{ golds: '2.5' }, 'golds', 'golds-wrong'],
    [{ settings: { epochs: '0' } }, 'epochs', 'setting-low'],
    [{ settings: { 'toy.lr': '11' } }, 'toy.lr', 'setting-high'],
    [{ settings: { 'toy.epochs': 'x' } }, 'toy.epochs', 'setting-number'],
  ])('says what is wrong with %o', (change, where, problem) => {
    expect([...draftProblems({ ...good(), ...change }, [info], ['Old'])]).toEqual([[where, problem]])
  })

  it('sends only what was typed, and nothing of methods that are not chosen', () => {
    const draft: StudyDraft = { ...good(), settings: { epochs: '20', lr: ' ', 'toy.lr': '0.01', 'other.lr': '1' } }
    expect(draftSettings(draft, [info])).toEqual({ epochs: 20, 'toy.lr': 0.01 })
    expect(draftSettings({ ...draft, methods: [] }, [info])).toEqual({ epochs: 20 })
  })
})
