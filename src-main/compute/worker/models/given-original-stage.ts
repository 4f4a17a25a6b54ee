import { AppError } from '#shared/errors.ts'
import { inputOf, type StageRunner } from '../stage-runner.ts'
import { shapedLayers } from './shapes.ts'
import { checkWeights } from './weights-check.ts'

/** Looks at weights that weren't made here and gives them on as they are. */
export const givenOriginalStage: StageRunner<'given-original'> = async function* (spec, context) {
  const { architecture, data } = spec.params
  const object = inputOf(spec, 'weights')
  const weights = await context.readWeights(object)
  const shapes = shapedLayers(architecture, data).flatMap(({ variables }) => variables)
  checkWeights(shapes, weights, (what) => new AppError('corrupt', `The given original is no ${architecture}: ${what}.`))
  yield { kind: 'progress', value: 1 }
  return { weights: object }
}
