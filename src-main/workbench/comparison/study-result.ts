import type { ObjectStore } from '#main/artifacts/object-store.ts'
import { methodOf, parseMethodOptions } from '#main/compute/methods.ts'
import { readJson } from '#main/compute/worker/array-objects.ts'
import { type StudyFacts, studyGate } from '#main/metrics/gate.ts'
import { verdictOf } from '#main/metrics/verdict.ts'
import type { Repositories } from '#main/store/index.ts'
import type { StoredRun } from '#main/store/repositories/runs.ts'
import type { StudyStage } from '#main/store/repositories/stages.ts'
import type { Evaluation, Gate, Verdict } from '#shared/domain/metrics.ts'
import type { ComparedMetric, StudyStatistics } from '#shared/domain/statistics.ts'
import type { CostLedger, ResultPage, SettingsOrigin, StudyConfig, StudyResult } from '#shared/domain/study.ts'
import type { PredictorReport } from '#shared/domain/tmu.ts'
import type { ObjectHash, RunId, StageKey } from '#shared/ids.ts'
import { referenceTmuMethod } from '../jobs/graph/labelling.ts'
import { goldMethod } from '../jobs/graph.ts'
import { allRuns, stagesOfStudy } from '../jobs/row-pages.ts'
import type { JobSummary } from '../jobs/study-job.ts'
import type { LoadedStudy, PlannedRun } from '../jobs/study-loader.ts'
import { isClassRemoval } from '../studies/choose-methods.ts'
import { toRun } from '../studies/find.ts'
import { eachInTurns, isTurnOver, mapInTurns, nextTurn } from '../turns.ts'
import { attackResults, attackSummaries } from './attack-results.ts'
import { costLedger } from './ledger.ts'
import { studyStatistics } from './statistics.ts'

/** Where a study's figures come from. */
export interface ResultParts {
  readonly repositories: Repositories
  readonly objects: ObjectStore
  readonly loaded: LoadedStudy
  /** Of the study's last job, where it ran in this process. */
  readonly summary: JobSummary | null
}

/** What the methods' figures are worth against each other. `reference`: a method's id; absent: chosen. `metric`: a further figure. */
export async function statisticsOf(
  { repositories, objects, loaded }: Omit<ResultParts, 'summary'>,
  { reference, metric }: { readonly reference?: string | undefined; readonly metric?: ComparedMetric | undefined },
): Promise<StudyStatistics> {
  const { study, runs: planned } = loaded
  const rows = await stagesOfStudy(repositories, study.id)
  const succeeded = new Set(
    repositories.runs.briefRuns(study.id).flatMap((run) => (run.state === 'succeeded' ? [run.id] : [])),
  )
  const evaluations = await readEvaluations(objects, planned, succeeded, rows)
  const evaluated = planned.flatMap(({ id, method, seed, evaluate }) => {
    const evaluation = evaluations.get(id)
    if (evaluation === undefined) return []
    return [{ method, seed, evaluation, draws: rows.get(evaluate)?.outputs['draws'] ?? null }]
  })
  await nextTurn()
  const ledger = await ledgerOf(loaded, rows, succeeded)
  const statistics = await studyStatistics(objects, evaluated, ledger, reference, metric)
  return { ...statistics, predictors: await predictorsOf(objects, planned, rows) }
}

/** Cross-validated AUC of each method's predictor on the twin, mean over seeds. */
async function predictorsOf(
  objects: ObjectStore,
  planned: readonly PlannedRun[],
  rows: ReadonlyMap<StageKey, StudyStage>,
): Promise<StudyStatistics['predictors']> {
  const figures = new Map<string, number[]>()
  const read = new Map<ObjectHash, number | null>()
  for (const { method, twin } of planned) {
    const report = twin === null ? undefined : rows.get(twin.predictor)?.outputs['report']
    if (report === undefined) continue
    if (!read.has(report)) {
      const { auc } = (await readJson(objects, report)) as PredictorReport
      read.set(report, typeof auc === 'number' ? auc : null)
    }
    const auc = read.get(report) ?? null
    if (auc !== null) figures.set(method, [...(figures.get(method) ?? []), auc])
  }
  return Object.fromEntries([...figures].map(([method, aucs]) => [method, mean(aucs) ?? 0]))
}

/**
 * Everything that a finished (or unfinished) study has to show, from its rows and stored predictions alone. `withRuns`
 * false: but its runs and their verdicts, which are most of it.
 */
