import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evaluationSteps } from '#main/metrics/evaluate.ts'
import type { Outcome } from '#main/metrics/outcome.ts'
import type { OutcomeArray } from '#main/metrics/parse-outcome.ts'
import type { Evaluation, Metric } from '#shared/domain/metrics.ts'
import { isPresent } from '#shared/domain/metrics.ts'
import { Random } from '#shared/random.ts'
import { integers, matrix, outcomeOf, predicting } from './build-outcome.ts'

function valuesOf(outcome: Outcome): Evaluation {
  const steps = evaluationSteps(outcome, { seed: 1, draws: 0 })
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

function value(evaluation: Evaluation, name: string): number {
  const metric = evaluation.metrics[name]
  if (!isPresent(metric)) throw new Error(`${name} is absent: ${metric.absent}`)
  return metric.value
}

function reason(metric: Metric): string {
  if (isPresent(metric)) throw new Error('is present')
  return metric.absent
}

function repeated<T>(item: T, times: number): T[] {
  return Array.from({ length: times }, () => item)
}

describe('alignment with the gold, by hand', () => {
  // Labels 0 0 1 1 2; the unlearned model is right on two images, the gold on those and one more.
  const evaluation = valuesOf(
    outcomeOf({
      'labels/forget': integers([0, 0, 1, 1, 2]),
      'original/forget/logits': predicting([0, 0, 1, 1, 0], 3),
      'unlearned/forget/logits': predicting([0, 1, 1, 0, 0], 3),
      'gold0/forget/logits': predicting([0, 0, 1, 2, 1], 3),
    }),
  )
  const sure = Math.exp(2) / (Math.exp(2) + 2)
  const rest = 1 / (Math.exp(2) + 2)

  it.each([
    ['forgetAccuracy', 2 / 5],
    ['gap', -1 / 5],
    ['absGap', 1 / 5],
    ['agreement', 2 / 5],
    ['easyHardAgreement', 4 / 5],
    ['klToGold', (3 / 5) * (sure - rest) * Math.log(sure / rest)],
    ['activationDistance', (3 / 5) * Math.SQRT2 * (sure - rest)],
    [
      'jsDivergence',
      (3 / 5) * (sure * Math.log((2 * sure) / (sure + rest)) + rest * Math.log((2 * rest) / (sure + rest))),
    ],
  ])('%s is %f', (name, expected) => {
    expect(value(evaluation, name)).toBeCloseTo(expected, 12)
  })

  it('counts what the gold forgot, what is still known and what was lost beyond it', () => {
    expect(evaluation.evidence).toEqual({
      forgetCount: 5,
      goldCount: 1,
      originalForgetAccuracy: 4 / 5,
      goldForgetAccuracy: 3 / 5,
      hardCount: 2,
      stillKnown: 0,
      lost: 1,
    })
    const { original } = evaluation.differences
    expect(isPresent(original) && original.value).toBeCloseTo(1 / 5, 12)
  })

  it('means over golds where there are several', () => {
    const { evidence, metrics } = valuesOf(
      outcomeOf({
        'labels/forget': integers([0, 0, 0, 0]),
        'unlearned/forget/logits': predicting([0, 0, 1, 1], 2),
        'gold0/forget/logits': predicting([0, 1, 1, 1], 2),
        'gold1/forget/logits': predicting([0, 0, 0, 1], 2),
      }),
    )
    // Gap +1/4 to the one and -1/4 to the other: right on average, off by a quarter each.
    expect(metrics.gap).toMatchObject({ value: 0, perModel: { 'unlearned/gold0': 0.25, 'unlearned/gold1': -0.25 } })
    expect(metrics.absGap).toMatchObject({ value: 0.25 })
    expect(metrics.gapFloor).toMatchObject({ value: 0.5 })
    expect(evidence).toMatchObject({ goldForgetAccuracy: 0.5, hardCount: 2, stillKnown: 0.5, lost: 0.5 })
  })

  it('gives ties for the largest logit to the lowest class', () => {
    const evaluation = valuesOf(
      outcomeOf({ 'labels/forget': integers([0, 1]), 'unlearned/forget/logits': matrix(repeated([1, 1], 2)) }),
    )
    expect(value(evaluation, 'forgetAccuracy')).toBe(0.5)
  })
})

describe('membership attack, by hand', () => {
  // With logits (x, 0) and label 0 the loss falls with x.
  const byMargin = (xs: readonly number[]) => matrix(xs.map((x) => [x, 0]))
  const evaluation = valuesOf(
    outcomeOf({
      'labels/forget': integers([0, 0, 0]),
      'unlearned/forget/logits': byMargin([2, 1, 0]),
      'labels/evaluation': integers([0, 1, 0]),
      'unlearned/evaluation/logits': byMargin([1, 9, -1]),
    }),
  )

  it('counts a tie half: 4.5 of 6 pairs, and leaves out evaluation samples of other classes', () => {
    expect(value(evaluation, 'mia.loss.auc')).toBeCloseTo(4.5 / 6, 12)
    expect(value(evaluation, 'mia.margin.auc')).toBeCloseTo(4.5 / 6, 12)
  })

  it('takes the best threshold: all three members against one of two non-members', () => {
    expect(value(evaluation, 'mia.loss.balancedAccuracy')).toBeCloseTo((1 + 0.5) / 2, 12)
  })

  it('is at chance when members and non-members score alike', () => {
    const alike = byMargin([3, 1, 1, -2])
    const same = valuesOf(
      outcomeOf({
        'labels/forget': integers([0, 0, 0, 0]),
        'unlearned/forget/logits': alike,
        'labels/evaluation': integers([0, 0, 0, 0]),
        'unlearned/evaluation/logits': alike,
      }),
    )
    for (const score of ['loss', 'confidence', 'entropy', 'margin']) {
      expect(value(same, `mia.${score}.auc`)).toBe(0.5)
      expect(value(same, `mia.${score}.balancedAccuracy`)).toBe(0.5)
    }
  })

  it("states the null floor of balanced accuracy: half the mean of Smirnov's one-sided statistic above 0.5", () => {
    const [members, others] = [200, 400]
    const random = Random.of(3, 'scores')
    const drawn = valuesOf(
      outcomeOf({
        'labels/forget': integers(repeated(0, members)),
        'unlearned/forget/logits': byMargin(repeated(0, members).map(() => random.normal())),
        'labels/evaluation': integers(repeated(0, others)),
        'unlearned/evaluation/logits': byMargin(repeated(0, others).map(() => random.normal())),
      }),
    ).metrics['mia.loss.balancedAccuracy']
    // sqrt(nm / (n + m)) D+ has the limit P(> x) = exp(-2 x^2), of mean sqrt(pi / 8).
    const expected = 0.5 + Math.sqrt(Math.PI / 8) * Math.sqrt(1 / members + 1 / others) * 0.5
    expect(isPresent(drawn) && drawn.nullFloor).toBeGreaterThan(expected - 0.004)
    expect(isPresent(drawn) && drawn.nullFloor).toBeLessThan(expected + 0.004)
  })

  it('reads a rate of 1 % only off non-members that are worth 100', () => {
    const withOthers = (forget: readonly number[], others: readonly number[]) =>
      valuesOf(
        outcomeOf({
          'labels/forget': integers(forget),
          'unlearned/forget/logits': byMargin(forget.map((_, i) => i)),
          'labels/evaluation': integers(others),
          'unlearned/evaluation/logits': byMargin(others.map((_, i) => -i)),
        }),
      ).metrics
    const enough = withOthers(repeated(0, 9), repeated(0, 100))
    expect(isPresent(enough['mia.loss.tprAtFpr01'])).toBe(true)
    expect(reason(enough['mia.loss.tprAtFpr001'])).toContain('0.1 % needs 1000')
    expect(reason(withOthers(repeated(0, 9), repeated(0, 99))['mia.loss.tprAtFpr01'])).toContain('worth 99')
    // 120 samples, but 9 : 1 in weight: worth 60 / (0.9^2 + 0.1^2).
    const uneven = withOthers([...repeated(0, 9), 1], [...repeated(0, 60), ...repeated(1, 60)])
    expect(reason(uneven['mia.loss.tprAtFpr01'])).toContain('worth 73')
  })

  it('allows exactly 1 % of the non-members above the threshold', () => {
    const others = 200
    const { metrics } = valuesOf(
      outcomeOf({
        'labels/forget': integers(repeated(0, 4)),
        'unlearned/forget/logits': byMargin([150.5 / 10, 148.5 / 10, 147.5 / 10, 197.5 / 10]),
        'labels/evaluation': integers(repeated(0, others)),
        'unlearned/evaluation/logits': byMargin(repeated(0, others).map((_, i) => i / 10)),
      }),
    )
    // Two non-members (19.9, 19.8) may be above; only the member at 19.75 is above all others.
    expect(metrics['mia.margin.tprAtFpr01']).toMatchObject({ value: 1 / 4 })
  })
})

describe('an unlearned model that is the gold', () => {
  const random = Random.of(4, 'gold')
  const K = 3
  const labels = { forget: 12, retain: 15, evaluation: 40 }
  const arrays: Record<string, OutcomeArray> = {}
  for (const [set, count] of Object.entries(labels)) {
    arrays[`labels/${set}`] = integers(repeated(0, count).map((_, i) => i % K))
    const logits = matrix(repeated(0, count).map(() => repeated(0, K).map(() => 3 * random.normal())))
    for (const model of ['unlearned', 'gold0', 'gold1']) arrays[`${model}/${set}/logits`] = logits
  }
  const features = matrix(repeated(0, labels.evaluation).map(() => repeated(0, 4).map(() => random.normal())))
  for (const model of ['unlearned', 'gold0', 'gold1']) arrays[`${model}/evaluation/features`] = features

  it.each([
    ['gap', 0],
    ['absGap', 0],
    ['gapFloor', 0],
    ['agreement', 1],
    ['agreementFloor', 1],
    ['easyHardAgreement', 1],
    ['easyHardAgreementFloor', 1],
    ['jsDivergence', 0],
    ['jsFloor', 0],
    ['klToGold', 0],
    ['activationDistance', 0],
    ['avgGap', 0],
    ['tow', 1],
    ['mia.gap', 0],
    ['streisand', 0],
  ])('has %s %f', (name, expected) => {
    expect(value(valuesOf(outcomeOf(arrays)), name)).toBe(expected)
  })

  it('has a CKA of 1', () => {
    expect(value(valuesOf(outcomeOf(arrays)), 'cka')).toBeCloseTo(1, 12)
  })
})

describe('absent figures', () => {
  const forget = { 'labels/forget': integers([0, 1]), 'unlearned/forget/logits': predicting([0, 1], 3) }
  const golds = { 'gold0/forget/logits': predicting([0, 0], 3), 'gold1/forget/logits': predicting([1, 0], 3) }

  it('say that there is no gold', () => {
    const { metrics, evidence } = valuesOf(outcomeOf(forget))
    for (const name of ['gap', 'agreement', 'jsDivergence', 'klToGold', 'mia.gap', 'cka']) {
      expect(isPresent(metrics[name])).toBe(false)
    }
    expect(reason(metrics.gap)).toContain('no gold')
    expect(evidence).toMatchObject({ goldCount: 0, hardCount: null, stillKnown: null })
  })

  it('say that a floor needs two golds', () => {
    const { metrics } = valuesOf(outcomeOf({ ...forget, 'gold0/forget/logits': golds['gold0/forget/logits'] }))
    for (const name of ['gapFloor', 'agreementFloor', 'easyHardAgreementFloor', 'jsFloor']) {
      expect(reason(metrics[name])).toContain('two golds')
    }
    expect(isPresent(metrics.gap)).toBe(true)
  })

  it('name the array that is missing, rather than average over the models that have it', () => {
    const { metrics } = valuesOf(
      outcomeOf({
        ...forget,
        ...golds,
        'labels/evaluation': integers([0, 1]),
        'unlearned/evaluation/logits': predicting([0, 1], 3),
        'gold0/evaluation/logits': predicting([0, 1], 3),
      }),
    )
    expect(reason(metrics.tow)).toContain('unlearned/retain/logits')
    expect(reason(metrics['mia.gap'])).toContain('gold1/evaluation/logits')
    expect(reason(metrics.streisand)).toContain('gold1/evaluation/logits')
    expect(reason(metrics.retainAccuracy)).toContain('unlearned/retain/logits')
    expect(reason(metrics.zrf)).toContain('randomInit/forget/logits')
    expect(reason(metrics.cka)).toContain('unlearned/evaluation/features')
    expect(isPresent(metrics['mia.loss.auc'])).toBe(true)
  })

  it('name the class of the forget set that the evaluation samples lack', () => {
    const { metrics } = valuesOf(
      outcomeOf({
        ...forget,
        ...golds,
        'labels/evaluation': integers([0, 2]),
        'unlearned/evaluation/logits': predicting([0, 1], 3),
        'gold0/evaluation/logits': predicting([0, 1], 3),
        'gold1/evaluation/logits': predicting([0, 1], 3),
      }),
    )
    for (const name of ['classEvaluationAccuracy', 'mia.loss.auc', 'mia.entropy.balancedAccuracy', 'mia.gap']) {
      expect(reason(metrics[name])).toContain('Class 1 of the forget set has no evaluation samples')
    }
    expect(isPresent(metrics.evaluationAccuracy)).toBe(true)
  })

  it('say that features which never vary have no similarity', () => {
    const flat = matrix(repeated([1, 2], 6))
    const { metrics } = valuesOf(
      outcomeOf({
        ...forget,
        ...golds,
        'labels/evaluation': integers([0, 1, 0, 1, 0, 1]),
        'unlearned/evaluation/features': flat,
        'gold0/evaluation/features': flat,
        'gold1/evaluation/features': flat,
      }),
    )
    expect(reason(metrics.cka)).toContain('unlearned do not vary')
  })
})

/** A random outcome over three classes, of which forget has only some. */
function randomOutcome(seed: number, order: (count: number, set: string) => readonly number[]): Outcome {
  const random = Random.of(seed, 'outcome')
  const K = 3
  const arrays: Record<string, OutcomeArray> = {}
  for (const [set, count, classes] of [
    ['forget', 13, 2],
    ['retain', 11, 3],
    ['evaluation', 31, 3],
  ] as const) {
    const positions = order(count, set)
    const labels = repeated(0, count).map((_, i) => (i < classes ? i : random.below(classes)))
    arrays[`labels/${set}`] = integers(positions.map((i) => labels[i]))
    for (const model of ['unlearned', 'gold0', 'gold1', 'randomInit']) {
      // One row comes again and again, so that scores tie.
      const common = [1.5, 0.5, -0.75]
      const logits = labels.map(() => (random.below(3) === 0 ? common : repeated(0, K).map(() => 2 * random.normal())))
      const features = labels.map(() => [random.normal(), random.normal()])
      arrays[`${model}/${set}/logits`] = matrix(positions.map((i) => logits[i]))
      arrays[`${model}/${set}/features`] = matrix(positions.map((i) => features[i]))
    }
  }
  return outcomeOf(arrays)
}

const inOrder = (count: number) => repeated(0, count).map((_, i) => i)

describe('properties', () => {
  it('no metric depends on the order of the samples', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const shuffled = (count: number, set: string) => Random.of(seed, 'order', set).shuffle(inOrder(count))
        const before = valuesOf(randomOutcome(seed, inOrder))
        const after = valuesOf(randomOutcome(seed, shuffled))
        for (const [name, metric] of Object.entries(before.metrics)) {
          if (isPresent(metric)) expect(value(after, name)).toBeCloseTo(metric.value, 10)
          else expect(isPresent(after.metrics[name])).toBe(false)
        }
        expect(after.evidence).toEqual(before.evidence)
      }),
      { numRuns: 30, seed: 1 },
    )
  })

  it('Jensen-Shannon divergence is at most ln 2, and symmetric', () => {
    const logit = fc.double({ min: -200, max: 200, noNaN: true })
    const rows = fc.array(fc.tuple(logit, logit, logit), { minLength: 1, maxLength: 4 })
    const js = (p: readonly (readonly number[])[], q: readonly (readonly number[])[]) =>
      value(
        valuesOf(
          outcomeOf({
            'labels/forget': integers(p.map(() => 0)),
            'unlearned/forget/logits': matrix(p),
            'gold0/forget/logits': matrix(q),
          }),
        ),
        'jsDivergence',
      )
    fc.assert(
      fc.property(rows, rows, (p, q) => {
        const count = Math.min(p.length, q.length)
        const [left, right] = [p.slice(0, count), q.slice(0, count)]
        const divergence = js(left, right)
        expect(divergence).toBeGreaterThanOrEqual(-1e-15)
        expect(divergence).toBeLessThanOrEqual(Math.LN2)
        expect(js(right, left)).toBeCloseTo(divergence, 12)
      }),
      { numRuns: 100, seed: 2 },
    )
  })

  it('non-members weigh what their class weighs in the forget set, pair by pair', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const outcome = randomOutcome(seed, inOrder)
        const { forget, evaluation } = outcome.sets
        const model = outcome.models.get('unlearned')
        if (!model?.forget?.logits || !model.evaluation?.logits || evaluation === undefined)
          throw new Error('incomplete')
        const loss = (logits: ArrayLike<number>, label: number, row: number) => {
          const exponentials = [0, 1, 2].map((k) => Math.exp(logits[3 * row + k]))
          return -Math.log(exponentials[label] / (exponentials[0] + exponentials[1] + exponentials[2]))
        }
        const share = (labels: Int32Array, label: number) => labels.filter((other) => other === label).length
        let won = 0
        let weights = 0
        let right = 0
        for (let j = 0; j < evaluation.count; j++) {
          const label = evaluation.labels[j]
          const weight = share(forget.labels, label) / share(evaluation.labels, label)
          const other = loss(model.evaluation.logits, label, j)
          weights += weight
          const row = [...model.evaluation.logits.subarray(3 * j, 3 * j + 3)]
          if (row.indexOf(Math.max(...row)) === label) right += weight
          for (let i = 0; i < forget.count; i++) {
            const own = loss(model.forget.logits, forget.labels[i], i)
            if (Math.abs(own - other) < 1e-12) won += weight / 2
            else if (own < other) won += weight
          }
        }
        const found = valuesOf(outcome)
        expect(value(found, 'mia.loss.auc')).toBeCloseTo(won / (weights * forget.count), 10)
        expect(value(found, 'classEvaluationAccuracy')).toBeCloseTo(right / weights, 10)
      }),
      { numRuns: 30, seed: 3 },
    )
  })
})
