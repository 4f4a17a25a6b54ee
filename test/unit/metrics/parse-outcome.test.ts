import { describe, expect, it } from 'vitest'
import type { OutcomeArray } from '#main/metrics/parse-outcome.ts'
import { AppError } from '#shared/errors.ts'
import { integers, matrix, outcomeOf } from './build-outcome.ts'

const rows = [
  [1, 0, 0],
  [0, 1, 0],
]
const complete = {
  'labels/forget': integers([0, 1]),
  'ids/forget': { dtype: 'string', shape: [2], data: ['a', 'b'] },
  'unlearned/forget/logits': matrix(rows),
  'gold0/forget/logits': matrix(rows),
  'gold0/forget/features': matrix([[1], [2]]),
  'labels/evaluation': integers([2, 0]),
  'unlearned/evaluation/logits': matrix(rows),
} satisfies Record<string, OutcomeArray>

function refusal(change: Record<string, OutcomeArray | undefined>): AppError {
  const arrays: Record<string, OutcomeArray> = {}
  for (const [name, array] of Object.entries({ ...complete, ...change })) if (array !== undefined) arrays[name] = array
  try {
    outcomeOf(arrays)
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('was not refused')
}

describe('parseOutcome', () => {
  it('reads sets, labels, ids, logits and features', () => {
    const outcome = outcomeOf(complete)
    expect(outcome.classCount).toBe(3)
    expect([...(outcome.sets.forget.labels ?? [])]).toEqual([0, 1])
    expect(outcome.sets.forget.ids).toEqual(['a', 'b'])
    expect(outcome.sets.evaluation?.ids).toBeNull()
    expect(outcome.sets.retain).toBeUndefined()
    expect([...outcome.models.keys()]).toEqual(['unlearned', 'gold0'])
    expect(outcome.models.get('gold0')?.forget?.features?.width).toBe(1)
    expect(outcome.models.get('gold0')?.forget?.logits).toBe(complete['gold0/forget/logits'].data)
    expect(outcome.models.get('unlearned')?.forget?.features).toBeNull()
  })

  it('takes labels and ids of any integer type', () => {
    for (const data of [Uint8Array.of(0, 1), Int32Array.of(0, 1), BigInt64Array.of(0n, 1n)]) {
      const labels = { dtype: 'int', shape: [2], data }
      const outcome = outcomeOf({ ...complete, 'labels/forget': labels, 'ids/forget': labels })
      expect([...outcome.sets.forget.labels]).toEqual([0, 1])
      expect(outcome.sets.forget.ids).toEqual(['0', '1'])
    }
  })

  it.each<[why: string, array: string, change: Record<string, OutcomeArray | undefined>]>([
    ['no unlearned logits on forget', 'unlearned/forget/logits', { 'unlearned/forget/logits': undefined }],
    ['no labels of a set', 'labels/evaluation', { 'labels/evaluation': undefined }],
    ['no labels of forget', 'labels/forget', { 'labels/forget': undefined }],
    ['an unknown set', 'gold0/test/logits', { 'gold0/test/logits': matrix(rows) }],
    ['an unknown model', 'teacher/forget/logits', { 'teacher/forget/logits': matrix(rows) }],
    ['a gold without its number', 'gold/forget/logits', { 'gold/forget/logits': matrix(rows) }],
    ['a gold with a padded number', 'gold01/forget/logits', { 'gold01/forget/logits': matrix(rows) }],
    ['an unknown kind', 'gold0/forget/weights', { 'gold0/forget/weights': matrix(rows) }],
    ['an unknown name', 'targets/forget', { 'targets/forget': integers([0, 1]) }],
    ['a name without a set', 'labels', { labels: integers([0, 1]) }],
    ['logits of rank 1', 'gold0/forget/logits', { 'gold0/forget/logits': { ...matrix(rows), shape: [6] } }],
    ['logits of too few rows', 'gold0/forget/logits', { 'gold0/forget/logits': matrix(rows.slice(1)) }],
    ['features of too many rows', 'gold0/forget/features', { 'gold0/forget/features': matrix([[1], [2], [3]]) }],
    ['logits with other classes', 'gold0/forget/logits', { 'gold0/forget/logits': matrix(rows.map((r) => [...r, 0])) }],
    [
      'logits shorter than their shape',
      'gold0/forget/logits',
      {
        'gold0/forget/logits': { ...matrix(rows), data: new Float32Array(5) },
      },
    ],
    [
      'integer logits',
      'gold0/forget/logits',
      {
        'gold0/forget/logits': { dtype: 'I32', shape: [2, 3], data: new Int32Array(6) },
      },
    ],
    [
      'NaN logits',
      'gold0/forget/logits',
      {
        'gold0/forget/logits': matrix([
          [0, 1, 2],
          [0, Number.NaN, 0],
        ]),
      },
    ],
    [
      'infinite logits',
      'unlearned/evaluation/logits',
      {
        'unlearned/evaluation/logits': matrix([
          [0, 1, 2],
          [0, Number.NEGATIVE_INFINITY, 0],
        ]),
      },
    ],
    ['NaN features', 'gold0/forget/features', { 'gold0/forget/features': matrix([[1], [Number.NaN]]) }],
    ['a label of K', 'labels/forget', { 'labels/forget': integers([0, 3]) }],
    ['a negative label', 'labels/forget', { 'labels/forget': integers([0, -1]) }],
    ['float labels', 'labels/forget', { 'labels/forget': { dtype: 'F32', shape: [2], data: Float32Array.of(0, 0.5) } }],
    ['labels of rank 2', 'labels/forget', { 'labels/forget': { ...integers([0, 1]), shape: [2, 1] } }],
    ['duplicate ids', 'ids/forget', { 'ids/forget': integers([7, 7]) }],
    ['too few ids', 'ids/forget', { 'ids/forget': integers([7]) }],
    ['float ids', 'ids/forget', { 'ids/forget': matrix([[1], [2]]) }],
    ['ids of an unlabelled set', 'labels/retain', { 'ids/retain': integers([7]) }],
    ['an empty set', 'labels/evaluation', { 'labels/evaluation': integers([]) }],
    [
      'a repeat without forget',
      'unlearned0/forget/logits',
      {
        'unlearned/forget/logits': undefined,
        'unlearned/evaluation/logits': undefined,
        'unlearned0/evaluation/logits': matrix(rows),
      },
    ],
  ])('refuses %s, naming the array', (_why, array, change) => {
    const error = refusal(change)
    expect(error.code).toBe('bad-input')
    expect(error.message).toContain(array)
    expect(error.hint).toBeTruthy()
  })

  it('refuses fewer than two classes', () => {
    const error = refusal({ 'unlearned/forget/logits': matrix([[1], [2]]) })
    expect(error.message).toContain('unlearned/forget/logits has 1 column')
  })

  it('says where the first NaN is', () => {
    const error = refusal({
      'gold0/forget/logits': matrix([
        [0, 1, 2],
        [0, Number.NaN, Number.NaN],
      ]),
    })
    expect(error.message).toContain('NaN in row 1, column 1')
  })

  it('refuses a single unlearned model beside numbered repeats', () => {
    const error = refusal({ 'unlearned1/forget/logits': matrix(rows) })
    expect(error.message).toContain('"unlearned"')
    expect(error.message).toContain('"unlearned1"')
  })
})
