import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MethodParams } from '#main/compute/methods.ts'
import { methods, parseMethodOptions } from '#main/compute/methods.ts'
import type { PredictorReport, StageProgress, StageSpec, StageTypes } from '#main/compute/stages.ts'
import { readArrays, readJson } from '#main/compute/worker/array-objects.ts'
import { loadEngine } from '#main/compute/worker/engines/engine.ts'
import { runStage } from '#main/compute/worker/run-stage.ts'
import { declaredInputs } from '#main/compute/worker/tmu/unlearn-stage.ts'
import type { StageKind } from '#shared/domain/stage.ts'
import type { ObjectHash } from '#shared/ids.ts'
import { problem, range, recipe, type StoredProblem, specOf, storeProblem } from '../training/tiny-problem.ts'

const { data } = problem
const network = { data, architecture: 'tiny-cnn' }
const featureParams: StageTypes['features']['params'] = {
  ...network,
  features: ['df', 'af', 'cf'],
  neighbours: 5,
  epsilon: 8 / 255,
  steps: 5,
  pgdTarget: 'softmax',
}
const predictorParams: StageTypes['fit-predictor']['params'] = {
  features: ['df', 'af', 'cf'],
  bounds: 'twin',
  hidden: [8],
  lr: 0.01,
  epochs: 20,
  batchSize: 32,
  folds: 3,
}

/** D = 0 to 149, H = 150 to 209; F and H_c hold samples of every class, as a random forget set does. */
const forgetIds = range(10, 40)
const retainIds = Int32Array.from([...range(0, 10), ...range(40, 150)])
const twinIds = range(150, 210)

let stored: StoredProblem
let common: Readonly<
  Record<
    'images' | 'labels' | 'forget' | 'retain' | 'twin' | 'original' | 'twinModel' | 'epoch-2' | 'epoch-4',
    ObjectHash
  >
>
const never = { signal: new AbortController().signal, onProgress: () => {} }

async function outputsOf<K extends StageKind>(spec: StageSpec<K>): Promise<Readonly<Record<string, ObjectHash>>> {
  return (await runStage(spec, stored.objects.root, never)).outputs
}

beforeAll(async () => {
  stored = await storeProblem()
  const pixels = { images: stored.images, labels: stored.labels }
  const lists = {
    forget: await stored.ids(forgetIds),
    retain: await stored.ids(retainIds),
    twin: await stored.ids(twinIds),
  }
  const members = await stored.ids(range(0, 150))
  const long = { ...recipe, epochs: 5 }
  const original = await outputsOf(
    specOf('train-original', { ...network, recipe: long, keepEpochs: [2, 4] }, { ...pixels, members }),
  )
  const twinModel = await outputsOf(
    specOf('train-twin', { ...network, recipe }, { ...pixels, members, twin: lists.twin, original: original.weights }),
  )
  common = {
    ...pixels,
    ...lists,
    original: original.weights,
    twinModel: twinModel.weights,
    'epoch-2': original['epoch-2'],
    'epoch-4': original['epoch-4'],
  }
})
afterAll(() => stored[Symbol.asyncDispose]())

function featuresSpec(
  samples: 'twin' | 'forget',
  changes: Partial<StageTypes['features']['params']> = {},
  inputs: Readonly<Record<string, ObjectHash>> = {},
) {
  const { images, labels, retain, original, twinModel } = common
  const model = samples === 'twin' ? twinModel : original
  return specOf(
    'features',
    { ...featureParams, ...changes },
    { images, labels, samples: common[samples], references: retain, model, early: common['epoch-2'], ...inputs },
  )
}

async function predictorOf(): Promise<{ readonly predictor: ObjectHash; readonly report: ObjectHash }> {
  const { features } = await outputsOf(featuresSpec('twin'))
  const { outcome } = await outputsOf(
    specOf(
      'predict',
      { ...network, featureSets: [] },
      { images: common.images, model: common.original, twin: common.twin },
    ),
  )
  const { predictor, report } = await outputsOf(
    specOf('fit-predictor', predictorParams, { twinFeatures: features, twinOutcome: outcome }, { engine: 'cpu' }),
  )
  return { predictor, report }
}

async function labelsOf(
  rule: StageTypes['label']['params']['rule'],
  inputs: Readonly<Record<string, ObjectHash>> = {},
  more: { readonly matchesShare?: true } = {},
): Promise<{ readonly object: ObjectHash; readonly easy: number[]; readonly probability?: number[] }> {
  const spec = specOf('label', { rule, threshold: 0.5, ...more }, { forget: common.forget, ...inputs }, { seed: 1 })
  const { labels } = await outputsOf(spec)
  const arrays = await readArrays(stored.objects, labels)
  expect(arrays.ids.data).toEqual(forgetIds)
  const probability = arrays.probability
  return {
    object: labels,
    easy: [...arrays.easy.data],
    ...(probability === undefined ? {} : { probability: [...probability.data] }),
  }
}

