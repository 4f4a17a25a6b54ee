/** Stages `fit-predictor`, `label` and `oracle-label`: plain arithmetic, no engine. */
import { AppError, assertNever } from '#shared/errors.ts'
import type { ObjectHash } from '#shared/ids.ts'
import { Random } from '#shared/random.ts'
import { type StageSpec, tmuFeatures } from '../../stages.ts'
import { inputOf, type RunnerContext, type StageRunner, type StoredArrays } from '../stage-runner.ts'
import {
  labelByLateLearning,
  labelByModel,
  labelByThreshold,
  labelCountMatched,
  withHardShare,
  withinBand,
} from './label-rules.ts'
import { type FeatureTable, fitPredictor, type Predictor, predictEasy } from './predictor.ts'

// biome-ignore lint/correctness/useYield: a second's work, with nothing to report on the way
export const fitPredictorStage: StageRunner<'fit-predictor'> = async function* (spec, context) {
  const features = await context.readArrays(inputOf(spec, 'twinFeatures'))
  const outcome = await context.readArrays(inputOf(spec, 'twinOutcome'))
  sameSamples(intsOf(features, 'ids'), intsOf(outcome, 'ids/twin'))
  const labels = intsOf(features, 'labels')
  const logits = floatsOf(outcome, 'twin/logits')
  const easy = labelByModel(logits, labels, rowWidth(logits, labels.length))
  const { predictor, report } = await fitPredictor(tableOf(features), easy, spec.params, spec.seed, () =>
    context.breathe(),
  )
  return { predictor: await context.writeJson(predictor), report: await context.writeJson(report) }
}

// biome-ignore lint/correctness/useYield: done at once
export const labelStage: StageRunner<'label'> = async function* (spec, context) {
  const forget = await context.readIds(inputOf(spec, 'forget'))
  return { labels: await writeLabels(context, forget, await labelled(spec, context, forget)) }
}

// biome-ignore lint/correctness/useYield: done at once
export const oracleLabelStage: StageRunner<'oracle-label'> = async function* (spec, context) {
  const forget = await context.readIds(inputOf(spec, 'forget'))
  const truth = intsOf(await context.readArrays(inputOf(spec, 'labels')), 'labels')
  const outcome = await context.readArrays(inputOf(spec, 'goldOutcome'))
  sameSamples(intsOf(outcome, 'ids/forget'), forget)
  const logits = floatsOf(outcome, 'forget/logits')
  const labels = forget.map((sample) => truth[sample])
  const easy = labelByModel(logits, labels, rowWidth(logits, forget.length))
  return { labels: await writeLabels(context, forget, { easy }) }
}

async function labelled(spec: StageSpec<'label'>, context: RunnerContext, forget: Int32Array): Promise<NewLabels> {
  const { rule, threshold, abstain, matchesShare } = spec.params
  switch (rule) {
    case 'all-easy':
      return { easy: new Uint8Array(forget.length).fill(1) }
    case 'all-hard':
      return { easy: new Uint8Array(forget.length) }
    case 'predicted': {
      const predictor = await predictorOf(spec, context)
      const predicted = predictEasy(predictor, await forgetTable(spec, context, forget))
      const probability = matchesShare === true ? withHardShare(predicted, predictor.hardShare, threshold) : predicted
      const abstained = abstain === undefined ? undefined : withinBand(probability, threshold, abstain)
      return { easy: labelByThreshold(probability, threshold), probability, abstained }
    }
    case 'cf-quantile': {
      const { hardShare } = await predictorOf(spec, context)
      const { cf } = await forgetTable(spec, context, forget)
      if (cf === undefined) throw new AppError('internal', 'The feature cf was not computed.')
      return { easy: labelByLateLearning(cf, hardShare) }
    }
    case 'count-matched-random': {
      const { easy, abstained } = await readLabels(context, inputOf(spec, 'predicted'), forget)
      return labelCountMatched(easy, abstained, Random.of(spec.seed, 'label', rule))
    }
    default:
      return assertNever(rule)
  }
}

interface NewLabels {
  readonly easy: Uint8Array
  readonly probability?: Float64Array
  readonly abstained?: Uint8Array | undefined
}

/** The easy/hard labels of a labels object, which must be those of `forget`, and which of them are none. */
export async function readLabels(
  context: Pick<RunnerContext, 'readArrays'>,
  object: ObjectHash,
  forget: Int32Array,
): Promise<{ readonly easy: Uint8Array; readonly abstained?: Uint8Array }> {
  const arrays = await context.readArrays(object)
  const easy = arrays.easy?.data
  if (!(easy instanceof Uint8Array)) throw new AppError('corrupt', `The object ${object} has no easy/hard labels.`)
  sameSamples(intsOf(arrays, 'ids'), forget)
  const abstained = arrays.abstained?.data
  return { easy, ...(abstained instanceof Uint8Array ? { abstained } : {}) }
}

function writeLabels(
  context: RunnerContext,
  forget: Int32Array,
  { easy, probability, abstained }: NewLabels,
): Promise<ObjectHash> {
  const shape = [forget.length]
  return context.writeArrays({
    ids: { shape, data: forget },
    easy: { shape, data: easy },
    ...(probability === undefined ? {} : { probability: { shape, data: Float32Array.from(probability) } }),
    ...(abstained === undefined ? {} : { abstained: { shape, data: abstained } }),
  })
}

async function predictorOf(spec: StageSpec<'label'>, context: RunnerContext): Promise<Predictor> {
  return (await context.readJson(inputOf(spec, 'predictor'))) as Predictor
}

async function forgetTable(
  spec: StageSpec<'label'>,
  context: RunnerContext,
  forget: Int32Array,
): Promise<FeatureTable> {
  const arrays = await context.readArrays(inputOf(spec, 'features'))
  sameSamples(intsOf(arrays, 'ids'), forget)
  return tableOf(arrays)
}

function tableOf(arrays: StoredArrays): FeatureTable {
  const columns = tmuFeatures.flatMap((feature) => {
    const data = arrays[feature]?.data
    return data === undefined ? [] : [[feature, data] as const]
  })
  return Object.fromEntries(columns)
}

function sameSamples(found: Int32Array, wanted: Int32Array): void {
  if (found.length === wanted.length && found.every((id, i) => id === wanted[i])) return
  throw new AppError('internal', 'Features, labels or predictions at hand are of other samples than those asked for.')
}

function rowWidth(logits: Float32Array, rows: number): number {
  const width = logits.length / rows
  if (Number.isInteger(width) && width > 1) return width
  throw new AppError('internal', `${logits.length} logits are no rows of ${rows} samples.`)
}

function intsOf(arrays: StoredArrays, name: string): Int32Array {
  const data = arrays[name]?.data
  if (data instanceof Int32Array) return data
  throw new AppError('corrupt', `The array "${name}" is missing or not of type int32.`)
}

function floatsOf(arrays: StoredArrays, name: string): Float32Array {
  const data = arrays[name]?.data
  if (data instanceof Float32Array) return data
  throw new AppError('corrupt', `The array "${name}" is missing or not of type float32.`)
}
