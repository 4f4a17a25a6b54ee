import { readArrays } from '#main/compute/worker/array-objects.ts'
import type { StageObjects } from '#main/compute/worker/stage-objects.ts'
import { counted } from '#main/formats/text.ts'
import { leastCountForInterval } from '#main/metrics/bootstrap.ts'
import { holm, type PairedDifference, pairedDifference, paretoFront, type SeedScore } from '#main/metrics/compare.ts'
import { quantileOfSorted } from '#main/metrics/quantile.ts'
import { powerFactor, seedCi } from '#main/metrics/seed-ci.ts'
import { type Evaluation, isPresent, type Metric } from '#shared/domain/metrics.ts'
import {
  type ComparedMetric,
  comparedMetrics,
  type MethodDifference,
  type MethodFigure,
  type MetricComparison,
  type ParetoPoint,
  type StudyStatistics,
  usualMetrics,
} from '#shared/domain/statistics.ts'
import type { CostLedger } from '#shared/domain/study.ts'
import { AppError } from '#shared/errors.ts'
import type { ObjectHash } from '#shared/ids.ts'
import { goldMethod } from '../jobs/graph.ts'
import { eachInTurns, isTurnOver, mapInTurns, nextTurn } from '../turns.ts'

/** A finished run with what its evaluation stored. */
export interface EvaluatedRun {
  readonly method: string
  readonly seed: number
  readonly evaluation: Evaluation
  /** Object of the bootstrap draws; null: none were kept. */
  readonly draws: ObjectHash | null
}

/** Who is compared with, where nobody chose: the first of these that has finished. */
const usualReferences = ['tmu', 'tmu-soft', 'tmu-faithful', 'none'] as const
const significance = 0.05

/** A method's scores: metric -> seed -> score. */
type Scores = ReadonlyMap<string, ReadonlyMap<number, SeedScore>>

/**
 * Every method against a reference, metric by metric: the usual ones, and `further` where it is none of them.
 * @throws AppError `not-found` when the reference has no finished run, naming those that have.
 */
export async function studyStatistics(
  objects: StageObjects,
  runs: readonly EvaluatedRun[],
  ledger: CostLedger,
  asked: string | undefined,
  further?: ComparedMetric,
): Promise<Omit<StudyStatistics, 'predictors'>> {
  const names = new Set<string>([...usualMetrics.map(({ name }) => name), ...(further === undefined ? [] : [further])])
  const compared = comparedMetrics.filter(({ name }) => names.has(name))
  const byMethod = Map.groupBy(runs, (run) => run.method)
  const methods = [...byMethod.keys()].filter((method) => method !== goldMethod)
  const reference = chooseReference(methods, asked)
  const golds = Math.max(0, ...runs.map((run) => run.evaluation.evidence.goldCount))
  const theirs = reference === null ? null : await scoresOf(objects, names, byMethod.get(reference) ?? [])
  const judges = reference === null ? 0 : goldCountOf(byMethod.get(reference) ?? [])

  const pairs = new Map<string, ReadonlyMap<string, PairedDifference>>()
  for (const method of methods) {
    if (theirs === null || method === reference) continue
    const own = byMethod.get(method) ?? []
    if (goldCountOf(own) !== judges) {
      pairs.set(method, absentIn(names, 'It is judged by fewer golds than the reference.'))
      continue
    }
    // One method at a time: the draws of hundreds of runs need not be in memory together.
    const ours = await scoresOf(objects, names, own)
    const differences = new Map<string, PairedDifference>()
    await eachInTurns(compared, ({ name }) => {
      differences.set(name, pairedDifference(ours.get(name) ?? none, theirs.get(name) ?? none))
    })
    pairs.set(method, differences)
  }
  const metrics = await mapInTurns(compared, ({ name, direction, isJudged }): MetricComparison => {
    const floor = floorOf(name, isJudged, runs)
    const differences = differencesOf(name, pairs, floor)
    return {
      metric: name,
      direction,
      floor,
      gold: goldLevel(name, byMethod.get(goldMethod) ?? []),
      figures: methods.flatMap((method) => figureOf(method, name, byMethod.get(method) ?? [])),
      differences,
      detectable: detectableOf(differences),
    }
  })
  const seeds = new Set(runs.filter((run) => run.method !== goldMethod).map((run) => run.seed)).size
  const forgetCount = runs[0]?.evaluation.evidence.forgetCount ?? 0
  return {
    reference,
    methods,
    seeds,
    golds,
    forgetCount,
    metrics,
    // Judged by other golds, a figure can't be on one front with the rest; the oracle isn't a method anyway.
    pareto: paretoOf(
      methods.filter((method) => goldCountOf(byMethod.get(method) ?? []) === golds),
      byMethod,
      ledger,
    ),
    notes: notesOn(seeds, golds, forgetCount),
  }
}