function unlearnSpec(
  method: string,
  easyHard: ObjectHash,
  options: MethodParams = {},
  checkpoint: ObjectHash | null = null,
): StageSpec<'unlearn'> {
  const complete = parseMethodOptions(method, options)
  const available: Readonly<Record<string, ObjectHash>> = { ...common, easyHard }
  const names = ['images', 'labels', ...declaredInputs(methods.get(method)?.needs(complete) ?? {})]
  const inputs = Object.fromEntries(names.map((name) => [name, available[name]]))
  return specOf('unlearn', { ...network, recipe, method, options: complete }, inputs, { checkpoint })
}

describe('the features stage', () => {
  it('stores what it was asked for, sample by sample', async () => {
    const { features } = await outputsOf(featuresSpec('forget'))
    const arrays = await readArrays(stored.objects, features)
    expect(Object.fromEntries(Object.entries(arrays).map(([name, { shape }]) => [name, shape]))).toEqual({
      ids: [30],
      labels: [30],
      logits: [30, 3],
      df: [30],
      af: [30],
      cf: [30],
    })
    expect(arrays.ids.data).toEqual(forgetIds)
    expect(arrays.labels.data).toEqual(forgetIds.map((sample) => problem.labels[sample]))
    for (const name of ['df', 'af', 'cf']) expect([...arrays[name].data].every((value) => value >= 0)).toBe(true)
    const onlyCf = await readArrays(
      stored.objects,
      (await outputsOf(featuresSpec('forget', { features: ['cf'] }))).features,
    )
    expect(Object.keys(onlyCf).sort()).toEqual(['cf', 'ids', 'labels', 'logits'])
    expect(onlyCf.cf.data).toEqual(arrays.cf.data)
  })

  it('measures DF against another model\u2019s references only where told to', async () => {
    const matched = await readArrays(stored.objects, (await outputsOf(featuresSpec('forget'))).features)
    const mixed = await readArrays(
      stored.objects,
      (await outputsOf(featuresSpec('forget', {}, { referenceModel: common.twinModel }))).features,
    )
    expect(mixed.df.data).not.toEqual(matched.df.data)
    expect(mixed.af.data).toEqual(matched.af.data)
  })

  it('leaves DF absent for a class that R has no sample of', async () => {
    const retain = await stored.ids(retainIds.filter((sample) => problem.labels[sample] !== 1))
    const { features } = await outputsOf(featuresSpec('forget', { features: ['df'] }, { references: retain }))
    const { df, labels } = await readArrays(stored.objects, features)
    labels.data.forEach((label, i) => expect(Number.isNaN(df.data[i])).toBe(label === 1))
  })
})

describe('predictor and labels', () => {
  it('learn on the twin and label F by every rule', async () => {
    const { predictor, report } = await predictorOf()
    const found = (await readJson(stored.objects, report)) as PredictorReport
    expect(found.n).toBe(60)
    const { features } = await outputsOf(featuresSpec('forget'))

    const predicted = await labelsOf('predicted', { predictor, features })
    predicted.probability?.forEach((p, i) => expect(predicted.easy[i]).toBe(p >= 0.5 ? 1 : 0))
    expect(predicted.probability).toHaveLength(30)

    const late = await labelsOf('cf-quantile', { predictor, features })
    const cf = (await readArrays(stored.objects, features)).cf.data
    const hardShare = found.hard / found.n
    expect(late.easy.filter((easy) => easy === 0)).toHaveLength(Math.round(hardShare * 30))
    const lateness = (wanted: number) => [...cf].filter((_, i) => late.easy[i] === wanted)
    expect(Math.min(...lateness(0))).toBeGreaterThanOrEqual(Math.max(...lateness(1)))

    // In the same order, and as many below the threshold as the twin has hard ones.
    const matched = await labelsOf('predicted', { predictor, features }, { matchesShare: true })
    expect(matched.easy.filter((easy) => easy === 0)).toHaveLength(Math.round(hardShare * 30))
    matched.probability?.forEach((p, i) => expect(matched.easy[i]).toBe(p >= 0.5 ? 1 : 0))
    const likelihood = (wanted: number) => (predicted.probability ?? []).filter((_, i) => matched.easy[i] === wanted)
    expect(Math.max(...likelihood(0))).toBeLessThanOrEqual(Math.min(...likelihood(1)))

    const random = await labelsOf('count-matched-random', { predicted: predicted.object })
    const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
    expect(sum(random.easy)).toBe(sum(predicted.easy))
    expect(sum((await labelsOf('all-easy')).easy)).toBe(30)
    expect(sum((await labelsOf('all-hard')).easy)).toBe(0)
  })

  it('read the oracle\u2019s labels off the gold', async () => {
    const { outcome } = await outputsOf(
      specOf(
        'predict',
        { ...network, featureSets: [] },
        { images: common.images, model: common['epoch-2'], forget: common.forget },
      ),
    )
    const { labels } = await outputsOf(
      specOf('oracle-label', {}, { forget: common.forget, labels: common.labels, goldOutcome: outcome }),
    )
    const logits = (await readArrays(stored.objects, outcome))['forget/logits'].data
    const { easy } = await readArrays(stored.objects, labels)
    forgetIds.forEach((sample, i) => {
      const row = [...logits.subarray(3 * i, 3 * i + 3)]
      expect(easy.data[i]).toBe(row.indexOf(Math.max(...row)) === problem.labels[sample] ? 1 : 0)
    })
  })

  it('refuse features and labels of other samples', async () => {
    const { predictor } = await predictorOf()
    const { features } = await outputsOf(featuresSpec('twin'))
    await expect(labelsOf('predicted', { predictor, features })).rejects.toThrow('other samples')
    const { labels } = await outputsOf(specOf('label', { rule: 'all-easy', threshold: 0.5 }, { forget: common.retain }))
    await expect(outputsOf(unlearnSpec('tmu', labels))).rejects.toThrow('other samples')
  })
})

