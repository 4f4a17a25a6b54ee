import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { forgettingScores, sampleEpsilon } from '#main/metrics/attacks/forgetting-quality.ts'
import { klomScores, paperKlom } from '#main/metrics/attacks/klom.ts'
import { layerCka } from '#main/metrics/attacks/layer-cka.ts'
import { liraOffline, liraOnline, type Shadows } from '#main/metrics/attacks/lira.ts'
import { logitConfidence } from '#main/metrics/attacks/logit-confidence.ts'
import { populationScores } from '#main/metrics/attacks/population.ts'
import { rmiaScores } from '#main/metrics/attacks/rmia.ts'
import { conspicuousness } from '#main/metrics/attacks/streisand.ts'
import { weightDistance } from '#main/metrics/attacks/weight-distance.ts'

type Rows = readonly (readonly number[])[]

/** Made by make-attack-golden.py beside it with NumPy and SciPy. */
interface Golden {
  readonly K: number
  readonly labels: readonly number[]
  readonly target: Rows
  readonly phi: readonly number[]
  readonly shadowPhi: Rows
  readonly trained: Rows
  readonly lira: Readonly<
    Record<'onlinePerSample' | 'onlineGlobal' | 'offlinePerSample' | 'offlineProbability', readonly number[]>
  >
  readonly rmia: Readonly<Record<'target' | 'out' | 'population' | 'mix' | 'gamma2' | 'gamma1', readonly number[]>>
  readonly losses: readonly number[]
  readonly attackP: readonly number[]
  readonly conspicuous: readonly number[]
  readonly quality: {
    readonly unlearned: Rows
    readonly gold: Rows
    readonly epsilon: readonly (number | null)[]
    readonly score: readonly number[]
  }
  readonly klom: Readonly<Record<'unlearned' | 'gold', Rows>> & Readonly<Record<'score' | 'fewBins', readonly number[]>>
  readonly weights: {
    readonly weights: Readonly<Record<string, readonly number[]>>
    readonly reference: Readonly<Record<string, readonly number[]>>
    readonly total: number
    readonly conv1: number
    readonly dense1: number
  }
  readonly cka: { readonly x: Rows; readonly y: Rows; readonly value: number }
}

const path = new URL('../../../fixtures/metrics/attack-golden.json', import.meta.url)
const golden: Golden = JSON.parse(readFileSync(path, 'utf8'))
const floats = (values: readonly number[]): Float64Array => Float64Array.from(values)
const each = (rows: Rows): Float64Array[] => rows.map(floats)
const labels = Int32Array.from(golden.labels)

function expectClose(found: ArrayLike<number>, expected: readonly number[]): void {
  expect(found.length).toBe(expected.length)
  for (let i = 0; i < expected.length; i++) expect(found[i]).toBeCloseTo(expected[i], 9)
}

/** Where each sample of the golden data stands in its population, -1 for those outside. */
const self = Int32Array.from(labels, (_, i) => golden.rmia.population.indexOf(i))
const ofPopulation = (values: readonly number[]): Float64Array => floats(golden.rmia.population.map((i) => values[i]))
const populationLabels = Int32Array.from(golden.rmia.population, (i) => labels[i])
/** So that each class of the population weighs what the mix says. */
const weights = Float64Array.from(populationLabels, (label) => {
  const count = populationLabels.filter((other) => other === label).length
  return (golden.rmia.mix[label] * populationLabels.length) / count
})

