import { twoSampleTest } from '#main/metrics/two-sample.ts'
import { AppError } from '#shared/errors.ts'
import { inputOf, type StageRunner, type StoredArrays } from '../stage-runner.ts'

/** Whether F and H_c look alike to a network that was never trained. */
// biome-ignore lint/correctness/useYield: a second's work, with nothing to report on the way
export const twoSampleStage: StageRunner<'two-sample'> = async function* (spec, context) {
  const outcome = await context.readArrays(inputOf(spec, 'outcome'))
  await context.breathe()
  const forget = rowsOf(outcome, 'forget')
  const twin = rowsOf(outcome, 'twin')
  return {
    report: await context.writeJson(twoSampleTest(forget, twin, forget.width, { ...spec.params, seed: spec.seed })),
  }
}

function rowsOf(outcome: StoredArrays, set: 'forget' | 'twin') {
  const features = outcome[`${set}/features`]
  const [count, width] = features?.shape ?? []
  if (features === undefined || count === undefined || width === undefined) {
    throw new AppError('internal', `The predictions have no features of ${set}.`)
  }
  return { data: features.data, count, width }
}