export async function studyResult(
  { repositories, objects, loaded, summary }: ResultParts,
  { perModel, withRuns }: { readonly perModel: boolean; readonly withRuns: boolean },
): Promise<StudyResult> {
  const { study, engine, forgetSet, runs: planned } = loaded
  const stored = await allRuns(repositories, { study: study.id })
  const rows = await stagesOfStudy(repositories, study.id)
  const succeeded = new Set(stored.filter((run) => run.state === 'succeeded').map((run) => run.id))
  const evaluations = await readEvaluations(objects, planned, succeeded, rows)
  const classRemoval = isClassRemoval(forgetSet)
  const gate = await gateOf({ objects, loaded }, evaluations, rows)
  gates.set(planned, { succeeded: namesOf(succeeded), gate })
  const outdated = succeeded.size - evaluations.size
  return {
    study: study.name,
    engine,
    seconds: summary?.seconds ?? (await workingSeconds([...rows.values()], stored)),
    gate,
    stages: summary === null ? countStages([...rows.values()], stored) : pick(summary),
    runs: withRuns ? await mapInTurns(stored, (run) => toRun(objects, run, { perModel })) : [],
    verdicts: withRuns ? await verdictsOf(planned, evaluations, gate, study.config.margin, classRemoval) : [],
    ledger: await ledgerOf(loaded, rows, succeeded),
    settings: Object.fromEntries(study.config.methods.map((method) => [method, settingsOrigin(study.config, method)])),
    ...(outdated > 0 ? { outdated } : {}),
    attacks: attackSummaries(await attackResults({ repositories, objects, loaded })),
  }
}

/** The gate of a compiled study with what had succeeded then: it depends on every run, and a page has a few of them. */
const gates = new WeakMap<LoadedStudy['runs'], { readonly succeeded: string; readonly gate: Gate }>()

function namesOf(runs: ReadonlySet<RunId>): string {
  return [...runs].sort().join()
}

/** Some of a study's runs, oldest first, without their values by model, and the verdicts on them. */
export async function resultPage(
  { repositories, objects, loaded }: Omit<ResultParts, 'summary'>,
  { offset, limit }: { readonly offset: number; readonly limit: number },
): Promise<ResultPage> {
  const { study, forgetSet, runs: planned } = loaded
  const brief = repositories.runs.briefRuns(study.id)
  const ids = brief.slice(offset, offset + limit).map(({ id }) => id)
  await nextTurn()
  const stored = (await mapInTurns(ids, (id) => repositories.runs.findRun(id))).filter((run) => run !== null)
  const succeeded = new Set(brief.flatMap(({ id, state }) => (state === 'succeeded' ? [id] : [])))
  const now = namesOf(succeeded)
  let known = gates.get(planned)
  if (known?.succeeded !== now) {
    const rows = await stagesOfStudy(repositories, study.id)
    const all = await readEvaluations(objects, planned, succeeded, rows)
    known = { succeeded: now, gate: await gateOf({ objects, loaded }, all, rows) }
    gates.set(planned, known)
  }
  const chosen = new Set(ids)
  const shown = planned.filter(({ id }) => chosen.has(id))
  const rows = new Map<StageKey, Pick<StudyStage, 'outputs'>>()
  await eachInTurns(shown, ({ evaluate }) => {
    const row = repositories.stages.getStage(evaluate)
    if (row !== null) rows.set(evaluate, row)
  })
  const evaluations = await readEvaluations(objects, shown, succeeded, rows)
  return {
    total: brief.length,
    runs: await mapInTurns(stored, (run) => toRun(objects, run, { perModel: false })),
    verdicts: await verdictsOf(shown, evaluations, known.gate, study.config.margin, isClassRemoval(forgetSet)),
  }
}

async function gateOf(
  { objects, loaded }: Pick<ResultParts, 'objects' | 'loaded'>,
  evaluations: ReadonlyMap<RunId, Evaluation>,
  rows: ReadonlyMap<StageKey, StudyStage>,
): Promise<Gate> {
  const { study, forgetSet, runs, lists } = loaded
  return studyGate({
    ...meanEvidence(runs, evaluations),
    forgetCount: study.config.problem === 'twin' ? lists.twin.count : forgetSet.count,
    twin: await twinFacts(objects, runs, rows),
    classRemoval: isClassRemoval(forgetSet),
  })
}

function ledgerOf(
  loaded: LoadedStudy,
  rows: ReadonlyMap<StageKey, StudyStage>,
  succeeded: ReadonlySet<RunId>,
): Promise<CostLedger> {
  return costLedger(loaded, {
    costOf: (key) => rows.get(key)?.cost ?? null,
    hasSucceeded: (run) => succeeded.has(run.id),
    isReused(key) {
      const paidBy = rows.get(key)?.paidBy ?? null
      return paidBy !== null && paidBy !== loaded.study.id
    },
  })
}

function settingsOrigin({ tuned, methodParams }: StudyConfig, method: string): SettingsOrigin {
  if (tuned !== undefined && Object.hasOwn(tuned, method)) return 'tuned'
  const published = parseMethodOptions(method, {})
  const changed = Object.entries(methodParams[method] ?? {}).some(([key, value]) => published[key] !== value)
  return changed ? 'set' : 'published'
}

function pick({ computed, reused, failed }: JobSummary): StudyResult['stages'] {
  return { computed, reused, failed }
}