const none: ReadonlyMap<number, SeedScore> = new Map()

function chooseReference(methods: readonly string[], asked: string | undefined): string | null {
  if (asked !== undefined) {
    if (methods.includes(asked)) return asked
    throw new AppError('not-found', `The method ${JSON.stringify(asked)} has no finished run in this study.`, {
      hint: methods.length === 0 ? 'Run the study first.' : `Finished are ${methods.join(', ')}.`,
      details: { method: asked },
    })
  }
  if (methods.length < 2) return null
  return usualReferences.find((method) => methods.includes(method)) ?? methods[0]
}

function goldCountOf(runs: readonly EvaluatedRun[]): number {
  return Math.max(0, ...runs.map((run) => run.evaluation.evidence.goldCount))
}

async function scoresOf(
  objects: StageObjects,
  names: ReadonlySet<string>,
  runs: readonly EvaluatedRun[],
): Promise<Scores> {
  const scores = new Map<string, Map<number, SeedScore>>([...names].map((name) => [name, new Map()]))
  for (const { seed, evaluation, draws } of runs) {
    const arrays = draws === null ? {} : await readArrays(objects, draws)
    for (const [name, bySeed] of scores) {
      const metric = evaluation.metrics[name]
      if (isPresent(metric)) bySeed.set(seed, { value: metric.value, draws: arrays[name]?.data ?? null })
    }
    if (isTurnOver()) await nextTurn()
  }
  return scores
}

function absentIn(names: ReadonlySet<string>, reason: string): ReadonlyMap<string, PairedDifference> {
  const absent = { difference: { absent: reason }, imagesCi: null, seedsCi: null, p: null }
  return new Map([...names].map((name) => [name, absent]))
}

function differencesOf(
  name: string,
  pairs: ReadonlyMap<string, ReadonlyMap<string, PairedDifference>>,
  floor: number | null,
): readonly MethodDifference[] {
  const rows = [...pairs].flatMap(([method, byMetric]) => {
    const pair = byMetric.get(name)
    return pair === undefined ? [] : [{ method, ...pair }]
  })
  const adjusted = holm(rows.map(({ p }) => p))
  return rows.map((row, i) => ({ ...row, pHolm: adjusted[i], differs: differs(row, adjusted[i], floor) }))
}

/** SCIENCE section 4: the paired interval clears zero and the difference exceeds what changes from gold to gold. */
function differs(
  { difference, imagesCi, seedsCi }: PairedDifference,
  pHolm: number | null,
  floor: number | null,
): boolean {
  if (!isPresent(difference) || pHolm === null || pHolm > significance) return false
  const clears = ([low, high]: readonly [number, number]): boolean => low > 0 || high < 0
  // Without an interval over images, seeds tell how sure a figure of these very images is, and of no others.
  if (imagesCi === null || !clears(imagesCi)) return false
  return (seedsCi === null || clears(seedsCi)) && Math.abs(difference.value) > (floor ?? 0)
}

function figureOf(method: string, name: string, runs: readonly EvaluatedRun[]): readonly MethodFigure[] {
  const present = runs.flatMap(({ seed, evaluation }) => {
    const metric = evaluation.metrics[name]
    return isPresent(metric) ? [{ seed, metric }] : []
  })
  if (present.length === 0) return []
  const perSeed = present.map(({ seed, metric }) => ({ seed, value: metric.value }))
  const [only] = present
  const single = present.length === 1
  const figure: Metric = single
    ? { value: only.metric.value, ci: only.metric.ci, n: only.metric.n }
    : seedCi(perSeed.map(({ value }) => value))
  return [{ method, figure, perSeed, intervalOver: single ? 'images' : 'seeds' }]
}

/**
 * How much a figure changes when another gold judges the same model, mean over models and pairs of golds; for figures
 * that no gold judges, how much two golds differ in them.
 */
