import { predictorControl } from './label-control.ts'

export const countMatchedRandom = predictorControl({
  id: 'count-matched-random',
  title: 'Random, same count',
  summary: 'As many hard labels as TMU predicts, on images drawn at random: what a right number alone is worth.',
  source: 'count-matched-random',
})
