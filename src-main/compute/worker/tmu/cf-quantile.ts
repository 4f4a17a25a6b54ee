import { predictorControl } from './label-control.ts'

export const cfQuantile = predictorControl(
  {
    id: 'cf-quantile',
    title: 'Latest learned',
    summary: 'TMU without a predictor: hard are the images learned last, as large a share as in the twin set.',
    source: 'cf-quantile',
    // It reads CF and the twin's share of hard samples; the predictor beside them is fitted for its report.
    unused: [
      'features',
      'neighbours',
      'epsilon',
      'attackSteps',
      'pgdTarget',
      'bounds',
      'references',
      'predictor',
      'predictorLr',
      'predictorEpochs',
      'folds',
      'predictorOutput',
      'calibration',
      'threshold',
      'abstain',
    ],
  },
  ['cf'],
)