describe('the unlearn stage', () => {
  it.each([...methods.values()].filter((method) => method.run !== null).map(({ id }) => id))(
    'runs %s: new weights, a whole curve, no tensor left, the same bits again',
    async (method) => {
      const engine = await loadEngine('wasm')
      const { object } = await labelsOf('count-matched-random', { predicted: (await labelsOf('all-hard')).object })
      const options = method === 'random-labels' || method === 'fine-tune' ? { epochs: 3 } : {}
      const before = engine.memory().tensors
      const result = await runStage(unlearnSpec(method, object, options), stored.objects.root, never)
      expect(engine.memory().tensors).toBe(before)
      expect(result.outputs.weights).not.toBe(common.original)
      const curve = (await readJson(stored.objects, result.outputs.curve)) as readonly { readonly epoch: number }[]
      expect(curve.map((point) => point.epoch)).toEqual(curve.map((_, i) => i + 1))
      const counts = { members: 150, forget: 30, retain: 120, classRetain: 120, twin: 60, classes: 3 }
      expect(result.cost).toMatchObject(methods.get(method)?.estimate(options, counts) ?? {})
      const again = await runStage(unlearnSpec(method, object, options), stored.objects.root, never)
      expect(again.outputs).toEqual(result.outputs)
    },
  )

  it.each(['tmu', 'tmu-soft'])('resumes %s from its last checkpoint to the same bits', async (method) => {
    const { object } = await labelsOf('all-hard')
    const whole = await outputsOf(unlearnSpec(method, object))
    const checkpoints: ObjectHash[] = []
    const spec = unlearnSpec(method, object)
    const collect = (event: StageProgress): void => {
      if (event.kind === 'checkpoint') checkpoints.push(event.object)
    }
    await runStage(spec, stored.objects.root, { ...never, onProgress: collect })
    expect(checkpoints.length).toBe(5)
    for (const checkpoint of [checkpoints[0], checkpoints[3]]) {
      const resumed = await runStage({ ...spec, checkpoint }, stored.objects.root, never)
      expect(resumed.outputs).toEqual(whole)
    }
  })

  it('foretells and reaches a share of correct answers with TMU-soft', async () => {
    const { report } = await outputsOf(unlearnSpec('tmu-soft', common.forget))
    const { classes, map } = (await readJson(stored.objects, report)) as {
      readonly classes: readonly {
        readonly label: number
        readonly count: number
        readonly targetShare: number
        readonly accuracies: readonly number[]
      }[]
      readonly map: { readonly a: readonly number[] }
    }
    expect(classes.map(({ label, count }) => [label, count])).toEqual([
      [0, 10],
      [1, 10],
      [2, 10],
    ])
    for (const { targetShare, accuracies } of classes) {
      expect(targetShare).toBeGreaterThanOrEqual(0)
      expect(targetShare).toBeLessThanOrEqual(1)
      expect(accuracies).toHaveLength(3)
    }
    expect(map.a).toHaveLength(2)
  })

  it('refuses TMU-soft without twin samples, and says what to do', async () => {
    const spec = unlearnSpec('tmu-soft', common.forget)
    const empty = { ...spec, inputs: { ...spec.inputs, twin: await stored.ids(new Int32Array()) } }
    await expect(outputsOf(empty)).rejects.toMatchObject({
      code: 'unsupported',
      hint: expect.stringContaining('twin pool'),
    })
  })

  it('ends when cancelled and leaves no tensor behind', async () => {
    const engine = await loadEngine('wasm')
    const { object } = await labelsOf('all-hard')
    const before = engine.memory().tensors
    const controller = new AbortController()
    const onProgress = (event: StageProgress): void => {
      if (event.kind === 'curve') controller.abort()
    }
    const run = runStage(unlearnSpec('tmu', object), stored.objects.root, { signal: controller.signal, onProgress })
    await expect(run).rejects.toMatchObject({ code: 'cancelled' })
    expect(engine.memory().tensors).toBe(before)
  })
})
