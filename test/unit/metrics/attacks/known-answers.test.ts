import { describe, expect, it } from 'vitest'
import {
  forgettingScores,
  largestEpsilon,
  sampleEpsilon,
  sampleQuality,
} from '#main/metrics/attacks/forgetting-quality.ts'
import { histogramDivergence, klomScores, paperKlom } from '#main/metrics/attacks/klom.ts'
import { layerCka } from '#main/metrics/attacks/layer-cka.ts'
import { liraOffline, liraOnline, type Shadows } from '#main/metrics/attacks/lira.ts'
import { logitConfidence } from '#main/metrics/attacks/logit-confidence.ts'
import { meanFigure } from '#main/metrics/attacks/mean-figure.ts'
import { membershipFigures, membershipTest } from '#main/metrics/attacks/membership.ts'
import { accuracyBySteps, anamnesisIndex, relearnTime } from '#main/metrics/attacks/relearning.ts'
import { rmiaScores } from '#main/metrics/attacks/rmia.ts'
import { conspicuousness, standsOut } from '#main/metrics/attacks/streisand.ts'
import { weightDistance } from '#main/metrics/attacks/weight-distance.ts'
import type { Metric } from '#shared/domain/metrics.ts'
import { Random } from '#shared/random.ts'

const floats = (...values: number[]): Float64Array => Float64Array.from(values)
const zeros = (n: number): Int32Array => new Int32Array(n)
const ones = (n: number): Float64Array => new Float64Array(n).fill(1)
const bootstrap = { seed: 1, draws: 200 }

function valueOf(metric: Metric | undefined): number {
  if (metric === undefined || !('value' in metric)) throw new Error(`absent: ${JSON.stringify(metric)}`)
  return metric.value
}

function oneClass(members: Float64Array, nonMembers: Float64Array) {
  return membershipTest(
    { scores: members, labels: zeros(members.length) },
    { scores: nonMembers, labels: zeros(nonMembers.length), weights: ones(nonMembers.length) },
  )
}

function normals(n: number, mean: number, ...labels: (string | number)[]): Float64Array {
  const random = Random.of(7, ...labels)
  return Float64Array.from({ length: n }, () => mean + random.normal())
}

describe('telling members from non-members', () => {
  it('gives an AUC of one half for identical lists', () => {
    const scores = normals(40, 0, 'same')
    const { figures } = membershipFigures(oneClass(scores, scores), bootstrap)
    expect(valueOf(figures.auc)).toBe(0.5)
  })

  it('gives 1 where every member outscores every non-member, and a curve along the edge', () => {
    const { figures, roc } = membershipFigures(oneClass(floats(5, 6, 7), floats(1, 2)), bootstrap)
    expect(valueOf(figures.auc)).toBe(1)
    expect(roc[0]).toEqual({ fpr: 0, tpr: 0 })
    expect(roc).toContainEqual({ fpr: 0, tpr: 1 })
    expect(roc.at(-1)).toEqual({ fpr: 1, tpr: 1 })
  })

  it('says what n cannot resolve instead of a figure', () => {
    const { figures } = membershipFigures(oneClass(normals(50, 0, 'm'), normals(285, 0, 'n')), bootstrap)
    expect(figures.tprAtFpr001).toEqual({
      absent: 'With n = 285 a TPR at 0.1 % cannot be resolved: it takes 1,000 non-members.',
    })
    expect(figures.tprAtFpr01).toHaveProperty('value')
  })

  it('has an interval that holds the value, and none below ten samples', () => {
    const { figures } = membershipFigures(oneClass(normals(60, 1, 'm'), normals(60, 0, 'n')), bootstrap)
    const auc = figures.auc
    if (!('value' in auc) || auc.ci === null) throw new Error('no interval')
    expect(auc.ci[0]).toBeLessThan(auc.value)
    expect(auc.ci[1]).toBeGreaterThan(auc.value)
    const few = membershipFigures(oneClass(normals(9, 1, 'm'), normals(60, 0, 'n')), bootstrap).figures.auc
    expect(few).toHaveProperty('ci', null)
  })

  it('weights non-members by their class', () => {
    const nonMembers = { scores: floats(0, 0, 4), labels: Int32Array.of(0, 0, 1), weights: floats(0.5, 0.5, 2) }
    const { figures } = membershipFigures(
      membershipTest({ scores: floats(1), labels: zeros(1) }, nonMembers),
      bootstrap,
    )
    // It outscores those of weight 1/2 each and loses to the one of weight 2.
    expect(valueOf(figures.auc)).toBeCloseTo(1 / 3, 12)
  })

  it('names a side that is empty', () => {
    const { figures } = membershipFigures(oneClass(floats(), floats(1)), bootstrap)
    expect(figures.auc).toEqual({ absent: 'There are no members to tell apart.' })
  })
})

