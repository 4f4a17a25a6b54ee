import { describe, expect, it } from 'vitest'
import { resamples } from '#main/metrics/bootstrap.ts'
import type { EvaluationOptions } from '#main/metrics/evaluate.ts'
import { evaluate } from '#main/metrics/evaluate.ts'
import type { Outcome } from '#main/metrics/outcome.ts'
import type { OutcomeArray } from '#main/metrics/parse-outcome.ts'
import { quantileFromTop, quantileOfSorted } from '#main/metrics/quantile.ts'
import { isPresent } from '#shared/domain/metrics.ts'
import { Random } from '#shared/random.ts'
import { promptMs } from '#test/support/prompt.ts'
import { integers, matrix, outcomeOf, predicting } from './build-outcome.ts'

/** Each model is right on a sample with its own probability, independently. */
function drawnOutcome(
  random: Random,
  counts: Readonly<Record<string, number>>,
  accuracies: Readonly<Record<string, number>>,
): Outcome {
  const arrays: Record<string, OutcomeArray> = {}
  for (const [set, count] of Object.entries(counts)) {
    const labels = Array.from({ length: count }, (_, i) => i % 2)
    arrays[`labels/${set}`] = integers(labels)
    for (const [model, accuracy] of Object.entries(accuracies)) {
      const classes = labels.map((label) => (random.uniform() < accuracy ? label : 1 - label))
      arrays[`${model}/${set}/logits`] = predicting(classes, 2)
    }
  }
  return outcomeOf(arrays)
}

const accuracies = { unlearned: 0.8, gold0: 0.7, gold1: 0.7 }
const outcome = drawnOutcome(Random.of(1, 'base'), { forget: 40, retain: 30, evaluation: 60 }, accuracies)

describe('resamples', () => {
  it('keep the size of each class in each set', () => {
    const labels = [...Array(12).fill(0), ...Array(10).fill(2), ...Array(11).fill(1)]
    const uneven = outcomeOf({
      'labels/forget': integers(labels),
      'unlearned/forget/logits': predicting(labels, 3),
    })
    for (const { counts } of resamples(uneven, 5, 50)) {
      const sizes = [0, 1, 2].map((label) =>
        counts.forget.reduce((sum, n, i) => sum + (labels[i] === label ? n : 0), 0),
      )
      expect(sizes).toEqual([12, 11, 10])
      expect(counts.retain).toHaveLength(0)
    }
  })

  it.each([1, 2])('give the accuracy over a hundred classes of %i images each its binomial width', async (perClass) => {
    const n = 100 * perClass
    const labels = Array.from({ length: n }, (_, i) => i % 100)
    // Seven of ten right.
    const predicted = labels.map((label, i) => (Math.floor(i / 2) % 10 < 7 ? label : (label + 1) % 100))
    const many = outcomeOf({
      'labels/forget': integers(labels),
      'unlearned/forget/logits': predicting(predicted, 100),
    })
    const { metrics } = await evaluate(many, { seed: 1, draws: 2000 })
    const accuracy = metrics.forgetAccuracy
    if (!isPresent(accuracy) || accuracy.ci === null) throw new Error('no interval')
    const [low, high] = accuracy.ci
    const half = 1.959964 * Math.sqrt((accuracy.value * (1 - accuracy.value)) / n)
    expect((high - low) / 2 / half).toBeGreaterThan(0.9)
    expect((high - low) / 2 / half).toBeLessThan(1.1)
  })

  it('take as many non-members each time, however small the classes', () => {
    // F has classes 0 and 1; evaluation has few images of each class.
    const evaluated = [0, 0, 0, 1, 1, ...Array(8).fill(2), ...Array(4).fill(3)]
    const small = outcomeOf({
      'labels/forget': integers([0, 1]),
      'labels/evaluation': integers(evaluated),
      'unlearned/forget/logits': predicting([0, 1], 4),
      'unlearned/evaluation/logits': predicting(evaluated, 4),
    })
    const perClass = [0, 0, 0, 0]
    const draws = 400
    for (const { counts } of resamples(small, 5, draws)) {
      expect(counts.evaluation.slice(0, 5).reduce((sum, n) => sum + n)).toBe(5)
      evaluated.forEach((label, i) => (perClass[label] += counts.evaluation[i] / draws))
    }
    for (const [label, size] of [3, 2, 8, 4].entries()) expect(Math.abs(perClass[label] - size)).toBeLessThan(0.4)
  })

  it('draw every sample equally often', () => {
    const total = new Float64Array(40)
    const draws = 2000
    for (const { counts } of resamples(outcome, 6, draws)) counts.forget.forEach((count, i) => (total[i] += count))
    // Standard deviation of a sample's mean count: about 1 / sqrt(2000) = 0.022.
    for (const sum of total) expect(Math.abs(sum / draws - 1)).toBeLessThan(0.1)
  })

  it('are the same for the same seed and other ones for another', () => {
    const first = (seed: number) => [...resamples(outcome, seed, 1)].map((draw) => [...draw.counts.evaluation])[0]
    expect(first(7)).toEqual(first(7))
    expect(first(7)).not.toEqual(first(8))
  })

  it('of a set do not depend on the other sets', () => {
    const { retain: _, ...sets } = outcome.sets
    const without = { ...outcome, sets }
    const forgetOf = (o: Outcome) => Array.from(resamples(o, 7, 3), (draw) => [...draw.counts.forget])
    expect(forgetOf(without)).toEqual(forgetOf(outcome))
  })
})

