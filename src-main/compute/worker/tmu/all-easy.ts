import { labelControl } from './label-control.ts'

export const allEasy = labelControl({
  id: 'all-easy',
  title: 'All easy',
  summary: 'TMU told that the gold still gets every forgotten image right.',
  source: 'all-easy',
  unused: ['hardTreatment', 'mapFirstEpoch', 'mapSecondEpoch'],
})
