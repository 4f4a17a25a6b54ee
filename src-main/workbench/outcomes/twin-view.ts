import type { ObjectStore } from '#main/artifacts/object-store.ts'
import { readArrays, readJson } from '#main/compute/worker/array-objects.ts'
import type { StoredArrays } from '#main/compute/worker/stage-runner.ts'
import { type FeaturePoint, type PredictorReport, type TwinView, tmuFeatures } from '#shared/domain/tmu.ts'
import { AppError } from '#shared/errors.ts'
import type { ObjectHash } from '#shared/ids.ts'

export interface TwinSource {
  readonly method: string
  readonly seed: number
  readonly threshold: number
  readonly report: ObjectHash
  readonly twinFeatures: ObjectHash
  /** Predictions of M_o on the twin samples: the truth of the twin problem. */
  readonly twinOutcome: ObjectHash
  readonly forgetFeatures: ObjectHash
  readonly labels: ObjectHash
  /** Predictions of each gold. */
  readonly goldOutcomes: readonly ObjectHash[]
}

/** The twin problem and F in feature space: what the predictor learned from, and what it said. */
export async function twinView(objects: ObjectStore, source: TwinSource): Promise<TwinView> {
  const arrays = (object: ObjectHash): Promise<StoredArrays> => readArrays(objects, object)
  const [twin, truth, forget, labels, golds] = await Promise.all([
    arrays(source.twinFeatures),
    arrays(source.twinOutcome),
    arrays(source.forgetFeatures),
    arrays(source.labels),
    Promise.all(source.goldOutcomes.map(arrays)),
  ])
  const twinClasses = column(twin, 'labels')
  const forgetClasses = column(forget, 'labels')
  const correctOnTwin = correctness(column(truth, 'twin/logits'), twinClasses)
  const correctGolds = golds.map((gold) => correctness(column(gold, 'forget/logits'), forgetClasses))
  const easy = column(labels, 'easy')
  const probability = labels['probability']?.data
  const points: FeaturePoint[] = [
    ...Array.from(
      column(twin, 'ids'),
      (index, i): FeaturePoint => ({
        index,
        set: 'twin',
        features: featuresAt(twin, i),
        probability: null,
        easy: correctOnTwin[i],
        goldCorrectShare: null,
      }),
    ),
    ...Array.from(
      column(forget, 'ids'),
      (index, i): FeaturePoint => ({
        index,
        set: 'forget',
        features: featuresAt(forget, i),
        probability: probability?.[i] ?? null,
        easy: easy[i] === 1,
        goldCorrectShare:
          correctGolds.length === 0 ? null : correctGolds.filter((correct) => correct[i]).length / correctGolds.length,
      }),
    ),
  ]
  const report = (await readJson(objects, source.report)) as PredictorReport
  return { method: source.method, seed: source.seed, threshold: source.threshold, report, points }
}

/** A feature that couldn't be computed (no reference of the class, for one) is null. */
function featuresAt(arrays: StoredArrays, row: number): FeaturePoint['features'] {
  return Object.fromEntries(
    tmuFeatures.flatMap((feature) => {
      const value = arrays[feature]?.data[row]
      return value === undefined ? [] : [[feature, Number.isFinite(value) ? value : null]]
    }),
  )
}

/** Whether the row's largest logit, the first of equals, is that of its class. */
function correctness(logits: ArrayLike<number>, labels: ArrayLike<number>): readonly boolean[] {
  const width = logits.length / labels.length
  return Array.from(labels, (label, row) => {
    let best = 0
    for (let k = 1; k < width; k++) if (logits[row * width + k] > logits[row * width + best]) best = k
    return best === label
  })
}

function column(arrays: StoredArrays, name: string): ArrayLike<number> {
  const data = arrays[name]?.data
  if (data === undefined)
    throw new AppError('corrupt', `A stored result of the twin problem lacks the array "${name}".`)
  return data
}
