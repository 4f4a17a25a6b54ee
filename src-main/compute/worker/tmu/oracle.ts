import { labelControl } from './label-control.ts'

export const oracle = labelControl({
  id: 'oracle',
  title: 'Oracle labels',
  summary: 'TMU with labels read off gold 0, scored against the other golds: an upper bound, not a method.',
  source: 'oracle',
})