describe('phi', () => {
  it('is the difference of two logits where there are two classes', () => {
    const [first, second] = logitConfidence(floats(3, 1, 0.5, 2), Int32Array.of(0, 0), 2)
    expect(first).toBe(2)
    expect(second).toBe(-1.5)
  })

  it('stays finite where a softmax would round to 1', () => {
    expect(logitConfidence(floats(5000, 0, 0), Int32Array.of(0), 3)[0]).toBe(100)
  })
})

describe('LiRA', () => {
  const n = 60
  const shadowCount = 8
  /** Each sample has a level of its own; being trained on lifts phi by 3. */
  const level = normals(n, 0, 'level').map((value) => 2 * value)
  const trained = Array.from({ length: shadowCount }, (_, s) => Uint8Array.from({ length: n }, (_, i) => (i + s) % 2))
  const shadows: Shadows = {
    trained,
    phi: trained.map((row, s) => normals(n, 0, 'shadow', s).map((noise, i) => level[i] + 3 * row[i] + noise / 2)),
  }
  const members = 30
  const aucOf = (target: Float64Array, score: typeof liraOnline): number => {
    const scores = score(target, shadows, 'auto')
    return valueOf(membershipFigures(oneClass(scores.slice(0, members), scores.slice(members)), bootstrap).figures.auc)
  }
  const noise = normals(n, 0, 'target').map((value) => value / 2)
  const overfit = noise.map((value, i) => level[i] + (i < members ? 3 : 0) + value)
  const gold = noise.map((value, i) => level[i] + value)

  it('separates what an overfit model was trained on, online and offline', () => {
    expect(aucOf(overfit, liraOnline)).toBeGreaterThan(0.99)
    expect(aucOf(overfit, liraOffline)).toBeGreaterThan(0.99)
  })

  it("doesn't separate what a gold never saw", () => {
    expect(Math.abs(aucOf(gold, liraOnline) - 0.5)).toBeLessThan(0.15)
    expect(Math.abs(aucOf(gold, liraOffline) - 0.5)).toBeLessThan(0.15)
  })

  it('finds by hand what two shadows a side say', () => {
    const hand: Shadows = {
      trained: [Uint8Array.of(1), Uint8Array.of(1), Uint8Array.of(0), Uint8Array.of(0)],
      phi: [floats(4), floats(6), floats(0), floats(2)],
    }
    // IN: mean 5, OUT: mean 1, both of variance 1. At 4: -(1)/2 + (9)/2 = 4; offline (4 - 1) / 1 = 3.
    expect(liraOnline(floats(4), hand, 'per-sample')[0]).toBeCloseTo(4, 12)
    expect(liraOffline(floats(4), hand, 'per-sample')[0]).toBeCloseTo(3, 12)
    // Pooled: squares 2 over 1 degree of freedom.
    expect(liraOnline(floats(4), hand, 'global')[0]).toBeCloseTo(2, 12)
  })

  it('refuses samples that every shadow saw', () => {
    expect(() => liraOffline(floats(1), { trained: [Uint8Array.of(1)], phi: [floats(1)] }, 'auto')).toThrow(
      'kept from sample 0',
    )
  })
})

describe('RMIA', () => {
  it('counts the population samples that are beaten by gamma, without itself', () => {
    const samples = { target: floats(0.8, 0.2), out: floats(0.4, 0.4) }
    const population = { target: floats(0.2, 0.4, 0.8), out: floats(0.4, 0.4, 0.4), labels: zeros(3), weights: ones(3) }
    const scores = rmiaScores(samples, population, Int32Array.of(-1, 0), { gamma: 2, offlineSlope: 1 })
    // Ratios: 2 and 0.5 against 0.5, 1 and 2. 2 beats 0.5 and 1 twofold; 0.5 is in the population and beats none.
    expect([...scores]).toEqual([2 / 3, 0])
  })

  it("weighs the population's classes as F does", () => {
    const samples = { target: floats(0.8), out: floats(0.4) }
    // F is half of class 1, the population a third: weights 3/4, 3/4 and 3/2. Ratios 0.5 and 1 are beaten, 4 isn't.
    const population = {
      target: floats(0.1, 0.2, 0.8),
      out: floats(0.2, 0.2, 0.2),
      labels: Int32Array.of(0, 0, 1),
      weights: floats(0.75, 0.75, 1.5),
    }
    const scores = rmiaScores(samples, population, Int32Array.of(-1), { gamma: 2, offlineSlope: 1 })
    expect([...scores]).toEqual([1 / 2])
  })
})

