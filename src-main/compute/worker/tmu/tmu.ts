import { z } from 'zod'
import { defineMethod } from '../../method.ts'
import {
  correctedPredictor,
  correctedUnlearning,
  featurePlan,
  predictorInEffect,
  predictorParams,
  twinPaper,
  unlearningInEffect,
  unlearningParams,
} from './parameters.ts'
import { labelEstimate, labelNeeds, unlearnByLabels } from './unlearn-by-labels.ts'

/** Twin Machine Unlearning as SCIENCE section 1 corrects it. */
export const tmu = defineMethod({
  id: 'tmu',
  title: 'TMU',
  family: 'tmu',
  summary:
    'Predicts on a twin problem which images the gold would still get right, and unlearns only those it would not.',
  citation: `${twinPaper}, with matched models, all three features and one scale for both sets`,
  params: z.strictObject({ ...predictorParams(correctedPredictor), ...unlearningParams(correctedUnlearning) }),
  inEffect: { ...predictorInEffect, ...unlearningInEffect },
  refusesClassRemoval: true,
  needs: (params) => labelNeeds('predicted', params),
  estimate: labelEstimate,
  run: unlearnByLabels,
  features: (params) => featurePlan(params),
})
