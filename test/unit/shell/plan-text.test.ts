import { expect, it } from 'vitest'
import { describePlan } from '#main/shell/cli/plan-text.ts'
import type { StudyPlan } from '#shared/domain/study.ts'

const plan = (twin: StudyPlan['twin']): StudyPlan => ({
  study: 's',
  engine: 'wasm',
  stages: [],
  toCompute: 3,
  toReuse: 1,
  trains: { originals: 1, golds: 2, twins: 1, shadows: 0 },
  workers: { count: 2, slots: 2, stageMemory: 2 ** 28 },
  twin,
  seconds: null,
})
const notesOf = (twin: StudyPlan['twin']): readonly string[] =>
  describePlan(plan(twin))
    .split('\n')
    .filter((line) => line.startsWith('note: '))

it('a plan says which classes its twin problem lacks, and that its twin set is small', () => {
  expect(
    notesOf({
      samples: 49,
      lacking: [{ className: 'Bag', forget: 12 }],
      scarce: [{ className: 'Coat', share: 0.01, forgetShare: 0.09 }],
    }),
  ).toEqual([
    'note: the twin set has no sample of Bag (12 to forget); the twin problem can say nothing of these.',
    'note: the twin set has few samples of Coat (1.0 % of it, 9.0 % of F).',
    'note: the twin set has only 49 samples; what is learned from so few is uncertain.',
  ])
  expect(notesOf({ samples: 50, lacking: [], scarce: [] })).toEqual([])
  expect(notesOf(null)).toEqual([])
  expect(describePlan(plan({ samples: 50, lacking: [], scarce: [] }))).toContain(
    'The twin set has 50 samples. Do they look like those to forget? tmu study test s',
  )
})
