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

/**
 * The best of TMU with hard labels by the means of SCIENCE section 7: CF with DF, easy samples left out, and hard ones
 * relearned as what the twin problem foretells the gold to take them for. And as many hard ones as the twin has: by the
 * threshold alone it is about half of the golds'.
 */
export const tmuMap = defineMethod({
  id: 'tmu-map',
  title: 'TMU, foretold labels',
  family: 'tmu',
  summary: 'TMU that relearns each hard image as the class that the twin problem foretells the gold to take it for.',
  citation: `${twinPaper}, with hard labels from the twin map`,
  params: z.strictObject({
    ...predictorParams({ ...correctedPredictor, features: 'df+cf', calibration: 'share' }),
    ...unlearningParams({ ...correctedUnlearning, easyTreatment: 'dropped', hardTreatment: 'twin-map' }),
  }),
  inEffect: { ...predictorInEffect, ...unlearningInEffect },
  refusesClassRemoval: true,
  needs: (params) => labelNeeds('predicted', params),
  estimate: labelEstimate,
  run: unlearnByLabels,
  features: (params) => featurePlan(params),
})
