/**
 * Do F and the twin pool look alike? The twin problem is only worth what that is (reviewers of TMU asked it). Asked of
 * an untrained network's features: any model that has seen F would tell the two apart by having seen it.
 */
import type { ObjectStore } from '#main/artifacts/object-store.ts'
import { methodOf } from '#main/compute/methods.ts'
import type { Executor } from '#main/compute/pool/executor.ts'
import { type StageSpec, type StageTypes, stageVersions, type TwinShift } from '#main/compute/stages.ts'
import { readJson } from '#main/compute/worker/array-objects.ts'
import type { StageKind } from '#shared/domain/stage.ts'
import type { StudyConfig } from '#shared/domain/study.ts'
import type { TwinPoolTest, TwoSampleReport } from '#shared/domain/tmu.ts'
import { AppError } from '#shared/errors.ts'
import type { ObjectHash } from '#shared/ids.ts'
import { featurePlan, methodNeeds } from '../jobs/graph/method-settings.ts'
import { corruptionOf } from '../jobs/graph/twin-lineage.ts'
import { stageKeyOf } from '../jobs/stage-key.ts'
import type { LoadedStudy } from '../jobs/study-loader.ts'

const networkSeed = 1

export interface DistributionTestParts {
  readonly objects: ObjectStore
  readonly loaded: LoadedStudy
  readonly executor: Executor
  readonly signal: AbortSignal
}

/**
 * The test of every twin pool that the study's methods take: shift knobs make several of one.
 * @throws AppError `unsupported` when F or a twin pool is too small, or the twin pool holds none of F's classes.
 */
export async function distributionTest({
  objects,
  loaded,
  executor,
  signal,
}: DistributionTestParts): Promise<readonly TwinPoolTest[]> {
  const { dataset, split, lists, newLists, study, engine } = loaded
  if (lists.twin.count === 0) {
    throw new AppError('unsupported', 'The twin pool of the split holds no sample of the classes to forget.', {
      hint: 'Choose a split whose twin pool has images of these classes.',
    })
  }
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
  const tests: TwinPoolTest[] = []
  for (const { shift, methods } of twinPools(study.config)) {
    const twin = lists.twinOf(shift).object
    const content = newLists.get(twin)
    if (content !== undefined) await objects.put(content)
    const { outcome } = await run(
      'predict',
      { data, architecture, featureSets: ['forget', 'twin'], ...corruptionOf(shift) },
      { images: dataset.images, model: weights, forget: lists.forget.object, twin },
    )
    const { report } = await run('two-sample', { folds: 5, ridge: 0.01 }, { outcome })
    tests.push({ methods, report: (await readJson(objects, report)) as TwoSampleReport })
  }
  return tests
}

interface TwinPool {
  readonly shift: TwinShift | undefined
  readonly methods: string[]
}

/** In the order of the study's methods; the plain one where no method has a twin problem. */
function twinPools(config: StudyConfig): readonly TwinPool[] {
  const pools = new Map<string, TwinPool>()
  for (const method of config.methods) {
    const { twin, twinSamples, twinShift } = methodNeeds(config, method)
    const isPredicting = methodOf(method).features !== undefined
    if (!isPredicting && twin !== true && twinSamples !== true) continue
    const shift = isPredicting ? featurePlan(config, method).twinShift : twinShift
    const name = JSON.stringify([
      shift?.share ?? 1,
      shift?.mix ?? 0,
      shift?.classIndex ?? null,
      shift?.corruption ?? null,
    ])
    const pool = pools.get(name) ?? { shift, methods: [] }
    pool.methods.push(method)
    pools.set(name, pool)
  }
  return pools.size === 0 ? [{ shift: undefined, methods: [] }] : [...pools.values()]
}
