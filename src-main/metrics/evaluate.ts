import type { Evaluation, ForgetEvidence, Metric } from '#shared/domain/metrics.ts'
import { AppError } from '#shared/errors.ts'
import type { Draw } from './bootstrap.ts'
import { dataItself, leastCountForInterval, percentileInterval, resamples } from './bootstrap.ts'
import type { Definition } from './definitions.ts'
import { differenceDefinitions, metricDefinitions } from './definitions.ts'
import { figuresOf } from './figures.ts'
import type { FloatArray, Outcome } from './outcome.ts'
import { correctnessAgreement, meanOnForget, OutcomeFigures } from './outcome-figures.ts'

export const defaultDraws = 1000

export interface EvaluationOptions {
  /** Of the resamples; the same seed gives the same draws to every outcome with the same labels. */
  readonly seed: number
  /** Bootstrap resamples; 0 leaves out all intervals. */
  readonly draws?: number
  /** Logits [n, K] on forget of the count-matched random control, for the paired difference. */
  readonly control?: FloatArray | undefined
  /** For reasons that name a class. */
  readonly classNames?: readonly string[] | undefined
  /** Told at the end the value of a metric on every draw, of those that have an interval: for paired comparisons. */
  readonly keepDraws?: ((metric: string, draws: Float64Array) => void) | undefined
}

/** Share of the progress that is preparation. */
const preparationShare = 0.1

/**
 * Every metric of an outcome with its bootstrap intervals, as steps of a few milliseconds that yield the fraction
 * done, so that a worker stays answerable. Deterministic: the same outcome and options give the same figures.
 */
export function* evaluationSteps(outcome: Outcome, options: EvaluationOptions): Generator<number, Evaluation, void> {
  const { seed, draws = defaultDraws, classNames } = options
  const figures = new OutcomeFigures(outcome, seed, (index) =>
    classNames?.[index] === undefined ? `Class ${index}` : `Class ${index} (${classNames[index]})`,
  )
  const data = dataItself(outcome)
  const table: Series[] = []
  for (const definition of metricDefinitions(figures, seed)) {
    if (definition !== null) table.push(new Series(definition, data, draws))
    yield preparationShare * (1 - 1 / (1 + table.length))
  }
  const differences = differenceDefinitions(figures)
  const retain = new Series(differences.retain, data, draws)
  const evaluation = new Series(differences.evaluation, data, draws)
  const original = new Series(differences.original, data, draws)
  const paired =
    options.control === undefined ? null : new Series(pairedDefinition(figures, options.control), data, draws)

  const all = [...table, retain, evaluation, original, ...(paired === null ? [] : [paired])]
  for (const draw of resamples(outcome, seed, draws)) {
    for (const series of all) series.record(draw)
    yield preparationShare + (1 - preparationShare) * (draw.serial / draws)
  }
  if (options.keepDraws !== undefined) {
    for (const series of table) if (series.draws.length > 0) options.keepDraws(series.name, series.draws)
  }
  return {
    metrics: Object.fromEntries(table.map((series) => [series.name, series.metric()])),
    paired: paired === null ? null : { easyHardAgreement: paired.metric() },
    differences: { retain: retain.metric(), evaluation: evaluation.metric(), original: original.metric() },
    evidence: evidenceOf(figures),
  }
}

/** How long to compute between two looks at the signal, milliseconds. */
const sliceMs = 25

/**
 * Runs `evaluationSteps`, leaving the event loop free several times a second.
 * @throws AppError `cancelled` when the signal aborts.
 */
export async function evaluate(
  outcome: Outcome,
  options: EvaluationOptions & {
    readonly onProgress?: (fraction: number) => void
    readonly signal?: AbortSignal | undefined
  },
): Promise<Evaluation> {
  const steps = evaluationSteps(outcome, options)
  let sliceStart = performance.now()
  for (;;) {
    if (options.signal?.aborted) throw new AppError('cancelled', 'The evaluation was cancelled.')
    const step = steps.next()
    if (step.done) {
      options.onProgress?.(1)
      return step.value
    }
    if (performance.now() - sliceStart > sliceMs) {
      options.onProgress?.(step.value)
      await new Promise((resolve) => setImmediate(resolve))
      sliceStart = performance.now()
    }
  }
}

