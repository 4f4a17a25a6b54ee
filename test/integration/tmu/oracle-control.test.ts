import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { ObjectStore } from '#main/artifacts/object-store.ts'
import { parseMethodOptions } from '#main/compute/methods.ts'
import { type StageSpec, stageVersions } from '#main/compute/stages.ts'
import { readArrays, writeArrays } from '#main/compute/worker/array-objects.ts'
import { runStage } from '#main/compute/worker/run-stage.ts'
import { labelByModel, labelCountMatched } from '#main/compute/worker/tmu/label-rules.ts'
import { demoForgetClass, demoSide, readDemoSet } from '#main/workbench/datasets/demo-set.ts'
import { normalisation } from '#main/workbench/datasets/normalisation.ts'
import { dealSplit } from '#main/workbench/datasets/split-rule.ts'
import type { StageKind } from '#shared/domain/stage.ts'
import type { Recipe } from '#shared/domain/study.ts'
import type { ObjectHash, StageKey } from '#shared/ids.ts'
import { Random } from '#shared/random.ts'

/** The demo at two thirds of its size: 200 of every other class, 600 Shirts, 200 of which are forgotten. */
const [others, shirts, forgotten] = [200, 600, 200]
const classCount = 10
const recipe: Recipe = {
  epochs: 20,
  batchSize: 64,
  optimizer: 'adam',
  lr: 3e-3,
  schedule: 'cosine',
  momentum: 0,
  weightDecay: 0,
}

let serial = 0

async function demoProblem(root: string) {
  const folder = join(root, 'demo')
  const script = resolve(import.meta.dirname, '../../../resources/pack-demo.ts')
  // Does nothing where the images are packed already.
  await promisify(execFile)(process.execPath, [script])
  const set = await readDemoSet(resolve(import.meta.dirname, '../../../resources/demo/fashion-mnist.bin'))
  const objects = new ObjectStore(folder)
  const counts = Array.from({ length: classCount }, (_, label) => (label === demoForgetClass ? shirts : others))
  const none = new Array<number>(classCount).fill(0)
  const { members } = dealSplit(
    set.labels,
    classCount,
    { kind: 'counts', members: counts, twinPool: none, evaluation: none },
    1,
  )
  const ofClass = members.filter((sample) => set.labels[sample] === demoForgetClass)
  const forget = Random.of(1, 'forget').shuffle(ofClass).slice(0, forgotten).sort()
  const removed = new Set(forget)
  const ids = (samples: Int32Array) => writeArrays(objects, { ids: { shape: [samples.length], data: samples } })
  const shape = [demoSide, demoSide, 1] as const
  return {
    objects,
    forgetLabels: forget.map((sample) => set.labels[sample]),
    forgetIds: forget,
    network: {
      architecture: 'tiny-cnn',
      data: {
        height: demoSide,
        width: demoSide,
        channels: 1,
        classCount,
        normalisation: normalisation(set.images, members, shape),
      },
    },
    images: await objects.put(set.images),
    labels: await writeArrays(objects, { labels: { shape: [set.labels.length], data: set.labels } }),
    members: await ids(members),
    forget: await ids(forget),
    retain: await ids(members.filter((sample) => !removed.has(sample))),
  }
}

describe('unlearning by labels', () => {
  it('follows its labels: the oracle\u2019s agree with a gold, as many at random do not', async () => {
    const root = await mkdtemp(join(tmpdir(), 'tmu-oracle-'))
    try {
      const demo = await demoProblem(root)
      const { objects, network, images, labels, forget, retain, members } = demo
      const run = async <K extends StageKind>(
        kind: K,
        params: StageSpec<K>['params'],
        inputs: Readonly<Record<string, ObjectHash>>,
        seed: number,
      ) => {
        const key = (++serial).toString(16).padStart(64, '0') as StageKey
        const spec: StageSpec<K> = {
          key,
          kind,
          version: stageVersions[kind],
          params,
          seed,
          engine: 'wasm',
          inputs,
          checkpoint: null,
        }
        const options = { signal: new AbortController().signal, onProgress: () => {} }
        return (await runStage(spec, objects.root, options)).outputs
      }
      const pixels = { images, labels }
      const correctOnForget = async (model: ObjectHash): Promise<Uint8Array> => {
        const inputs = { images, model, forget }
        const { outcome } = await run('predict', { ...network, featureSets: [] }, inputs, 1)
        const logits = (await readArrays(objects, outcome))['forget/logits'].data
        return labelByModel(logits, demo.forgetLabels, classCount)
      }
      const goldCorrect = async (seed: number): Promise<Uint8Array> =>
        correctOnForget((await run('train-gold', { ...network, recipe }, { ...pixels, retain }, seed)).weights)
      const original = (await run('train-original', { ...network, recipe, keepEpochs: [] }, { ...pixels, members }, 1))
        .weights
      const [source, judge] = [await goldCorrect(101), await goldCorrect(102)]
      const unlearnedCorrect = async (method: string, easy: Uint8Array): Promise<Uint8Array> => {
        const shape = [easy.length]
        const easyHard = await writeArrays(objects, {
          easy: { shape, data: easy },
          ids: { shape, data: demo.forgetIds },
        })
        const inputs = { ...pixels, forget, retain, original, easyHard }
        const params = { ...network, recipe, method, options: parseMethodOptions(method, {}) }
        return correctOnForget((await run('unlearn', params, inputs, 1)).weights)
      }
      const byOracle = await unlearnedCorrect('oracle', source)
      const byChance = await unlearnedCorrect(
        'count-matched-random',
        labelCountMatched(source, undefined, Random.of(1, 'chance')).easy,
      )
      const agreement = (a: Uint8Array, b: Uint8Array) =>
        a.reduce((sum, value, i) => sum + (value === b[i] ? 1 : 0), 0) / a.length

      const hard = source.filter((easy) => easy === 0).length
      expect(hard).toBeGreaterThan(20)
      // What is learned is the labels…
      expect(agreement(byOracle, source)).toBeGreaterThan(0.95)
      // …and they say something about another gold, which as many labels at random do not.
      expect(agreement(byOracle, judge) - agreement(byChance, judge)).toBeGreaterThan(0.1)
    } finally {
      await rm(root, { recursive: true, force: true })
    }
  })
})
