/** TMU's forms that foretell the gold's output, against the same in float64 and plain loops, on two dense layers. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MethodParams } from '#main/compute/methods.ts'
import { readJson, readWeights } from '#main/compute/worker/array-objects.ts'
import { runStage } from '#main/compute/worker/run-stage.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import { nativeMissing } from '#test/support/native-engine.ts'
import { foretold, probabilities } from './plain-foretelling.ts'
import {
  adam,
  argmax,
  gradientOf,
  logitsOf,
  names,
  type Row,
  sgd,
  softmax,
  toWeights,
  towardsLabels,
  towardsTeacher,
  type Weights,
} from './plain-mlp.ts'
import { sequence, type TinyRequest, tinyRequest } from './tiny-request.ts'

const mapSteps = 20
/** More of F than the 30 from which it has moments of its own; 11, 11 and 10 of three classes. */
const forgotten = 32

let request: TinyRequest
let [forget, retain, twin]: Row[][] = []
let [original, early, late]: Weights[] = []

beforeAll(async () => {
  // Hardly anything to learn but the samples themselves: checkpoints know those that they have seen.
  request = await tinyRequest({ members: 75, forget: sequence(0, forgotten), unseen: forgotten, bright: 10 })
  forget = request.rows(request.forget)
  retain = request.rows(request.retain)
  twin = request.rows(request.twin)
  const { inputs } = request.spec('tmu-soft')
  const weightsOf = async (name: 'epoch-2' | 'epoch-4'): Promise<Weights> => {
    const object = inputs[name]
    if (object === undefined) throw new Error(`The request has no ${name}.`)
    return toWeights(await readWeights(request.stored.objects, object))
  }
  original = toWeights(request.original)
  early = await weightsOf('epoch-2')
  late = await weightsOf('epoch-4')
})
afterAll(() => request[Symbol.asyncDispose]())

/** Every batch is everything there is, the surrogate's too. */
async function unlearned(method: string, options: MethodParams, engine: EngineId) {
  const { params, ...spec } = request.spec(method, { batchSize: 1000, ...options }, { engine })
  const { outputs } = await runStage(
    { ...spec, params: { ...params, recipe: { ...params.recipe, batchSize: 1000 } } },
    request.stored.objects.root,
    { signal: new AbortController().signal, onProgress: () => {} },
  )
  return {
    weights: toWeights(await readWeights(request.stored.objects, outputs.weights)),
    report: await readJson(request.stored.objects, outputs.report),
  }
}

function distance(a: Weights, b: Weights): number {
  return Math.max(...names.map((name) => a[name].reduce((most, v, i) => Math.max(most, Math.abs(v - b[name][i])), 0)))
}

/** Full-batch Adam steps on a cosine, towards one row of probabilities each. */
function adamTowards(from: Weights, rows: readonly Row[], targets: readonly number[][], steps: number, lr: number) {
  const teacher = targets.map((row) => Float64Array.from(row))
  const optimizer = adam()
  let weights = from
  for (let step = 0; step < steps; step++) {
    const rate = (lr * (1 + Math.cos((Math.PI * step) / steps))) / 2
    weights = optimizer.step(weights, gradientOf(weights, rows, towardsTeacher(teacher, 1)), rate)
  }
  return weights
}

const oneHot = ({ label }: Row): number[] => [0, 1, 2].map((k) => (k === label ? 1 : 0))
const ofLabel = (k: number) => (row: Row) => row.label === k

function accuracyOn(weights: Weights, rows: readonly Row[]): number {
  return rows.filter(({ x, label }) => argmax(logitsOf(weights, x)) === label).length / rows.length
}

/** Steps 5 to 7 of TMU-soft, from q. */
function distilled(q: readonly number[][]): { weights: Weights; targetShares: number[] } {
  const sharp = q.map((row) => {
    const powers = row.map((p) => p ** (1 / 0.7))
    return powers.map((p) => p / powers.reduce((a, b) => a + b))
  })
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b) / values.length
  const targetShares = [0, 1, 2].map((k) => {
    const own = twin.filter(ofLabel(k))
    const excess = accuracyOn(original, own) - mean(own.map(({ x }) => probabilities(original, x)[k]))
    const foretoldShare = mean(q.flatMap((row, i) => (forget[i].label === k ? [row[k]] : [])))
    return Math.min(1, Math.max(0, foretoldShare + excess))
  })
  const shifted = (aims: readonly number[]): number[][] =>
    sharp.map((row, i) => {
      const { label } = forget[i]
      const needed = sharp
        .filter((_, j) => forget[j].label === label)
        .map((other) => Math.log(Math.max(...other.filter((_, k) => k !== label)) / other[label]))
        .sort((a, b) => a - b)
      const wanted = Math.round(Math.min(1, Math.max(0, aims[label])) * needed.length)
      const [below, above] = [needed[wanted - 1] ?? needed[0] - 2e-3, needed[wanted] ?? needed[wanted - 1] + 2e-3]
      const raised = row.map((p, k) => (k === label ? p * Math.exp((below + above) / 2) : p))
      return raised.map((p) => p / raised.reduce((a, b) => a + b))
    })
  // F twice and R once; every class is one of F's, so that all of R is near.
  const rows = [...retain, ...forget, ...forget]
  const stays = retain.map(({ x }) => Array.from(softmax(logitsOf(original, x))))
  const towards = (aims: readonly number[]): number[][] => [...stays, ...shifted(aims), ...shifted(aims)]
  const first = adamTowards(original, rows, towards(targetShares), 3, 2e-3)
  const aims = targetShares.map((share, k) => share - (accuracyOn(first, forget.filter(ofLabel(k))) - share))
  return { weights: adamTowards(first, rows, towards(aims), 1, 1e-3), targetShares }
}

