import type { ObjectStore } from '#main/artifacts/object-store.ts'
import type { Repositories } from '#main/store/index.ts'
import type { StoredRun } from '#main/store/repositories/runs.ts'
import type { Metric, MetricTable } from '#shared/domain/metrics.ts'
import type { Run, Study } from '#shared/domain/study.ts'
import { AppError } from '#shared/errors.ts'
import { notFound } from '../datasets/near-matches.ts'

/** @throws AppError `not-found`, naming near matches. */
export function requireStudy({ studies }: Repositories, nameOrId: string): Study {
  const found = studies.findStudy(nameOrId)
  if (found !== null) return found
  const names = studies.listStudies().map((study) => study.name)
  throw notFound('study', nameOrId, names, 'tmu study list')
}

/** @throws AppError `not-found`; `bad-input` where several runs' ids begin so. */
export function requireRun({ runs }: Repositories, idOrPrefix: string): StoredRun {
  const found = runs.findRun(idOrPrefix)
  if (found !== null) return found
  throw new AppError('not-found', `There is no run ${JSON.stringify(idOrPrefix)}.`, {
    hint: 'See the ids with: tmu run list',
    details: { run: idOrPrefix },
  })
}

/** A run as the contract shows it; for long lists, without each figure's values by model, which are most of it. */
export function toRun(objects: ObjectStore, stored: StoredRun, { perModel = true } = {}): Run {
  const { id, studyId, studyName, method, seed, state, metrics, cost, error, outcome, createdAt, finishedAt } = stored
  return {
    id,
    studyId,
    studyName,
    method,
    seed,
    state,
    metrics: metrics === null || perModel ? metrics : withoutModels(metrics),
    cost,
    error,
    outcomePath: outcome === null ? null : objects.path(outcome),
    createdAt,
    finishedAt,
  }
}

function withoutModels(metrics: MetricTable): MetricTable {
  const entries = Object.entries(metrics).map(([name, metric]): [string, Metric] => {
    if (!('perModel' in metric)) return [name, metric]
    const { perModel: _, ...rest } = metric
    return [name, rest]
  })
  return Object.fromEntries(entries)
}
