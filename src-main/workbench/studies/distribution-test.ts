/**
 * Do F and the twin pool look alike? The twin problem is only worth what that is (reviewers of TMU asked it). Asked of
 * an untrained network's features: any model that has seen F would tell the two apart by having seen it.
 */
import type { ObjectStore } from '#main/artifacts/object-store.ts'
import type { Executor } from '#main/compute/pool/executor.ts'
import { type StageSpec, type StageTypes, stageVersions } from '#main/compute/stages.ts'
import { readJson } from '#main/compute/worker/array-objects.ts'
import type { StageKind } from '#shared/domain/stage.ts'
import type { TwoSampleReport } from '#shared/domain/tmu.ts'
import { AppError } from '#shared/errors.ts'
import type { ObjectHash } from '#shared/ids.ts'
import { stageKeyOf } from '../jobs/stage-key.ts'
import type { LoadedStudy } from '../jobs/study-loader.ts'

const networkSeed = 1

export interface DistributionTestParts {
  readonly objects: ObjectStore
  readonly loaded: LoadedStudy
  readonly executor: Executor
  readonly signal: AbortSignal
}

/** @throws AppError `unsupported` when F or the twin pool is too small, or the twin pool holds none of F's classes. */
export async function distributionTest({
  objects,
  loaded,
  executor,
  signal,
}: DistributionTestParts): Promise<TwoSampleReport> {
  const { dataset, split, lists, newLists, study, engine } = loaded
  if (lists.twin.count === 0) {
    throw new AppError('unsupported', 'The twin pool of the split holds no sample of the classes to forget.', {
      hint: 'Choose a split whose twin pool has images of these classes.',
    })
  }
  const twin = newLists.get(lists.twin.object)
  if (twin !== undefined) await objects.put(twin)
  const [height, width, channels] = dataset.shape
  const data = { height, width, channels, classCount: dataset.classes.length, normalisation: split.normalisation }
  const { architecture } = study.config
  const run = async <K extends StageKind>(
    kind: K,
    params: StageTypes[K]['params'],
    inputs: Readonly<Record<string, ObjectHash>>,
  ): Promise<Readonly<Record<string, ObjectHash>>> => {
    const version = stageVersions[kind]
    const named = Object.fromEntries(Object.entries(inputs).map(([name, object]) => [name, { object }]))
    const key = stageKeyOf({ kind, version, params, seed: networkSeed, engine, inputs: named })
    const spec: StageSpec<K> = { key, kind, version, params, seed: networkSeed, engine, inputs, checkpoint: null }
    return (await executor.execute(spec, { signal, onProgress: () => {} })).outputs
  }
  const { weights } = await run('random-init', { data, architecture }, {})
  const { outcome } = await run(
    'predict',
    { data, architecture, featureSets: ['forget', 'twin'] },
    { images: dataset.images, model: weights, forget: lists.forget.object, twin: lists.twin.object },
  )
  const { report } = await run('two-sample', { folds: 5, ridge: 0.01 }, { outcome })
  return (await readJson(objects, report)) as TwoSampleReport
}
