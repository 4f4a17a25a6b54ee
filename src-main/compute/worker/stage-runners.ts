/** The runner of every kind of stage, loaded when one is first needed: plain arithmetic loads no tensor library. */
import type { StageKind } from '#shared/domain/stage.ts'
import type { StageRunner } from './stage-runner.ts'

const load: { readonly [K in StageKind]: () => Promise<StageRunner<K>> } = {
  'train-original': async () => (await import('./training/training-stages.ts')).trainingRunners['train-original'],
  'given-original': async () => (await import('./models/given-original-stage.ts')).givenOriginalStage,
  'train-gold': async () => (await import('./training/training-stages.ts')).trainingRunners['train-gold'],
  'train-twin': async () => (await import('./training/training-stages.ts')).trainingRunners['train-twin'],
  'train-shadow': async () => (await import('./training/training-stages.ts')).trainingRunners['train-shadow'],
  'random-init': async () => (await import('./training/training-stages.ts')).trainingRunners['random-init'],
  features: async () => (await import('./tmu/runners.ts')).tmuRunners.features,
  'fit-predictor': async () => (await import('./tmu/runners.ts')).tmuRunners['fit-predictor'],
  label: async () => (await import('./tmu/runners.ts')).tmuRunners.label,
  'oracle-label': async () => (await import('./tmu/runners.ts')).tmuRunners['oracle-label'],
  'two-sample': async () => (await import('./evaluate/two-sample-stage.ts')).twoSampleStage,
  unlearn: async () => (await import('./tmu/runners.ts')).tmuRunners.unlearn,
  predict: async () => (await import('./evaluate/predict-stage.ts')).predictStage,
  relearn: async () => (await import('./attacks/relearn-stage.ts')).relearnStage,
  cka: async () => (await import('./attacks/cka-stage.ts')).ckaStage,
  attack: async () => (await import('./attacks/attack-stage.ts')).attackStage,
  evaluate: async () => (await import('./evaluate/evaluate-stage.ts')).evaluateStage,
}

export async function loadStageRunner<K extends StageKind>(kind: K): Promise<StageRunner<K>> {
  return await load[kind]()
}
