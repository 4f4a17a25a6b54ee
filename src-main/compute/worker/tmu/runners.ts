/** The runners of everything between a trained twin and an unlearned model. Plain arithmetic loads no tensor library. */
import type { StageRunners } from '../stage-runner.ts'
import { fitPredictorStage, labelStage, oracleLabelStage } from './predictor-stages.ts'

export const tmuRunners: StageRunners<'features' | 'fit-predictor' | 'label' | 'oracle-label' | 'unlearn'> = {
  async *features(spec, context) {
    const { featuresStage } = await import('../features/features-stage.ts')
    return yield* featuresStage(spec, context)
  },
  'fit-predictor': fitPredictorStage,
  label: labelStage,
  'oracle-label': oracleLabelStage,
  async *unlearn(spec, context) {
    const { unlearnStage } = await import('./unlearn-stage.ts')
    return yield* unlearnStage(spec, context)
  },
}
