import { predictorControl } from './label-control.ts'

export const cfQuantile = predictorControl(
  {
    id: 'cf-quantile',
    title: 'Latest learned',
    summary: 'TMU without a predictor: hard are the images learned last, as large a share as in the twin set.',
    source: 'cf-quantile',
  },
  ['cf'],
)
