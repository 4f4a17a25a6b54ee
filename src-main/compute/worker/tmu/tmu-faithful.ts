import { z } from 'zod'
import { defineMethod } from '../../method.ts'
import {
  featurePlan,
  predictorInEffect,
  predictorParams,
  twinPaper,
  unlearningInEffect,
  unlearningParams,
} from './parameters.ts'
import { labelEstimate, labelNeeds, unlearnByLabels } from './unlearn-by-labels.ts'

/**
 * Twin Machine Unlearning as the public code runs it: DF and CF only, F's distances across two models, each set on its
 * own scale, the raw predictor output against 0.5, and plain SGD from the twin model.
 */
export const tmuFaithful = defineMethod({
  id: 'tmu-faithful',
  title: 'TMU, published settings',
  family: 'tmu',
  summary: 'Repeats the choices of the published code, on three disjoint sets.',
  citation: twinPaper,
  params: z.strictObject({
    ...predictorParams({
      features: 'df+cf',
      pgdTarget: 'logits',
      bounds: 'per-set',
      references: 'twin-model',
      predictorOutput: 'raw',
    }),
    ...unlearningParams({
      start: 'twin',
      optimizer: 'sgd',
      lr: 0.01,
      schedule: 'constant',
      weightDecay: 5e-4,
      forgetRepeats: 1,
      easyTreatment: 'true-label',
      hardTreatment: 'random-label',
    }),
  }),
  inEffect: { ...predictorInEffect, ...unlearningInEffect },
  refusesClassRemoval: true,
  needs: (params) => labelNeeds('predicted-faithful', params),
  estimate: labelEstimate,
  run: unlearnByLabels,
  features: (params) => featurePlan(params),
})