describe('quantiles', () => {
  it('interpolate between order statistics', () => {
    expect(quantileOfSorted(Float64Array.of(1, 2, 4, 8), 0.5)).toBe(3)
    expect(quantileOfSorted(Float64Array.of(1, 2, 4, 8), 1)).toBe(8)
    expect(quantileOfSorted(Float64Array.of(5), 0.99)).toBe(5)
  })

  it('of counted values equal those of the values written out', () => {
    const descending = Float64Array.of(9, 7, 4, 1)
    const counts = Float64Array.of(0, 3, 0, 2)
    for (const share of [0, 0.3, 0.5, 0.6, 0.99, 1]) {
      const written = quantileOfSorted(Float64Array.of(1, 1, 7, 7, 7), share)
      expect(quantileFromTop(descending, counts, 5, share)).toBeCloseTo(written, 12)
    }
  })
})

describe('intervals', () => {
  const options: EvaluationOptions = { seed: 3, draws: 400 }

  it('hold the value, are narrower at 90 %, and repeat with the seed', async () => {
    const { gap } = (await evaluate(outcome, options)).metrics
    if (!isPresent(gap) || gap.ci === null || !gap.ci90) throw new Error('no interval')
    expect(gap.ci[0]).toBeLessThan(gap.value)
    expect(gap.ci[1]).toBeGreaterThan(gap.value)
    expect(gap.ci90[0]).toBeGreaterThanOrEqual(gap.ci[0])
    expect(gap.ci90[1]).toBeLessThanOrEqual(gap.ci[1])
    expect((await evaluate(outcome, options)).metrics.gap).toEqual(gap)
    expect((await evaluate(outcome, { ...options, seed: 4 })).metrics.gap).not.toEqual(gap)
  })

  it('cover the true gap about as often as they promise', async () => {
    const random = Random.of(11, 'coverage')
    const studies = 200
    let covered = 0
    for (let study = 0; study < studies; study++) {
      const drawn = drawnOutcome(random, { forget: 80 }, { unlearned: 0.8, gold0: 0.65 })
      const { gap } = (await evaluate(drawn, { seed: study, draws: 300 })).metrics
      if (isPresent(gap) && gap.ci !== null && gap.ci[0] <= 0.15 && gap.ci[1] >= 0.15) covered++
    }
    // 95 % with a standard error of 1.5 points over 200 studies; the percentile bootstrap runs a little low.
    expect(covered / studies).toBeGreaterThan(0.9)
    expect(covered / studies).toBeLessThan(0.99)
  })

  it('are paired over models: a constant difference has no spread', async () => {
    const control = outcome.models.get('unlearned')?.forget?.logits
    if (!control) throw new Error('incomplete')
    const { paired } = await evaluate(outcome, { ...options, control })
    expect(paired?.easyHardAgreement).toMatchObject({ value: 0, ci: [0, 0] })
  })

  it('are left out below 10 samples of any set that the figure reads', async () => {
    const few = drawnOutcome(Random.of(2, 'few'), { forget: 9, retain: 30, evaluation: 60 }, accuracies)
    const { metrics } = await evaluate(few, options)
    for (const name of ['gap', 'agreement', 'tow', 'avgGap', 'mia.loss.auc']) {
      expect(metrics[name]).toMatchObject({ n: 9, ci: null })
    }
    expect(metrics.retainAccuracy).toMatchObject({ n: 30 })
    expect(isPresent(metrics.retainAccuracy) && metrics.retainAccuracy.ci).not.toBeNull()
    const fewOthers = drawnOutcome(Random.of(2, 'few'), { forget: 20, evaluation: 8 }, accuracies)
    expect((await evaluate(fewOthers, options)).metrics['mia.loss.auc']).toMatchObject({ n: 8, ci: null })
  })

  it('are left out without draws', async () => {
    const { metrics } = await evaluate(outcome, { seed: 1, draws: 0 })
    for (const metric of Object.values(metrics)) if (isPresent(metric)) expect(metric.ci).toBeNull()
  })

  it('resample what the streisand and attack figures read as well', async () => {
    const random = Random.of(9, 'spread')
    const labels = Array.from({ length: 60 }, () => 0)
    const logits = () => matrix(labels.map(() => [random.normal(), 0]))
    const spread = outcomeOf({
      'labels/forget': integers(labels),
      'labels/evaluation': integers(labels),
      'unlearned/forget/logits': logits(),
      'unlearned/evaluation/logits': logits(),
      'gold0/forget/logits': logits(),
      'gold0/evaluation/logits': logits(),
    })
    const { metrics } = await evaluate(spread, options)
    const auc = metrics['mia.loss.auc']
    if (!isPresent(auc) || auc.ci === null) throw new Error('no interval')
    // Standard error of an AUC near 0.5 with 60 against 60: sqrt((1 / 60 + 1 / 60) / 12) = 0.053.
    expect((auc.ci[1] - auc.ci[0]) / 2 / 1.96).toBeGreaterThan(0.04)
    expect((auc.ci[1] - auc.ci[0]) / 2 / 1.96).toBeLessThan(0.066)
    const { streisand } = metrics
    expect(isPresent(streisand) && streisand.ci && streisand.ci[1] - streisand.ci[0]).toBeGreaterThan(0)
  })
})

