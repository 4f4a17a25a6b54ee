import type { ObjectStore } from '#main/artifacts/object-store.ts'
import { readArrays, readJson } from '#main/compute/worker/array-objects.ts'
import type { Repositories } from '#main/store/index.ts'
import type { StudyStage } from '#main/store/repositories/stages.ts'
import {
  type AttackId,
  type AttackPart,
  type AttackReport,
  type AttackResults,
  type AttackRow,
  type AttackSubset,
  type AttackSummary,
  attackSubsets,
  type ExposedSample,
} from '#shared/domain/attack.ts'
import { isPresent, type Metric, type MetricTable } from '#shared/domain/metrics.ts'
import { AppError } from '#shared/errors.ts'
import type { StageKey } from '#shared/ids.ts'
import { goldMethod } from '../jobs/graph.ts'
import { stagesOfStudy } from '../jobs/row-pages.ts'
import { addCosts, noCost } from '../jobs/run-cost.ts'
import type { LoadedStudy, PlannedAttack } from '../jobs/study-loader.ts'
import { easyHardLabels } from '../outcomes/easy-hard-labels.ts'

export interface AttackSources {
  readonly repositories: Repositories
  readonly objects: ObjectStore
  readonly loaded: LoadedStudy
}

/** What a study's attacks found, from their stages alone. */
export async function attackResults({ repositories, objects, loaded }: AttackSources): Promise<AttackResults> {
  const { study, attacks } = loaded
  if (attacks.length === 0) return { study: study.name, plan: study.attacks, rows: [], floors: {}, cost: noCost }
  const stages = await stagesOfStudy(repositories, study.id)
  const rows = await Promise.all(attacks.map((attack) => rowOf(objects, attack, stages.get(attack.stage))))
  return {
    study: study.name,
    plan: study.attacks,
    rows,
    floors: floorsOf(rows),
    cost: addCosts(ownStages(loaded).flatMap((key) => stages.get(key)?.cost ?? [])),
  }
}

/** The figures alone, for lists. */
export function attackSummaries({ rows, floors }: Pick<AttackResults, 'rows' | 'floors'>): readonly AttackSummary[] {
  const golds = goldReports(rows)
  return rows.map(({ attack, method, seed, state, report, error }) => {
    const subsets = report === null ? {} : headlineParts(report, golds.get(attack) ?? [])
    return {
      attack,
      method,
      seed,
      state,
      figures: report?.figures ?? {},
      floor: floors[attack] ?? {},
      ...(Object.keys(subsets).length === 0 ? {} : { subsets }),
      ...(report === null || report.notes.length === 0 ? {} : { notes: report.notes }),
      error,
    }
  })
}

/** The first figure is an attack's headline; that of the Streisand effect against golds is its definition. */
function headlineParts(
  report: AttackReport,
  golds: readonly AttackReport[],
): Readonly<Partial<Record<AttackSubset, AttackPart>>> {
  const names = Object.keys(report.figures).filter((name, i) => i === 0 || name === 'aboveExcess')
  const picked = (figures: MetricTable): MetricTable =>
    Object.fromEntries(names.flatMap((name) => (figures[name] === undefined ? [] : [[name, figures[name]]])))
  return Object.fromEntries(
    attackSubsets.flatMap((part) => {
      const figures = report.subsets[part]
      if (figures === undefined) return []
      const isTrue = part === 'trueEasy' || part === 'trueHard'
      const ofGolds = isTrue ? golds.map(({ subsets }) => subsets[part] ?? {}) : []
      return [[part, { figures: picked(figures), floor: picked(meansOf(ofGolds)) }]]
    }),
  )
}

async function rowOf(
  objects: ObjectStore,
  { attack, method, seed, stage }: PlannedAttack,
  row: StudyStage | undefined,
): Promise<AttackRow> {
  const object = row?.state === 'succeeded' ? row.outputs['report'] : undefined
  const report = object === undefined ? null : ((await readJson(objects, object)) as AttackReport)
  return {
    key: stage,
    attack,
    method,
    seed,
    // A stage in the queue of nobody's job is only planned.
    state: row === undefined || row.state === 'queued' ? 'planned' : row.state,
    report,
    error: row?.error?.message ?? null,
    cost: row?.cost ?? null,
  }
}

/** The mean over golds of each figure that all of them have. */
function floorsOf(rows: readonly AttackRow[]): AttackResults['floors'] {
  const floors: Partial<Record<AttackId, MetricTable>> = {}
  for (const [attack, reports] of goldReports(rows)) floors[attack] = meansOf(reports.map(({ figures }) => figures))
  return floors
}

/** What each attack found of the golds; those that found nothing yet aren't there. */
function goldReports(rows: readonly AttackRow[]): ReadonlyMap<AttackId, readonly AttackReport[]> {
  const reports = new Map<AttackId, AttackReport[]>()
  for (const { attack, method, report } of rows) {
    if (method !== goldMethod || report === null) continue
    const known = reports.get(attack)
    if (known === undefined) reports.set(attack, [report])
    else known.push(report)
  }
  return reports
}

