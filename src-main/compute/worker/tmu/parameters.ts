/**
 * The named choices of Twin Machine Unlearning (SCIENCE section 1), each a parameter so that it can be ablated. One
 * set of keys serves `tmu`, `tmu-faithful` and the controls; only defaults differ.
 */
import { z } from 'zod'
import type { InEffect } from '#shared/domain/in-effect.ts'
import type { FeaturePlan } from '../../method.ts'
import { type TmuFeature, tmuFeatures } from '../../stages.ts'
import { sigmoid } from './mlp.ts'
import { twinShiftInEffect, twinShiftOf, twinShiftParams } from './twin-shift.ts'

export const twinPaper = 'Niu et al., Twin Machine Unlearning; public code abc321123444/TWIN-unlearning'

const featureChoices = ['df+af+cf', 'df+af', 'df+cf', 'af+cf', 'df', 'af', 'cf'] as const

const having = (feature: TmuFeature) => [
  { features: featureChoices.filter((choice) => choice.split('+').includes(feature)) },
]

export const predictorInEffect = {
  neighbours: having('df'),
  references: having('df'),
  epsilon: having('af'),
  attackSteps: having('af'),
  pgdTarget: having('af'),
  earlyEpoch: having('cf'),
  ...twinShiftInEffect,
} as const satisfies InEffect

/** How the easy/hard labels are predicted (steps 4 to 7). */
export interface PredictorDefaults {
  readonly features: (typeof featureChoices)[number]
  readonly pgdTarget: 'softmax' | 'logits'
  readonly bounds: 'twin' | 'per-set'
  readonly references: 'same-model' | 'twin-model'
  readonly predictorOutput: 'probability' | 'raw'
  readonly calibration?: 'share'
}

export const predictorParams = (defaults: PredictorDefaults) => ({
  features: z
    .enum(featureChoices)
    .default(defaults.features)
    .describe('Features the predictor reads: distance (df), adversarial sensitivity (af), late learning (cf)'),
  neighbours: z.int().min(1).max(1000).default(5).describe('Nearest references averaged by DF; count; public code'),
  epsilon: z
    .number()
    .min(0)
    .max(1)
    .default(4 / 255)
    .describe('L-infinity radius of AF in units of [0, 1] images; public code'),
  attackSteps: z.int().min(1).max(100).default(5).describe('Steps of AF, each a third of the radius; public code'),
  pgdTarget: z
    .enum(['softmax', 'logits'])
    .default(defaults.pgdTarget)
    .describe('What AF compares the attacked prediction with; the public code takes raw logits'),
  bounds: z
    .enum(['twin', 'per-set'])
    .default(defaults.bounds)
    .describe('Whose bounds scale the features of the forget set; the public code takes each set its own'),
  references: z
    .enum(['same-model', 'twin-model'])
    .default(defaults.references)
    .describe('Model of the references in DF of the forget set; the public code takes the twin model'),
  predictor: z
    .enum(['mlp', 'logistic'])
    .default('mlp')
    .describe('Two hidden layers of 32 and 16 (public code), or logistic regression'),
  predictorLr: z.number().gt(0).max(1).default(0.01).describe('Adam learning rate of the predictor; public code'),
  predictorEpochs: z.int().min(1).max(10_000).default(200).describe('Epochs of the predictor; public code'),
  folds: z.int().min(2).max(20).default(5).describe('Folds of the cross-validated predictor report'),
  predictorOutput: z
    .enum(['probability', 'raw'])
    .default(defaults.predictorOutput)
    .describe('What the threshold is compared with; the public code takes the output before the sigmoid'),
  calibration: z
    .enum(['none', 'isotonic', 'share'])
    .default(defaults.calibration ?? 'none')
    .describe(
      'Recalibrates the predicted probabilities: by isotonic regression on cross-validated ones, or those of F alike, so that as large a share of it as of the twin samples is hard',
    ),
  threshold: z.number().min(0).max(1).default(0.5).describe('Least predictor output that is labelled easy'),
  abstain: z
    .number()
    .min(0)
    .max(0.5)
    .default(0)
    .describe('Half width of the band around the threshold whose samples get no label and are left out of unlearning'),
  earlyEpoch: z
    .int()
    .min(0)
    .max(1000)
    .default(0)
    .describe('Epoch of M_e, which CF is measured under; 0: the study\u2019s'),
  ...twinShiftParams,
})

export type PredictorParams = z.infer<z.ZodObject<ReturnType<typeof predictorParams>>>