function floorOf(name: string, isJudged: boolean, runs: readonly EvaluatedRun[]): number | null {
  const spreads = runs.flatMap(({ method, evaluation }) => {
    const metric = evaluation.metrics[name]
    if (method === goldMethod || !isPresent(metric) || metric.perModel === undefined) return []
    const values = Object.entries(metric.perModel).flatMap(([key, value]) => (/\/gold\d+$/.test(key) ? [value] : []))
    return spreadsOf(values)
  })
  if (spreads.length > 0) return mean(spreads)
  const golds = runs.flatMap(({ method, evaluation }) => {
    const metric = evaluation.metrics[name]
    const ofPair = isPresent(metric) && metric.perModel !== undefined
    return method === goldMethod && isPresent(metric) && !ofPair ? [metric.value] : []
  })
  const between = spreadsOf(golds)
  return between.length === 0 || isJudged ? null : mean(between)
}

function spreadsOf(values: readonly number[]): readonly number[] {
  return values.flatMap((a, i) => values.slice(i + 1).map((b) => Math.abs(a - b)))
}

function goldLevel(name: string, golds: readonly EvaluatedRun[]): number | null {
  const values = golds.flatMap(({ evaluation }) => {
    const metric = evaluation.metrics[name]
    return isPresent(metric) ? [metric.value] : []
  })
  return values.length === 0 ? null : mean(values)
}

/**
 * The median over methods of the least difference that each would be told apart at: both its intervals have to clear
 * zero, so the one that needs more decides. Not the greatest: a single unstable method would speak for all. null: no
 * method has an interval over images, or none ever differs.
 */
function detectableOf(differences: readonly MethodDifference[]): number | null {
  const least = differences.flatMap(({ difference, imagesCi, seedsCi }) => {
    if (!isPresent(difference) || imagesCi === null) return []
    const needed = [
      halfOf(imagesCi) * powerFactor(null),
      ...(seedsCi === null ? [] : [halfOf(seedsCi) * powerFactor(difference.n - 1)]),
    ]
    // Two that never differ, over images and seeds, leave unknown what it would take.
    const most = Math.max(...needed)
    return most > 0 ? [most] : []
  })
  return least.length === 0 ? null : quantileOfSorted(Float64Array.from(least).sort(), 0.5)
}

function halfOf([low, high]: readonly [number, number]): number {
  return (high - low) / 2
}

function paretoOf(
  methods: readonly string[],
  byMethod: ReadonlyMap<string, readonly EvaluatedRun[]>,
  ledger: CostLedger,
): readonly ParetoPoint[] {
  const points = methods.flatMap((method) => {
    const runs = byMethod.get(method) ?? []
    const gaps = runs.flatMap(({ evaluation: { metrics } }) =>
      isPresent(metrics.absGap) ? [metrics.absGap.value] : [],
    )
    const cost = ledger.perRequest[method]
    if (gaps.length === 0 || cost === undefined) return []
    const losses = runs.flatMap(({ evaluation: { differences } }) =>
      isPresent(differences.evaluation) ? [-differences.evaluation.value] : [],
    )
    const utilityLoss = losses.length === 0 ? null : mean(losses)
    return [{ method, absGap: mean(gaps), cost: cost.visitsBackward, utilityLoss }]
  })
  const onCost = paretoFront(points.map(({ absGap, cost }) => [absGap, cost]))
  const useful = points.flatMap((point) => (point.utilityLoss === null ? [] : [{ ...point, loss: point.utilityLoss }]))
  const onUtility = paretoFront(useful.map(({ absGap, loss }) => [absGap, loss]))
  const utilityFront = new Set(useful.filter((_, i) => onUtility[i]).map(({ method }) => method))
  return points.map((point, i) => ({
    ...point,
    onCostFront: onCost[i],
    onUtilityFront: utilityFront.has(point.method),
  }))
}

function notesOn(seeds: number, golds: number, forgetCount: number): readonly string[] {
  const notes: string[] = []
  if (forgetCount > 0 && forgetCount < leastCountForInterval) {
    notes.push(
      `${counted(forgetCount, 'image')} to forget: there are no intervals over fewer than ${leastCountForInterval}, so ` +
        'that no difference in figures on F can be called one.',
    )
  }
  if (seeds === 1) {
    notes.push(
      'One seed: the intervals are over images alone and do not know how much training again would change. ' +
        'Three seeds or more tell.',
    )
  } else if (seeds === 2) {
    notes.push('Two seeds: a t interval with one degree of freedom is 12.7 standard errors wide. Three or more help.')
  }
  if (golds === 1) notes.push('One gold: nobody knows how much two golds differ, so there is no floor.')
  if (golds === 0 && seeds > 0) notes.push('No gold has finished: figures against the gold are absent.')
  return notes
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
