/** A control that unlearns exactly as `tmu` does, from other labels. */
import { z } from 'zod'
import type { InEffect } from '#shared/domain/in-effect.ts'
import { defineMethod, type EasyHardSource, type MethodDefinition } from '../../method.ts'
import type { TmuFeature } from '../../stages.ts'
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

export interface LabelControl {
  readonly id: string
  readonly title: string
  readonly summary: string
  readonly source: EasyHardSource
  /** Parameters that change nothing with these labels, whatever the others are. */
  readonly unused?: readonly string[]
}

/** Labels that need no predictor. */
export function labelControl(control: LabelControl): MethodDefinition {
  return defineMethod({
    ...common(control),
    inEffect: { ...unlearningInEffect, ...neverOf(control) },
    params: z.strictObject(unlearningParams(correctedUnlearning)),
    needs: (params) => labelNeeds(control.source, params),
    estimate: labelEstimate,
    run: unlearnByLabels,
  })
}

/** Labels made from the predictor that `tmu` has, too; `required` features are computed in any case. */
export function predictorControl(control: LabelControl, required: readonly TmuFeature[] = []): MethodDefinition {
  return defineMethod({
    ...common(control),
    inEffect: { ...withFeatures(required), ...unlearningInEffect, ...neverOf(control) },
    params: z.strictObject({ ...predictorParams(correctedPredictor), ...unlearningParams(correctedUnlearning) }),
    needs: (params) => labelNeeds(control.source, params),
    estimate: labelEstimate,
    run: unlearnByLabels,
    features: (params) => featurePlan(params, required),
  })
}

/** What CF depends on is in effect wherever CF is computed. */
function withFeatures(required: readonly TmuFeature[]): InEffect {
  const { earlyEpoch, ...others } = predictorInEffect
  return required.includes('cf') ? others : { earlyEpoch, ...others }
}

function neverOf({ unused = [] }: LabelControl): InEffect {
  return Object.fromEntries(unused.map((key) => [key, []]))
}

function common(control: LabelControl) {
  return {
    id: control.id,
    title: control.title,
    family: 'control' as const,
    summary: control.summary,
    citation: `Control for ${twinPaper}`,
    follows: 'tmu',
    refusesClassRemoval: true,
  }
}