/** `required`: features that are computed whether the predictor reads them or not. */
export function featurePlan(params: PredictorParams, required: readonly TmuFeature[] = []): FeaturePlan {
  const chosen = params.features.split('+')
  return {
    features: tmuFeatures.filter((feature) => chosen.includes(feature) || required.includes(feature)),
    neighbours: params.neighbours,
    epsilon: params.epsilon,
    steps: params.attackSteps,
    pgdTarget: params.pgdTarget,
    bounds: params.bounds,
    referenceUnderTwin: params.references === 'twin-model',
    // A threshold on the raw output is one on the probability elsewhere: raw 0.5 is probability 0.622.
    threshold: params.predictorOutput === 'raw' ? sigmoid(params.threshold) : params.threshold,
    abstain: params.abstain,
    matchesShare: params.calibration === 'share',
    earlyEpoch: params.earlyEpoch === 0 ? null : params.earlyEpoch,
    twinShift: twinShiftOf(params),
    predictor: {
      ...(params.calibration === 'isotonic' ? { calibration: 'isotonic' as const } : {}),
      hidden: params.predictor === 'mlp' ? [32, 16] : [],
      lr: params.predictorLr,
      epochs: params.predictorEpochs,
      batchSize: 128,
      folds: params.folds,
    },
  }
}

/** How M_u is trained once F is labelled (step 8). */
export interface UnlearningDefaults {
  readonly start: 'original' | 'twin'
  readonly optimizer: 'adam' | 'sgd'
  readonly lr: number
  readonly schedule: 'cosine' | 'constant'
  readonly weightDecay: number
  readonly forgetRepeats: number
  readonly easyTreatment: 'noise' | 'true-label' | 'label-smoothing' | 'dropped'
  readonly hardTreatment: 'random-label' | 'uniform-soft' | 'maximise' | 'twin-map'
}

export const unlearningParams = (defaults: UnlearningDefaults) => ({
  start: z
    .enum(['original', 'twin'])
    .default(defaults.start)
    .describe('Model that unlearning starts from; the public code starts from the twin model'),
  epochs: z.int().min(1).max(1000).default(5).describe('Epochs over the retained and the forget samples; public code'),
  optimizer: z.enum(['adam', 'sgd']).default(defaults.optimizer).describe('The public code takes SGD'),
  lr: z
    .number()
    .gt(0)
    .max(10)
    .default(defaults.lr)
    .describe('Learning rate at the start; the public code takes 0.01 with SGD'),
  schedule: z.enum(['cosine', 'constant']).default(defaults.schedule).describe('Cosine falls to 0 over all steps'),
  momentum: z.number().min(0).lt(1).default(0.9).describe('Of SGD; public code'),
  weightDecay: z
    .number()
    .min(0)
    .max(1)
    .default(defaults.weightDecay)
    .describe('Weight decay; the public code takes 5e-4'),
  batchSize: z.int().min(1).max(4096).default(64).describe('Samples a step; public code'),
  forgetRepeats: z
    .int()
    .min(1)
    .max(100)
    .default(defaults.forgetRepeats)
    .describe('How often an epoch visits each forget sample; the public code once'),
  retainShare: z.number().gt(0).max(1).default(1).describe('Share of the retained samples that an epoch visits'),
  hardTreatment: z
    .enum(['random-label', 'uniform-soft', 'maximise', 'twin-map'])
    .default(defaults.hardTreatment)
    .describe(
      'Hard samples get one random other class for good (public code), the uniform distribution, the class that the twin problem foretells the gold to take them for, or their loss is maximised',
    ),
  easyTreatment: z
    .enum(['noise', 'true-label', 'label-smoothing', 'dropped'])
    .default(defaults.easyTreatment)
    .describe('Easy samples keep their label on noisy inputs, on clean ones, smoothed, or are left out'),
  mapFirstEpoch: z.int().min(1).max(1000).default(2).describe('First checkpoint that the twin map reads; for twin-map'),
  mapSecondEpoch: z.int().min(1).max(1000).default(4).describe('Second checkpoint that it reads; for twin-map'),
  noiseSigma: z
    .number()
    .min(0)
    .max(10)
    .default(0.5)
    .describe('Standard deviation of the noise on easy inputs, in units of the inputs\u2019 own'),
  smoothing: z.number().min(0).max(1).default(0.1).describe('Mass that label smoothing spreads over all classes'),
})

export const unlearningInEffect = {
  momentum: [{ optimizer: ['sgd'] }],
  noiseSigma: [{ easyTreatment: ['noise'] }],
  smoothing: [{ easyTreatment: ['label-smoothing'] }],
  mapFirstEpoch: [{ hardTreatment: ['twin-map'] }],
  mapSecondEpoch: [{ hardTreatment: ['twin-map'] }],
} as const satisfies InEffect

/** SCIENCE section 1, step 8: the published optimiser hardly moves a small network. */
export const correctedUnlearning: UnlearningDefaults = {
  start: 'original',
  optimizer: 'adam',
  lr: 2e-3,
  schedule: 'cosine',
  weightDecay: 0,
  forgetRepeats: 4,
  easyTreatment: 'noise',
  hardTreatment: 'random-label',
}

export const correctedPredictor: PredictorDefaults = {
  features: 'df+af+cf',
  pgdTarget: 'softmax',
  bounds: 'twin',
  references: 'same-model',
  predictorOutput: 'probability',
}

export type UnlearningParams = z.infer<z.ZodObject<ReturnType<typeof unlearningParams>>>