async function readEvaluations(
  objects: ObjectStore,
  planned: readonly PlannedRun[],
  succeeded: ReadonlySet<RunId>,
  rows: ReadonlyMap<StageKey, Pick<StudyStage, 'outputs'>>,
): Promise<ReadonlyMap<RunId, Evaluation>> {
  const evaluations = new Map<RunId, Evaluation>()
  for (const run of planned) {
    const metrics: ObjectHash | undefined = rows.get(run.evaluate)?.outputs['metrics']
    if (!succeeded.has(run.id) || metrics === undefined) continue
    evaluations.set(run.id, (await readJson(objects, metrics)) as Evaluation)
    if (isTurnOver()) await nextTurn()
  }
  return evaluations
}

/** A verdict for every run but the golds': they are what the others are measured against. */
async function verdictsOf(
  planned: readonly PlannedRun[],
  evaluations: ReadonlyMap<RunId, Evaluation>,
  gate: Gate,
  margin: number,
  classRemoval: boolean,
): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = []
  await eachInTurns(planned, ({ id, method, seed, uncontrolled }) => {
    const evaluation = evaluations.get(id)
    if (evaluation === undefined || methodOf(method).family === 'reference') return
    verdicts.push(verdictOf({ method, seed, evaluation, margin, gate, classRemoval, uncontrolled }))
  })
  return verdicts
}

/** Means over seeds; every run of a seed has the same original and, but for the oracle's, the same golds. */
function meanEvidence(
  planned: readonly PlannedRun[],
  evaluations: ReadonlyMap<RunId, Evaluation>,
): Pick<StudyFacts, 'originalForgetAccuracy' | 'goldForgetAccuracy' | 'hardCount'> {
  const bySeed = new Map<number, Evaluation['evidence']>()
  for (const { id, method, seed } of planned) {
    const evidence = evaluations.get(id)?.evidence
    if (evidence === undefined || method === goldMethod) continue
    const known = bySeed.get(seed)
    if (known === undefined || evidence.goldCount > known.goldCount) bySeed.set(seed, evidence)
  }
  const evidence = [...bySeed.values()]
  return {
    originalForgetAccuracy: mean(evidence.map((item) => item.originalForgetAccuracy)),
    goldForgetAccuracy: mean(evidence.map((item) => item.goldForgetAccuracy)),
    hardCount: mean(evidence.map((item) => item.hardCount)),
  }
}

/** The predictor of `tmu`, else of the first method that has one; its mean over seeds. Null without a twin. */
async function twinFacts(
  objects: ObjectStore,
  planned: readonly PlannedRun[],
  rows: ReadonlyMap<StageKey, StudyStage>,
): Promise<StudyFacts['twin']> {
  const having = planned.filter((run) => run.twin !== null)
  const chosen = having.find((run) => run.method === referenceTmuMethod)?.method ?? having[0]?.method
  if (chosen === undefined) return null
  const figures: number[] = []
  let fitted = false
  for (const { method, twin } of having) {
    const report = method === chosen && twin !== null ? rows.get(twin.predictor)?.outputs['report'] : undefined
    if (report === undefined) continue
    fitted = true
    const { auc } = (await readJson(objects, report)) as PredictorReport
    if (typeof auc === 'number') figures.push(auc)
  }
  return { predictorAuc: mean(figures), fitted }
}

/** Of a study whose last job ran in another process: what was there before it began counts as reused. */
function countStages(rows: readonly StudyStage[], runs: readonly StoredRun[]): StudyResult['stages'] {
  const began = firstOf(runs.map((run) => run.startedAt))
  const done = rows.filter((row) => row.state === 'succeeded')
  const reused = done.filter((row) => began === null || (row.finishedAt !== null && row.finishedAt < began))
  return {
    computed: done.length - reused.length,
    reused: reused.length,
    failed: rows.filter((row) => row.state === 'failed').length,
  }
}

/** Seconds in which at least one of the study's own stages ran, pauses left out. */
async function workingSeconds(rows: readonly StudyStage[], runs: readonly StoredRun[]): Promise<number> {
  const began = firstOf(runs.map((run) => run.startedAt))
  const spans: (readonly [from: number, to: number])[] = []
  await eachInTurns(rows, ({ startedAt, finishedAt }) => {
    if (startedAt === null || finishedAt === null || (began !== null && finishedAt < began)) return
    spans.push([Date.parse(startedAt), Date.parse(finishedAt)])
  })
  spans.sort(([a], [b]) => a - b)
  let total = 0
  let end = Number.NEGATIVE_INFINITY
  for (const [from, to] of spans) {
    total += Math.max(0, to - Math.max(from, end))
    end = Math.max(end, to)
  }
  return total / 1000
}

function firstOf(times: readonly (string | null)[]): string | null {
  return times.reduce((first, time) => (first === null || (time !== null && time < first) ? time : first), null)
}

function mean(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length
}
