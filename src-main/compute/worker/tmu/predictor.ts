/**
 * The easy/hard predictor: learned on the twin samples, whose answer is known, applied to F (SCIENCE section 1, steps
 * 5 and 6). Plain float64 arithmetic, seeded, no engine: the same bits everywhere.
 */
import { areaUnderCurve, predictorReport, stratifiedFolds } from '#main/metrics/predictor-report.ts'
import { AppError } from '#shared/errors.ts'
import { Random } from '#shared/random.ts'
import type { PredictorReport, StageTypes, TmuFeature } from '../../stages.ts'
import { applyIsotonic, fitIsotonic, type IsotonicMap } from './isotonic.ts'
import { createMlp, mlpLogits, sigmoid, trainMlp } from './mlp.ts'
import { boundsOf, type FeatureBounds, scaled } from './scaling.ts'

export type PredictorSettings = StageTypes['fit-predictor']['params']

/** A column per feature, one value a sample; NaN where the sample has none. */
export type FeatureTable = Readonly<Partial<Record<TmuFeature, ArrayLike<number>>>>

/** What `fit-predictor` stores; JSON. */
export interface Predictor {
  readonly features: readonly TmuFeature[]
  /** Of the twin set, per feature; `per-set` scaling takes the other set's own instead. */
  readonly bounds: Readonly<Partial<Record<TmuFeature, FeatureBounds>>>
  readonly scaling: 'twin' | 'per-set'
  readonly model:
    | { readonly kind: 'mlp'; readonly sizes: readonly number[]; readonly parameters: readonly number[] }
    /** The twin set was all easy or all hard: there is nothing to tell apart. */
    | { readonly kind: 'constant'; readonly easy: 0 | 1 }
  /** From the model's probability to a calibrated one. */
  readonly calibration?: IsotonicMap
  /** Share of the twin set that is hard. */
  readonly hardShare: number
}

/** `easy` [n]: 1 where M_o classifies the twin sample correctly. */
export async function fitPredictor(
  table: FeatureTable,
  easy: ArrayLike<number>,
  settings: PredictorSettings,
  seed: number,
  breathe: () => Promise<void>,
): Promise<{ readonly predictor: Predictor; readonly report: PredictorReport }> {
  if (easy.length === 0) throw new AppError('internal', 'The twin set is empty.')
  const all = Int32Array.from(easy, (_, i) => i)
  const fitted = await fit(table, easy, all, settings, Random.of(seed, 'predictor'), breathe)
  const { foldOf, probabilities } = await crossValidate(table, easy, settings, seed, breathe)
  if (settings.calibration !== 'isotonic' || fitted.model.kind === 'constant') {
    return { predictor: fitted, report: reportOf(table, easy, settings, probabilities) }
  }
  // For the report each fold is calibrated by the others: its own outcomes must not have shaped its figures.
  const calibrated = new Float64Array(probabilities.length)
  for (const fold of new Set(foldOf)) {
    const others = all.filter((row) => foldOf[row] !== fold)
    const map = calibrationOn(others, probabilities, easy)
    for (const row of all) if (foldOf[row] === fold) calibrated[row] = applyIsotonic(map, probabilities[row])
  }
  const predictor = { ...fitted, calibration: calibrationOn(all, probabilities, easy) }
  return { predictor, report: reportOf(table, easy, settings, calibrated) }
}

/** Probability of easy [n]. */
export function predictEasy(predictor: Predictor, table: FeatureTable): Float64Array {
  const count = columnOf(table, predictor.features[0]).length
  return predictRows(
    predictor,
    table,
    Int32Array.from({ length: count }, (_, i) => i),
  )
}

async function fit(
  table: FeatureTable,
  easy: ArrayLike<number>,
  rows: Int32Array,
  settings: PredictorSettings,
  random: Random,
  breathe: () => Promise<void>,
): Promise<Predictor> {
  const { features } = settings
  const targets = Uint8Array.from(rows, (row) => easy[row])
  const easyCount = targets.reduce((sum, value) => sum + value, 0)
  const bounds = boundsByFeature(table, features, rows)
  const common = { features, bounds, scaling: settings.bounds, hardShare: 1 - easyCount / rows.length }
  if (easyCount === 0 || easyCount === rows.length) {
    return { ...common, model: { kind: 'constant', easy: easyCount === 0 ? 0 : 1 } }
  }
  const mlp = createMlp([features.length, ...settings.hidden, 1], random)
  await trainMlp(mlp, scaledRows(table, features, rows, bounds), targets, settings, random, breathe)
  return { ...common, model: { kind: 'mlp', sizes: mlp.sizes, parameters: Array.from(mlp.parameters) } }
}