describe('a conspicuous loss', () => {
  // F is half of class 1, of which there is one in five.
  const population = {
    values: floats(1, 2, 3, 4, 10),
    labels: Int32Array.of(0, 0, 0, 0, 1),
    weights: floats(0.625, 0.625, 0.625, 0.625, 2.5),
  }

  it("is one far from the middle of unseen ones at F's class mix", () => {
    // 5 lies above all of class 0 and below class 1: in the middle. 2 lies above a quarter of class 0, and on another.
    const scores = conspicuousness(floats(5, 2, 11), population, Int32Array.of(-1, -1, -1))
    expect([...scores]).toEqual([0, 0.5 - 3 / 16, 0.5])
  })

  it('is compared with the others where it is one of them, at the same mix while its class has any', () => {
    // 2 lies above one of the other three of class 0; 10 is all of class 1, so that class 0 alone is left.
    const scores = conspicuousness(floats(2, 10), population, Int32Array.of(1, 4))
    expect(scores[0]).toBeCloseTo(1 / 3, 12)
    expect(scores[1]).toBe(0.5)
  })

  it('ties with any other that lies beyond all of the rest, whatever the weights round to', () => {
    const labels = Int32Array.of(0, 0, 0, 1, 1, 1, 1, 2, 2)
    const values = floats(1, 2, 9, 1, 2, 3, 4, 1, 2)
    const weights = Float64Array.from(labels, (label) => [0.1 / 3, 0.7 / 4, 0.2 / 2][label] * 9)
    const scores = conspicuousness(floats(9, 10), { values, labels, weights }, Int32Array.of(2, -1))
    expect([...scores]).toEqual([0.5, 0.5])
  })
})

describe('forgetting quality', () => {
  it('is 1 for the same models, and 0 where they share no value', () => {
    const values = [0, 1, 2, 3]
    expect(sampleEpsilon(values, values, 0.01)).toBe(0)
    expect(sampleQuality(0, 0.5)).toBe(1)
    expect(sampleQuality(sampleEpsilon([0, 1], [5, 6], 0.01), 0.5)).toBe(0)
  })

  it('halves with every half of epsilon', () => {
    expect(sampleQuality(0.49, 0.5)).toBe(1)
    expect(sampleQuality(0.5, 0.5)).toBe(0.5)
    expect(sampleQuality(1.7, 0.5)).toBe(0.125)
  })

  it('has a largest finite epsilon, by the numbers of both kinds of model and delta', () => {
    // One error of each kind: max(ln 4 (1 - 0.1 - 1/8), ln 8 (1 - 0.1 - 1/4)).
    expect(largestEpsilon(4, 8, 0.1)).toBeCloseTo(Math.log(8 * 0.65), 12)
    // Of as many: ln 8 (1 - 0 - 1/8).
    expect(largestEpsilon(8, 8, 0)).toBeCloseTo(Math.log(7), 12)
    expect(largestEpsilon(2, 2, 0.5)).toBe(0)
  })

  it('reaches that epsilon where one model of each kind is on the wrong side, and never passes it', () => {
    const unlearned = [10, 11, 12, 0.5]
    const golds = [0, 1, 2, 3, 4, 5, 6, 10.5]
    expect(sampleEpsilon(unlearned, golds, 0.1)).toBeCloseTo(largestEpsilon(4, 8, 0.1), 12)
    for (let draw = 0; draw < 50; draw++) {
      const epsilon = sampleEpsilon([...normals(4, 2, 'u', draw)], [...normals(8, 0, 'g', draw)], 0.1)
      if (Number.isFinite(epsilon)) expect(epsilon).toBeLessThanOrEqual(largestEpsilon(4, 8, 0.1) + 1e-12)
    }
  })

  it('is the best score where no value tells anything', () => {
    const constant = [floats(1, 1), floats(1, 1)]
    expect([...forgettingScores(constant, constant, { delta: 0.01, binWidth: 0.5 })]).toEqual([1, 1])
  })
})