const soft = { mapSteps, epochs: 3, forgetRepeats: 2, retainShare: 1, corrections: 1 }
const engines: readonly EngineId[] = ['wasm', 'cpu', ...(nativeMissing === null ? (['native'] as const) : [])]

describe.each(engines)('on %s, foretelling in float64 comes to the weights of', (engine) => {
  const common = () => ({ original, twinModel: original, twin, forget, retain, steps: mapSteps })

  function expectWeights(found: Weights, expected: Weights): void {
    expect(distance(found, original)).toBeGreaterThan(2e-3)
    expect(distance(found, expected)).toBeLessThan(5e-5)
  }

  it.each([
    { prior: 'calibrated', memorisedScale: 'by-label', exposure: 'removed' },
    { prior: 'calibrated', memorisedScale: 'own', exposure: 'kept' },
    { prior: 'raw', memorisedScale: 'twin', exposure: 'kept' },
  ] as const)('tmu-soft with %o', async ({ prior, memorisedScale, exposure }) => {
    const found = await unlearned('tmu-soft', { ...soft, prior, memorisedScale, exposure }, engine)
    const surrogates = [early, late]
    const heard = { ...common(), twinSurrogates: surrogates, surrogates, prior, scale: memorisedScale }
    const q = foretold({ ...heard, exposure })
    if (exposure === 'removed') expect(q).not.toEqual(foretold({ ...heard, exposure: 'kept' }))
    const { weights, targetShares } = distilled(q)
    expectWeights(found.weights, weights)
    const { classes } = found.report as { classes: { targetShare: number }[] }
    classes.forEach(({ targetShare }, k) => expect(targetShare).toBeCloseTo(targetShares[k], 4))
  })

  it.each(['matched', 'same'] as const)(
    'tmu-soft-retrained with the %s surrogate on the twin',
    async (twinSurrogate) => {
      const options = { ...soft, surrogateEpochs: 2, surrogateLr: 3e-3, twinSurrogate }
      const found = await unlearned('tmu-soft-retrained', options, engine)
      const without = adamTowards(early, retain, retain.map(oneHot), 2, 3e-3)
      const all = [...retain, ...forget]
      const alike = adamTowards(early, all, all.map(oneHot), 2, 3e-3)
      const isMatched = twinSurrogate === 'matched'
      const q = foretold({
        ...common(),
        twinSurrogates: [isMatched ? alike : without],
        surrogates: [without],
        prior: isMatched ? 'none' : 'calibrated',
        scale: 'by-label',
        exposure: 'kept',
      })
      expectWeights(found.weights, distilled(q).weights)
    },
  )

  it('tmu-map: hard samples are relearned as the likeliest foretold class but their own', async () => {
    const options = { optimizer: 'sgd', momentum: 0.9, schedule: 'constant', forgetRepeats: 2, epochs: 3, lr: 0.05 }
    const found = await unlearned('tmu-map', options, engine)
    const surrogates = [early, late]
    // The method's own number of steps: only which class is likeliest matters.
    const q = foretold({
      ...common(),
      steps: 300,
      twinSurrogates: surrogates,
      surrogates,
      prior: 'raw',
      scale: 'twin',
      exposure: 'kept',
    })
    const hard = forget.flatMap((row, i) => {
      const others = [0, 1, 2].filter((k) => k !== row.label)
      const label = q[i][others[0]] >= q[i][others[1]] ? others[0] : others[1]
      return i % 2 === 1 ? [] : [0, 1].map(() => ({ ...row, label }))
    })
    const optimizer = sgd(0.9, 0)
    let weights = original
    for (let step = 0; step < 3; step++) {
      weights = optimizer.step(weights, gradientOf(weights, [...retain, ...hard], towardsLabels()), 0.05)
    }
    expectWeights(found.weights, weights)
  })
})