describe('against NumPy and SciPy', () => {
  const phi = logitConfidence(floats(golden.target.flat()), labels, golden.K)
  const shadows: Shadows = {
    phi: each(golden.shadowPhi),
    trained: golden.trained.map((row) => Uint8Array.from(row)),
  }

  it('phi is the logit of the true class', () => expectClose(phi, golden.phi))

  it('online LiRA with each sample its own spread', () =>
    expectClose(liraOnline(phi, shadows, 'per-sample'), golden.lira.onlinePerSample))

  it('online LiRA with one pooled spread', () =>
    expectClose(liraOnline(phi, shadows, 'global'), golden.lira.onlineGlobal))

  it('takes the pooled spread by itself where shadows are few', () =>
    expect(liraOnline(phi, shadows, 'auto')).toEqual(liraOnline(phi, shadows, 'global')))

  it("offline LiRA, in the order of the paper's probability", () => {
    const scores = liraOffline(phi, shadows, 'per-sample')
    expectClose(scores, golden.lira.offlinePerSample)
    const order = (values: ArrayLike<number>): number[] =>
      [...labels.keys()].sort((a, b) => values[a] - values[b] || a - b)
    expect(order(scores)).toEqual(order(golden.lira.offlineProbability))
  })

  it('RMIA at gamma 2 and at gamma 1', () => {
    const samples = { target: floats(golden.rmia.target), out: floats(golden.rmia.out) }
    const sides = { target: ofPopulation(golden.rmia.target), out: ofPopulation(golden.rmia.out) }
    const population = { ...sides, labels: populationLabels, weights }
    const scores = (gamma: number, offlineSlope: number): Float64Array =>
      rmiaScores(samples, population, self, { gamma, offlineSlope })
    expectClose(scores(2, 0.3), golden.rmia.gamma2)
    expectClose(scores(1, 0.6), golden.rmia.gamma1)
  })

  it('the population attack, ties counted half', () => {
    const population = {
      losses: ofPopulation(golden.losses),
      labels: populationLabels,
    }
    expectClose(populationScores(floats(golden.losses), labels, population, self), golden.attackP)
  })

  it('how conspicuous a loss is', () => {
    const population = { values: ofPopulation(golden.losses), labels: populationLabels, weights }
    expectClose(conspicuousness(floats(golden.losses), population, self), golden.conspicuous)
  })

  it("the challenge's epsilons and scores", () => {
    const { unlearned, gold, epsilon, score } = golden.quality
    for (const [i, expected] of epsilon.entries()) {
      const found = sampleEpsilon(
        unlearned.map((row) => row[i]),
        gold.map((row) => row[i]),
        0.01,
      )
      if (expected === null) expect(found).toBe(Number.POSITIVE_INFINITY)
      else expect(found).toBeCloseTo(expected, 9)
    }
    expectClose(forgettingScores(each(unlearned), each(gold), { delta: 0.01, binWidth: 0.5 }), score)
  })

  it('KLoM with the bins of the paper, and with few', () => {
    const gold = each(golden.klom.gold)
    const unlearned = each(golden.klom.unlearned)
    expectClose(klomScores(gold, unlearned, paperKlom), golden.klom.score)
    expectClose(klomScores(gold, unlearned, { bins: 4, floor: 1e-3 }), golden.klom.fewBins)
  })

  it('distances of weights, in all and by layer', () => {
    const arrays = (of: Readonly<Record<string, readonly number[]>>) =>
      Object.fromEntries(Object.entries(of).map(([name, values]) => [name, { data: Float32Array.from(values) }]))
    const { total, layers } = weightDistance(arrays(golden.weights.weights), arrays(golden.weights.reference))
    expect(total.distance).toBeCloseTo(golden.weights.total, 9)
    expect(layers.map(({ layer }) => layer)).toEqual(['conv1', 'dense1'])
    expect(layers[0].distance).toBeCloseTo(golden.weights.conv1, 9)
    expect(layers[1].distance).toBeCloseTo(golden.weights.dense1, 9)
  })

  it('debiased CKA of a layer', () => {
    const activations = (rows: Rows) => ({ data: Float32Array.from(rows.flat()), width: rows[0].length })
    const { x, y, value } = golden.cka
    const figure = layerCka(activations(x), [activations(y)], new Int32Array(x.length), { seed: 1, draws: 50 })
    if (!('value' in figure)) throw new Error(figure.absent)
    expect(figure.value).toBeCloseTo(value, 9)
    expect(figure.n).toBe(30)
    expect(figure.ci?.[0]).toBeLessThan(figure.value)
  })
})
