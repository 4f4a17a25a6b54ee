import type { ObjectStore } from '#main/artifacts/object-store.ts'
import { readArrays } from '#main/compute/worker/array-objects.ts'
import { jensenShannon } from '#main/metrics/divergence.ts'
import { figuresOf, probabilitiesOf } from '#main/metrics/figures.ts'
import { goldNames, type Outcome, setNames, unlearnedNames } from '#main/metrics/outcome.ts'
import { type RunFigures, type SampleFigure, sampleFigures } from '#shared/domain/sample.ts'
import { tmuFeatures } from '#shared/domain/tmu.ts'
import type { ObjectHash, RunId } from '#shared/ids.ts'
import { pack } from './pack.ts'

export interface RunFiguresSource {
  readonly run: RunId
  readonly outcome: Outcome
  /** Feature objects of the run's twin problem (F, and the twin's own samples); null where the method has none. */
  readonly features: readonly ObjectHash[] | null
}

/** What a run's model says of each sample that it was asked about, and how it felt to the twin problem. */
export async function runFigures(objects: ObjectStore, source: RunFiguresSource): Promise<RunFigures> {
  const { outcome, features } = source
  const rows = new Map<number, Partial<Record<SampleFigure | 'predicted', number>>>()
  const [unlearned = 'unlearned'] = unlearnedNames(outcome)
  const golds = goldNames(outcome)
  for (const set of setNames) {
    const ids = outcome.sets[set]?.ids
    const labels = outcome.sets[set]?.labels
    const logits = outcome.models.get(unlearned)?.[set]?.logits
    if (!ids || labels === undefined || !logits) continue
    const { classCount } = outcome
    const figures = figuresOf(logits, labels, classCount)
    const probabilities = probabilitiesOf(logits, classCount)
    const divergences = golds.flatMap((gold) => {
      const other = outcome.models.get(gold)?.[set]?.logits
      return other ? [jensenShannon(probabilities, probabilitiesOf(other, classCount), classCount)] : []
    })
    ids.forEach((id, i) => {
      rows.set(Number(id), {
        loss: figures.loss[i],
        confidence: probabilities[i * classCount + labels[i]],
        predicted: figures.predicted[i],
        ...(divergences.length === 0
          ? {}
          : { disagreement: divergences.reduce((sum, values) => sum + values[i], 0) / divergences.length }),
      })
    })
  }
  for (const object of features ?? []) {
    const arrays = await readArrays(objects, object)
    const ids = arrays['ids']?.data
    if (ids === undefined) continue
    Array.from(ids).forEach((id, i) => {
      const row = rows.get(id) ?? {}
      for (const feature of tmuFeatures) {
        const value = arrays[feature]?.data[i]
        if (value !== undefined && Number.isFinite(value)) row[feature] = value
      }
      rows.set(id, row)
    })
  }
  const ids = Int32Array.from(rows.keys()).sort()
  const columnOf = (name: SampleFigure | 'predicted'): Float32Array =>
    Float32Array.from(ids, (id) => rows.get(id)?.[name] ?? Number.NaN)
  const figures = Object.fromEntries(
    sampleFigures.map((name) => {
      const values = columnOf(name)
      return [name, values.some(Number.isFinite) ? pack(values) : { absent: absence(name, golds.length) }]
    }),
  ) as Record<SampleFigure, string | { readonly absent: string }>
  const predicted = Int32Array.from(ids, (id) => rows.get(id)?.predicted ?? -1)
  return { run: source.run, ids: pack(ids), figures, predicted: pack(predicted) }
}

function absence(figure: SampleFigure, golds: number): string {
  if (figure === 'disagreement' && golds === 0) return 'The study has no gold that is done.'
  if (figure === 'df' || figure === 'af' || figure === 'cf') {
    return 'This run’s method has no twin problem that computes it; choose a run of TMU.'
  }
  return 'The run stored no predictions.'
}