function predictRows(predictor: Predictor, table: FeatureTable, rows: Int32Array): Float64Array {
  const { model, features } = predictor
  if (model.kind === 'constant') return new Float64Array(rows.length).fill(model.easy)
  const bounds = predictor.scaling === 'twin' ? predictor.bounds : boundsByFeature(table, features, rows)
  const mlp = { sizes: model.sizes, parameters: Float64Array.from(model.parameters) }
  const probabilities = mlpLogits(mlp, scaledRows(table, features, rows, bounds)).map(sigmoid)
  const { calibration } = predictor
  return calibration === undefined ? probabilities : probabilities.map((p) => applyIsotonic(calibration, p))
}

function calibrationOn(rows: Int32Array, probabilities: Float64Array, easy: ArrayLike<number>): IsotonicMap {
  return fitIsotonic(
    Float64Array.from(rows, (row) => probabilities[row]),
    Uint8Array.from(rows, (row) => easy[row]),
  )
}

/** Every sample is predicted by a model that hasn't seen it. */
async function crossValidate(
  table: FeatureTable,
  easy: ArrayLike<number>,
  settings: PredictorSettings,
  seed: number,
  breathe: () => Promise<void>,
): Promise<{ readonly foldOf: Int32Array; readonly probabilities: Float64Array }> {
  const count = easy.length
  const folds = Math.min(settings.folds, count)
  const foldOf = stratifiedFolds(easy, folds, seed)
  const probabilities = new Float64Array(count)
  for (let fold = 0; fold < folds; fold++) {
    const rows = Int32Array.from(foldOf, (_, i) => i)
    const training = rows.filter((row) => foldOf[row] !== fold)
    const heldOut = rows.filter((row) => foldOf[row] === fold)
    const predictor = await fit(table, easy, training, settings, Random.of(seed, 'predictor', 'fold', fold), breathe)
    const predicted = predictRows(predictor, table, heldOut)
    heldOut.forEach((row, i) => {
      probabilities[row] = predicted[i]
    })
  }
  return { foldOf, probabilities }
}

function reportOf(
  table: FeatureTable,
  easy: ArrayLike<number>,
  settings: PredictorSettings,
  probabilities: Float64Array,
): PredictorReport {
  const count = easy.length
  const { easyCount, auc, brier, reliability } = predictorReport(probabilities, easy)
  const only = easyCount === 0 ? 'hard' : 'easy'
  return {
    n: count,
    easy: easyCount,
    hard: count - easyCount,
    auc: auc ?? { absent: `Every twin sample is ${only}, so that there is nothing to tell apart.` },
    brier,
    reliability: reliability.flatMap(({ low, high, count: n, predicted, observed }) =>
      predicted === null || observed === null
        ? []
        : [{ from: low, to: high, n, meanPredicted: predicted, easyShare: observed }],
    ),
    featureAuc: featureAuc(table, easy, settings.features),
  }
}

/** Of each feature alone, hard as the positive class: all three are made to be larger on hard samples. */
function featureAuc(
  table: FeatureTable,
  easy: ArrayLike<number>,
  features: readonly TmuFeature[],
): PredictorReport['featureAuc'] {
  const out: Partial<Record<TmuFeature, number>> = {}
  for (const feature of features) {
    const values = Array.from(columnOf(table, feature))
    const known = (wanted: number) => values.filter((value, i) => easy[i] === wanted && !Number.isNaN(value))
    const hard = known(0)
    const others = known(1)
    if (hard.length > 0 && others.length > 0) out[feature] = areaUnderCurve(hard, others)
  }
  return out
}

function boundsByFeature(
  table: FeatureTable,
  features: readonly TmuFeature[],
  rows: Int32Array,
): Partial<Record<TmuFeature, FeatureBounds>> {
  const out: Partial<Record<TmuFeature, FeatureBounds>> = {}
  for (const feature of features) {
    const column = columnOf(table, feature)
    out[feature] = boundsOf(Float64Array.from(rows, (row) => column[row]))
  }
  return out
}

/** [rows, features] in [0, 1]. */
function scaledRows(
  table: FeatureTable,
  features: readonly TmuFeature[],
  rows: Int32Array,
  bounds: Predictor['bounds'],
): Float64Array {
  const out = new Float64Array(rows.length * features.length)
  features.forEach((feature, f) => {
    const column = columnOf(table, feature)
    const limits = bounds[feature]
    if (limits === undefined) throw new AppError('internal', `The predictor has no bounds of ${feature}.`)
    rows.forEach((row, i) => {
      out[i * features.length + f] = scaled(column[row], limits)
    })
  })
  return out
}

function columnOf(table: FeatureTable, feature: TmuFeature | undefined): ArrayLike<number> {
  const column = feature === undefined ? undefined : table[feature]
  if (column === undefined) throw new AppError('internal', `The feature ${feature ?? '(none)'} was not computed.`)
  return column
}
