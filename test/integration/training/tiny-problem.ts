import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ObjectStore } from '#main/artifacts/object-store.ts'
import { type DataParams, type StageSpec, stageVersions } from '#main/compute/stages.ts'
import { writeArrays } from '#main/compute/worker/array-objects.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import type { StageKind } from '#shared/domain/stage.ts'
import type { Recipe } from '#shared/domain/study.ts'
import type { ObjectHash, StageKey } from '#shared/ids.ts'
import { Random } from '#shared/random.ts'

/** Small grey images of three classes that a network can tell apart: noise, with a brighter third of columns a class. */
export const problem = (() => {
  const count = 240
  const [height, width, classCount] = [10, 9, 3]
  const random = Random.of(11, 'tiny-problem')
  const labels = Int32Array.from({ length: count }, (_, i) => i % classCount)
  const pixels = new Uint8Array(count * height * width)
  for (let i = 0; i < pixels.length; i++) {
    const label = labels[Math.floor(i / (height * width))]
    const bright = (i % width) % classCount === label ? 45 : 0
    pixels[i] = Math.max(0, Math.min(255, Math.round(100 + bright + 40 * random.normal())))
  }
  const data: DataParams = {
    height,
    width,
    channels: 1,
    classCount,
    normalisation: { mean: [0.45], std: [0.18] },
  }
  return { data, pixels, labels }
})()

/** Sample indices from `start` to before `end`. */
export function range(start: number, end: number): Int32Array {
  return Int32Array.from({ length: end - start }, (_, i) => start + i)
}

export const recipe: Recipe = {
  epochs: 3,
  batchSize: 32,
  optimizer: 'adam',
  lr: 3e-3,
  schedule: 'cosine',
  momentum: 0,
  weightDecay: 0,
}

export interface StoredProblem extends AsyncDisposable {
  readonly objects: ObjectStore
  readonly images: ObjectHash
  readonly labels: ObjectHash
  ids(samples: Int32Array): Promise<ObjectHash>
}

/** The problem in an object store of its own, removed with `await using`. */
export function storeProblem(): Promise<StoredProblem> {
  return storeImages(problem.pixels, problem.labels)
}

/** Any images and their labels, likewise. */
export async function storeImages(pixels: Uint8Array, labels: Int32Array): Promise<StoredProblem> {
  const root = await mkdtemp(join(tmpdir(), 'tmu-training-'))
  const objects = new ObjectStore(root)
  return {
    objects,
    images: await objects.put(pixels),
    labels: await writeArrays(objects, { labels: { shape: [labels.length], data: labels } }),
    ids: (samples) => writeArrays(objects, { ids: { shape: [samples.length], data: samples } }),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  }
}

let serial = 0

export function specOf<K extends StageKind>(
  kind: K,
  params: StageSpec<K>['params'],
  inputs: Readonly<Record<string, ObjectHash>>,
  options: { readonly seed?: number; readonly engine?: EngineId; readonly checkpoint?: ObjectHash | null } = {},
): StageSpec<K> {
  const { seed = 1, engine = 'wasm', checkpoint = null } = options
  const key = (++serial).toString(16).padStart(64, '0') as StageKey
  return { key, kind, version: stageVersions[kind], params, seed, engine, inputs, checkpoint }
}