function meansOf(tables: readonly MetricTable[]): MetricTable {
  const [first = {}] = tables
  return Object.fromEntries(Object.keys(first).map((name) => [name, meanOf(tables.map((table) => table[name]))]))
}

function meanOf(metrics: readonly (Metric | undefined)[]): Metric {
  const absent = metrics.find((metric) => !isPresent(metric))
  if (absent !== undefined && 'absent' in absent) return absent
  const present = metrics.filter((metric) => isPresent(metric))
  if (present.length === 0) return { absent: 'No gold has been attacked.' }
  const values = present.map(({ value }) => value)
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const [only] = present
  return { value: mean, ci: present.length === 1 ? only.ci : null, n: Math.min(...present.map(({ n }) => n)) }
}

/** Stages that only attacks need. */
function ownStages({ attacks, runs }: LoadedStudy): readonly StageKey[] {
  const ofRuns = new Set(runs.flatMap((run) => run.needs))
  return [...new Set(attacks.flatMap((attack) => attack.needs))].filter((key) => !ofRuns.has(key))
}

export interface ExposureQuery {
  readonly attack: AttackId
  readonly method: string
  readonly seed?: number | undefined
  readonly limit: number
}

/** The forgotten images that an attack would point at first. */
export async function exposedSamples(
  { repositories, objects, loaded }: AttackSources,
  names: readonly string[],
  { attack, method, seed, limit }: ExposureQuery,
): Promise<readonly ExposedSample[]> {
  const found = loaded.attacks.find(
    (row) =>
      row.attack === attack && row.method === method && (seed === undefined || row.seed === null || row.seed === seed),
  )
  const object = found === undefined ? undefined : repositories.stages.getStage(found.stage)?.outputs['scores']
  if (found === undefined || object === undefined) {
    throw new AppError('not-found', `The attack ${attack} on ${method} has no scores of single images.`, {
      hint: 'Run the attack first; relearning, CKA and weight distance score models, not images.',
    })
  }
  const arrays = await readArrays(objects, object)
  const column = (name: string): ArrayLike<number> => {
    const data = arrays[name]?.data
    if (data === undefined) throw new AppError('corrupt', `The scores of the attack ${attack} lack "${name}".`)
    return data
  }
  const ids = column('ids')
  const scores = column('score')
  const exposure = column('exposure')
  const run = loaded.runs.find((other) => other.method === method && (found.seed === null || other.seed === found.seed))
  const share = await goldShares({ repositories, objects, loaded }, run?.judges ?? [])
  const easy = await labelsOf({ repositories, objects, loaded }, run?.labels ?? null)
  const labels = await readArrays(objects, loaded.dataset.labels)
  const order = Array.from({ length: ids.length }, (_, i) => i)
    .sort((a, b) => scores[b] - scores[a] || ids[a] - ids[b])
    .slice(0, limit)
  return order.map((i) => ({
    index: ids[i],
    name: names[ids[i]] ?? `sample ${ids[i]}`,
    label: labels['labels']?.data[ids[i]] ?? -1,
    score: scores[i],
    exposure: exposure[i],
    goldCorrectShare: share.get(ids[i]) ?? null,
    easy: easy.get(ids[i]) ?? null,
  }))
}

async function goldShares(
  { repositories, objects, loaded }: AttackSources,
  judges: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  const golds = loaded.runs.filter((run) => run.method === goldMethod)
  const shares = new Map<number, number>()
  const { data: labels } = (await readArrays(objects, loaded.dataset.labels))['labels'] ?? { data: [] }
  const known = judges.flatMap((number) => {
    const object = repositories.stages.getStage(golds[number]?.outcome.stage ?? ('' as StageKey))?.outputs['outcome']
    return object === undefined ? [] : [object]
  })
  for (const object of known) {
    const arrays = await readArrays(objects, object)
    const ids = arrays['ids/forget']?.data ?? []
    const logits = arrays['forget/logits']?.data ?? []
    const width = logits.length / Math.max(1, ids.length)
    for (let i = 0; i < ids.length; i++) {
      let best = 0
      for (let k = 1; k < width; k++) if (logits[i * width + k] > logits[i * width + best]) best = k
      shares.set(ids[i], (shares.get(ids[i]) ?? 0) + (best === labels[ids[i]] ? 1 / known.length : 0))
    }
  }
  return shares
}

/** The labels that the run unlearned with, of the samples that it unlearned. */
async function labelsOf(
  { repositories, objects }: AttackSources,
  stage: StageKey | null,
): Promise<ReadonlyMap<number, boolean>> {
  const object = stage === null ? undefined : repositories.stages.getStage(stage)?.outputs['labels']
  return object === undefined ? new Map() : await easyHardLabels(objects, object)
}
