import type { FeaturePlan, MethodNeeds } from '#main/compute/method.ts'
import { type MethodParams, methodOf, parseMethodOptions } from '#main/compute/methods.ts'
import type { StudyConfig } from '#shared/domain/study.ts'
import { AppError } from '#shared/errors.ts'

/** A method's parameters in this study; those of a method outside it are its defaults. */
export function paramsOf(config: StudyConfig, method: string): MethodParams {
  return config.methodParams[method] ?? parseMethodOptions(method, {})
}

export function methodNeeds(config: StudyConfig, method: string): MethodNeeds {
  return methodOf(method).needs(paramsOf(config, method))
}

export function featurePlan(config: StudyConfig, method: string): FeaturePlan {
  const plan = methodOf(method).features?.(paramsOf(config, method))
  if (plan === undefined) throw new AppError('internal', `The method ${method} predicts labels but names no features.`)
  // A given original has no early model, under which CF is measured.
  if (config.original === undefined) return plan
  return { ...plan, features: plan.features.filter((feature) => feature !== 'cf') }
}
