/** A small stage without a study: a gold on 64 random images. */
import type { ObjectStore } from '#main/artifacts/object-store.ts'
import { type StageSpec, stageVersions } from '#main/compute/stages.ts'
import { encodeIds, encodeLabels } from '#main/workbench/datasets/sample-data.ts'
import type { StageKey } from '#shared/ids.ts'
import { Random } from '#shared/random.ts'

const data = { height: 12, width: 12, channels: 1, classCount: 2, normalisation: { mean: [0.5], std: [0.3] } }
const recipe = {
  epochs: 1,
  batchSize: 16,
  optimizer: 'adam',
  lr: 1e-3,
  schedule: 'constant',
  momentum: 0.9,
  weightDecay: 0,
} as const

export async function trainingStage(objects: ObjectStore, epochs: number, name = 'a'): Promise<StageSpec> {
  const count = 64
  const random = Random.of(1, 'pixels')
  const [images, labels, retain] = await Promise.all([
    objects.put(Uint8Array.from({ length: count * 144 }, () => random.below(256))),
    objects.put(encodeLabels(Int32Array.from({ length: count }, (_, i) => i % 2))),
    objects.put(encodeIds(Int32Array.from({ length: count }, (_, i) => i))),
  ])
  return {
    key: name.padEnd(64, '0') as StageKey,
    kind: 'train-gold',
    version: stageVersions['train-gold'],
    params: { data, architecture: 'tiny-cnn', recipe: { ...recipe, epochs } },
    seed: 1,
    engine: 'wasm',
    inputs: { images, labels, retain },
    checkpoint: null,
  }
}