describe('KLoM', () => {
  it('is 0 for the same sets', () => {
    const rows = [normals(5, 0, 'a'), normals(5, 0, 'b'), normals(5, 0, 'c')]
    expect([...klomScores(rows, rows, paperKlom)]).toEqual([0, 0, 0, 0, 0])
    expect(histogramDivergence([2, 2], [2, 2, 2], paperKlom)).toBe(0)
  })

  it('finds by hand the divergence of two bins', () => {
    // Bins [0, 1) and [1, 2]: golds 1/2, 1/2; unlearned 1/4, 3/4.
    const expected = 0.5 * Math.log(0.5 / 0.25) + 0.5 * Math.log(0.5 / 0.75)
    expect(histogramDivergence([0, 2], [0, 1.5, 1.5, 2], { bins: 2, floor: 1e-5 })).toBeCloseTo(expected, 12)
  })
})

describe('relearning', () => {
  it('takes the first step within the tolerance', () => {
    expect(relearnTime([0.2, 0.5, 0.89, 0.91, 0.95], 1, 0.1)).toBe(3)
    expect(relearnTime([0.95, 1], 1, 0.1)).toBe(0)
    expect(relearnTime([0.1, 0.2], 1, 0.1)).toBeNull()
  })

  it('has an AIN of 1 for a gold', () => {
    expect(anamnesisIndex(12, 12, 50)).toEqual({ value: 1, atLeast: false })
  })

  it('says where the AIN is only a bound, and where there is none', () => {
    expect(anamnesisIndex(null, 10, 50)).toEqual({ value: 5, atLeast: true })
    expect(anamnesisIndex(3, 0, 50)).toHaveProperty('absent')
    expect(anamnesisIndex(3, null, 50)).toHaveProperty('absent')
    expect(anamnesisIndex(0, 10, 50)).toEqual({ value: 0, atLeast: false })
  })

  it('gives the accuracy of a part of F after each step', () => {
    const correct = Uint8Array.of(0, 1, 0, 1, 1, 1)
    expect([...accuracyBySteps(correct, 3, [0, 2])]).toEqual([0, 1])
  })
})

describe('the rest', () => {
  it('marks losses above a percentile', () => {
    expect([...standsOut(floats(1, 5, 11), floats(0, 10), 0.5)]).toEqual([0, 0, 1])
  })

  it('finds no distance between equal weights, and 5 for a step of 3 and 4', () => {
    const at = (...values: number[]) => ({ 'dense1/kernel': { data: Float32Array.from(values) } })
    expect(weightDistance(at(1, 2), at(1, 2)).total.distance).toBe(0)
    expect(weightDistance(at(4, 6), at(1, 2)).total.distance).toBe(5)
    expect(() => weightDistance(at(1), at(1, 2))).toThrow('dense1/kernel')
  })

  it('has a CKA of 1 between a layer and itself, rotated and scaled', () => {
    const rows = Array.from({ length: 40 }, (_, i) => [normals(1, 0, 'p', i)[0], normals(1, 0, 'q', i)[0]])
    const data = Float64Array.from(rows.flat())
    const turned = Float64Array.from(rows.flatMap(([a, b]) => [3 * b, -3 * a]))
    const figure = layerCka({ data, width: 2 }, [{ data: turned, width: 2 }], zeros(40), bootstrap)
    expect(valueOf(figure)).toBeCloseTo(1, 9)
  })

  it('says that a layer that never varies has no CKA', () => {
    const flat = { data: new Float64Array(40), width: 2 }
    expect(layerCka(flat, [flat], zeros(20), bootstrap)).toHaveProperty('absent')
  })

  it('gives a mean its interval', () => {
    const figure = meanFigure(normals(50, 2, 'mean'), zeros(50), bootstrap)
    if (!('value' in figure) || figure.ci === null) throw new Error('no interval')
    expect(figure.ci[0]).toBeLessThan(figure.value)
    expect(figure.ci[1]).toBeGreaterThan(figure.value)
    expect(meanFigure(floats(), zeros(0), bootstrap)).toHaveProperty('absent')
  })
})