/** One metric's value on the data and on every draw. */
class Series {
  readonly name: string
  readonly #definition: Definition
  readonly #perPart: readonly number[]
  readonly #draws: Float64Array

  constructor(definition: Definition, data: Draw, draws: number) {
    this.name = definition.name
    this.#definition = definition
    this.#perPart = 'absent' in definition ? [] : definition.parts.map((part) => part.at(data))
    const resampled = !('absent' in definition) && definition.n >= leastCountForInterval
    this.#draws = new Float64Array(resampled ? draws : 0)
  }

  record(draw: Draw): void {
    if ('absent' in this.#definition || this.#draws.length === 0) return
    const { parts } = this.#definition
    let sum = 0
    for (const part of parts) sum += part.at(draw)
    this.#draws[draw.serial - 1] = sum / parts.length
  }

  /** Empty where there's no interval. */
  get draws(): Float64Array {
    return this.#draws
  }

  metric(): Metric {
    const definition = this.#definition
    if ('absent' in definition) return { absent: definition.absent }
    const perPart = this.#perPart
    const several = definition.parts.length > 1
    return {
      value: perPart.reduce((sum, value) => sum + value, 0) / perPart.length,
      ci: percentileInterval(this.#draws, 0.95),
      n: definition.n,
      ...(several && { perModel: Object.fromEntries(definition.parts.map((part, i) => [part.key, perPart[i]])) }),
      ...(definition.ninety && { ci90: percentileInterval(this.#draws, 0.9) }),
      ...(definition.nullFloor !== undefined && { nullFloor: definition.nullFloor }),
    }
  }
}

/** easyHardAgreement of the unlearned model minus that of the control, to the same golds. */
function pairedDefinition(figures: OutcomeFigures, control: FloatArray): Definition {
  const { outcome, unlearned, golds } = figures
  const { forget } = outcome.sets
  if (control.length !== forget.count * outcome.classCount) {
    const needed = `[${forget.count}, ${outcome.classCount}]`
    throw new AppError('bad-input', `The control's logits hold ${control.length} values where ${needed} is needed.`, {
      hint: 'Give the predictions of the control on the same forget samples.',
    })
  }
  const name = 'easyHardAgreement'
  const without = golds.find((gold) => !outcome.models.get(gold)?.forget?.logits)
  if (golds.length === 0 || without !== undefined) {
    return { name, absent: `The outcome has no ${without ?? 'gold0'}/forget/logits.` }
  }
  const { correct } = figuresOf(control, forget.labels, outcome.classCount)
  const parts = unlearned.flatMap((u) =>
    golds.map((g) => {
      const ours = figures.easyHardAgreement(u, g)
      const theirs = meanOnForget(correctnessAgreement(correct, figures.samples(g, 'forget').correct))
      return { key: `${u}/${g}`, at: (draw: Draw) => ours(draw) - theirs(draw) }
    }),
  )
  return { name, n: forget.count, parts }
}

function evidenceOf(figures: OutcomeFigures): ForgetEvidence {
  const { outcome, unlearned } = figures
  const correctOf = (model: string): Float64Array | null =>
    outcome.models.get(model)?.forget?.logits ? figures.samples(model, 'forget').correct : null
  const golds = figures.golds.map(correctOf).filter((correct) => correct !== null)
  const ours = unlearned.map(correctOf).filter((correct) => correct !== null)
  const count = (correct: Float64Array, where: (value: number, i: number) => boolean): number =>
    correct.reduce((sum, value, i) => sum + (where(value, i) ? 1 : 0), 0)
  const overPairs = (goldRight: number): number =>
    mean(
      golds.flatMap((gold) => ours.map((own) => count(own, (value, i) => gold[i] === goldRight && value !== gold[i]))),
    )
  const original = correctOf('original')
  const hasGolds = golds.length > 0
  return {
    forgetCount: outcome.sets.forget.count,
    goldCount: golds.length,
    originalForgetAccuracy: original === null ? null : mean([...original]),
    goldForgetAccuracy: hasGolds ? mean(golds.map((gold) => mean([...gold]))) : null,
    hardCount: hasGolds ? mean(golds.map((gold) => count(gold, (value) => value === 0))) : null,
    stillKnown: hasGolds ? overPairs(0) : null,
    lost: hasGolds ? overPairs(1) : null,
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