describe('the paired control', () => {
  it('is compared on easyHardAgreement with the same golds', async () => {
    const labels = integers([0, 0, 0, 0])
    const four = outcomeOf({
      'labels/forget': labels,
      'unlearned/forget/logits': predicting([0, 0, 1, 1], 2),
      'gold0/forget/logits': predicting([0, 0, 0, 1], 2),
      'gold1/forget/logits': predicting([0, 0, 1, 1], 2),
    })
    const control = Float64Array.from([1, 0, 0, 1, 1, 0, 0, 1])
    const { paired } = await evaluate(four, { seed: 1, draws: 0, control })
    // Right: unlearned 0 1, gold0 0 1 2, gold1 0 1, control 0 2. Agreements with the two golds: 3 and 4, against 3 and 2.
    expect(paired?.easyHardAgreement).toMatchObject({
      value: (3 / 4 + 4 / 4) / 2 - (3 / 4 + 2 / 4) / 2,
      n: 4,
    })
  })

  it('is refused when it holds other samples', async () => {
    await expect(evaluate(outcome, { seed: 1, draws: 0, control: new Float32Array(7) })).rejects.toMatchObject({
      code: 'bad-input',
    })
  })

  it('is absent from an evaluation without one', async () => {
    expect((await evaluate(outcome, { seed: 1, draws: 0 })).paired).toBeNull()
  })
})

describe('evaluate', () => {
  const large = drawnOutcome(Random.of(12, 'large'), { forget: 300, retain: 500, evaluation: 3000 }, accuracies)

  it('reports rising progress up to 1', async () => {
    const seen: number[] = []
    await evaluate(large, { seed: 1, draws: 300, onProgress: (fraction) => seen.push(fraction) })
    expect(seen.at(-1)).toBe(1)
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
  })

  it('leaves the event loop free and stops when it is cancelled', async () => {
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 30)
    const started = performance.now()
    const endless = evaluate(large, { seed: 1, draws: 1_000_000, signal: controller.signal })
    await expect(endless).rejects.toMatchObject({ code: 'cancelled' })
    expect(performance.now() - started).toBeLessThan(promptMs)
  })
})
