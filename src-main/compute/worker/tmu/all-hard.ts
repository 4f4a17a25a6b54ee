import { labelControl } from './label-control.ts'

export const allHard = labelControl({
  id: 'all-hard',
  title: 'All hard',
  summary: 'TMU told that the gold gets every forgotten image wrong.',
  source: 'all-hard',
  unused: ['easyTreatment', 'noiseSigma', 'smoothing'],
})
