/** Every baseline's update, and TMU's from given labels, against the same update in float64 and plain loops, on a network of two dense layers. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MethodParams } from '#main/compute/methods.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import { Random } from '#shared/random.ts'
import { nativeMissing } from '#test/support/native-engine.ts'
import {
  adam,
  argmax,
  combined,
  gradientOf,
  inputGradientOf,
  logitsOf,
  mapWeights,
  names,
  type Row,
  sgd,
  softmax,
  toWeights,
  towardsLabels,
  towardsTeacher,
  type Weights,
} from './plain-mlp.ts'
import { seed, type TinyRequest, tinyRequest, type Unlearned, unlearn, untrained } from './tiny-request.ts'

let request: TinyRequest
let [forget, retain, twin]: Row[][] = []
let start: Weights
let again: Weights

beforeAll(async () => {
  request = await tinyRequest()
  forget = request.rows(request.forget)
  retain = request.rows(request.retain)
  twin = request.rows(request.twin)
  start = toWeights(request.original)
  again = toWeights(untrained(request, seed))
})
afterAll(() => request[Symbol.asyncDispose]())

/** Every batch is everything there is: orders don't matter, and an epoch is one step. */
const whole = { batchSize: 1000 }
const momentum = { momentum: 0.9, weightDecay: 0.01 }

/** One gradient a step, at a constant rate. */
function trained(
  from: Weights,
  steps: number,
  lr: number,
  optimizer: ReturnType<typeof sgd>,
  gradientAt: (weights: Weights, step: number) => Weights,
): Weights {
  let weights = from
  for (let step = 0; step < steps; step++) weights = optimizer.step(weights, gradientAt(weights, step), lr)
  return weights
}

/** Equal within the tolerance, and moved by far more than that. */
function expectWeights({ weights }: Pick<Unlearned, 'weights'>, expected: Weights, tolerance = 1e-5): void {
  const found = toWeights(weights)
  expect(distance(found, start)).toBeGreaterThan(100 * tolerance)
  expect(distance(found, expected)).toBeLessThan(tolerance)
}

function distance(a: Weights, b: Weights): number {
  const ofVariable = names.map((name) => a[name].reduce((most, v, i) => Math.max(most, Math.abs(v - b[name][i])), 0))
  return Math.max(...ofVariable)
}

const uniformLabels = (epoch: number): Int32Array => {
  const random = Random.of(seed, 'unlearn', 'random-labels', epoch)
  return Int32Array.from(forget, () => random.below(3))
}

/** R under its own labels and F under these. */
const relabelled = (weights: Weights, labels: ArrayLike<number>): Weights => {
  const all = [...retain.map(({ label }) => label), ...Array.from(labels)]
  return gradientOf(weights, [...retain, ...forget], towardsLabels(all))
}

/** Squared gradients of single rows, averaged. */
function meanSquares(weights: Weights, rows: readonly Row[]): Weights {
  return combined(
    ...rows.map(
      (row) => [1 / rows.length, mapWeights(gradientOf(weights, [row], towardsLabels()), (g) => g * g)] as const,
    ),
  )
}

interface Case {
  readonly method: string
  readonly options: MethodParams
  readonly expected: () => Weights
  /** Default 1e-5. */
  readonly tolerance?: number
}

const cases: readonly Case[] = [
  {
    method: 'fine-tune',
    options: { ...whole, ...momentum, epochs: 3, lr: 0.05 },
    expected: () => trained(start, 3, 0.05, sgd(0.9, 0.01), (w) => gradientOf(w, retain, towardsLabels())),
  },
  {
    method: 'gradient-ascent',
    options: { ...whole, ...momentum, epochs: 3, lr: 0.01 },
    expected: () =>
      trained(start, 3, 0.01, sgd(0.9, 0.01), (w) => combined([-1, gradientOf(w, forget, towardsLabels())])),
  },
  {
    method: 'neggrad-plus',
    options: { ...whole, ...momentum, forgetBatchSize: 1000, alpha: 0.7, epochs: 3, lr: 0.05 },
    expected: () =>
      trained(start, 3, 0.05, sgd(0.9, 0.01), (w) =>
        combined([0.7, gradientOf(w, retain, towardsLabels())], [-0.3, gradientOf(w, forget, towardsLabels())]),
      ),
  },
  {
    method: 'random-labels',
    options: { ...whole, ...momentum, epochs: 3, lr: 0.05 },
    expected: () => trained(start, 3, 0.05, sgd(0.9, 0.01), (w, epoch) => relabelled(w, uniformLabels(epoch))),
  },
  {
    method: 'amnesiac',
    options: { ...whole, epochs: 2, lr: 1e-3 },
    expected: () => {
      const random = Random.of(seed, 'unlearn', 'other-labels')
      const labels = forget.map(({ label }) => (label + 1 + random.below(2)) % 3)
      expect(labels.every((label, i) => label !== forget[i].label)).toBe(true)
      return trained(start, 2, 1e-3, adam(), (w) => relabelled(w, labels))
    },
  },
  {
    method: 'bad-teacher',
    options: { ...whole, retainShare: 1, temperature: 2, epochs: 3, lr: 2e-3 },
    // Adam takes gradients near 0, as a student has beside its own teacher, for steps like any other.
    tolerance: 5e-5,
    expected: () => {
      const stranger = toWeights(untrained(request, Random.of(seed, 'unlearn', 'bad-teacher').uint32()))
      const teacher = [
        ...retain.map(({ x }) => softmax(logitsOf(start, x), 2)),
        ...forget.map(({ x }) => softmax(logitsOf(stranger, x), 2)),
      ]
      return trained(start, 3, 2e-3, adam(), (w) => gradientOf(w, [...retain, ...forget], towardsTeacher(teacher, 2)))
    },
  },
  {
    method: 'scrub',
    options: {
      ...whole,
      forgetBatchSize: 1000,
      epochs: 2,
      maxSteps: 1,
      gamma: 0.9,
      alpha: 0.4,
      temperature: 3,
      weightDecay: 0.01,
      lr: 1e-3,
      schedule: 'constant',
    },
    expected: () => {
      const teacherOf = (rows: readonly Row[]) => rows.map(({ x }) => softmax(logitsOf(start, x), 3))
      const stay = (w: Weights) =>
        combined(
          [0.9, gradientOf(w, retain, towardsLabels())],
          [0.4, gradientOf(w, retain, towardsTeacher(teacherOf(retain), 3))],
        )
      const leave = (w: Weights) => combined([-1, gradientOf(w, forget, towardsTeacher(teacherOf(forget), 3))])
      // At the original itself the distance has no gradient: only weight decay gives the first step a direction.
      return trained(start, 3, 1e-3, adam(0.01), (w, step) => (step === 0 ? leave(w) : stay(w)))
    },
  },
  {
    method: 'l1-sparse',
    options: { ...whole, ...momentum, alpha: 0.01, epochs: 4, lr: 0.05 },
    expected: () =>
      trained(start, 4, 0.05, sgd(0.9, 0.01), (w, epoch) =>
        combined([1, gradientOf(w, retain, towardsLabels())], [0.01 * (1 - epoch / 4), mapWeights(w, Math.sign)]),
      ),
  },
  {
    method: 'boundary-shrink',
    options: { ...whole, ...momentum, epsilon: 0.3, epochs: 3, lr: 0.05 },
    expected: () => {
      const labels = forget.map((row) => {
        const gradient = inputGradientOf(start, row)
        const attacked = row.x.map((value, i) => {
          const pixel = Math.max(0, Math.min(1, value * 0.2 + 0.45 + 0.3 * Math.sign(gradient[i])))
          return (Math.round(pixel * 255) / 255 - 0.45) / 0.2
        })
        return argmax(logitsOf(start, attacked))
      })
      expect(labels.some((label, i) => label !== forget[i].label)).toBe(true)
      return trained(start, 3, 0.05, sgd(0.9, 0.01), (w) => gradientOf(w, forget, towardsLabels(labels)))
    },
  },
  {
    method: 'boundary-expand',
    options: { ...whole, ...momentum, epochs: 3, lr: 0.05 },
    expected: () => {
      const random = Random.of(seed, 'unlearn', 'added-class')
      const drawn = () => (2 * random.uniform() - 1) / 8
      const widened = (values: Float64Array) =>
        Float64Array.from({ length: (values.length / 3) * 4 }, (_, i) =>
          i % 4 === 3 ? drawn() : values[Math.floor(i / 4) * 3 + (i % 4)],
        )
      const narrowed = (values: Float64Array) => values.filter((_, i) => i % 4 !== 3)
      const kernel = widened(start['dense2/kernel'])
      const expanded = { ...start, 'dense2/kernel': kernel, 'dense2/bias': widened(start['dense2/bias']) }
      const labels = forget.map(() => 3)
      const after = trained(expanded, 3, 0.05, sgd(0.9, 0.01), (w) => gradientOf(w, forget, towardsLabels(labels)))
      return {
        ...after,
        'dense2/kernel': narrowed(after['dense2/kernel']),
        'dense2/bias': narrowed(after['dense2/bias']),
      }
    },
  },
  {
    method: 'cf-k',
    options: { ...whole, ...momentum, k: 1, epochs: 3, lr: 0.05 },
    expected: () => {
      const head = (g: Weights) => mapWeights(g, (value, _, name) => (name.startsWith('dense2') ? value : 0))
      const after = trained(start, 3, 0.05, sgd(0.9, 0.01), (w) => head(gradientOf(w, retain, towardsLabels())))
      return { ...after, 'dense1/kernel': start['dense1/kernel'], 'dense1/bias': start['dense1/bias'] }
    },
  },
  {
    method: 'eu-k',
    options: { ...whole, k: 1, epochs: 3, lr: 0.05 },
    expected: () => {
      const frozen = { 'dense1/kernel': start['dense1/kernel'], 'dense1/bias': start['dense1/bias'] }
      const step = (w: Weights) => ({ ...gradientOf({ ...w, ...frozen }, retain, towardsLabels()) })
      return { ...trained({ ...again, ...frozen }, 3, 0.05, sgd(0, 0), step), ...frozen }
    },
  },
  {
    method: 'ssd',
    options: { batchSize: 1, alpha: 1.1, lambda: 0.8 },
    expected: () => {
      const [ofForget, ofAll] = [meanSquares(start, forget), meanSquares(start, [...retain, ...forget])]
      return mapWeights(start, (w, i, name) => {
        const [f, d] = [ofForget[name][i], ofAll[name][i]]
        return f > 1.1 * d ? w * Math.min((0.8 * d) / f, 1) : w
      })
    },
  },
  {
    method: 'fisher-noise',
    options: { alpha: 1e-4, samples: 1000, labels: 'own', inverseCap: 1e8, shared: false },
    // Where the information is near 0, the noise is a quotient of small numbers.
    tolerance: 1e-3,
    expected: () => withNoise(meanSquares(start, retain), (inverse) => inverse, 1e8),
  },
  {
    method: 'fisher-noise',
    options: { alpha: 1e-4, samples: 1000, inverseCap: 500, shared: true },
    expected: () => {
      // The sum over classes of p times the squared gradient towards the class.
      const expectedSquares = combined(
        ...retain.flatMap((row) =>
          Array.from(softmax(logitsOf(start, row.x)), (p, k) => {
            const gradient = gradientOf(start, [row], towardsLabels([k]))
            return [p / retain.length, mapWeights(gradient, (g) => g * g)] as const
          }),
        ),
      )
      const shared = (inverse: Float64Array, units: number | null): Float64Array => {
        if (units === null) return inverse.map((value) => 10 * value)
        const inputs = inverse.length / units
        const mean = (unit: number) => inverse.reduce((sum, v, i) => sum + (i % units === unit ? v : 0), 0) / inputs
        const means = Array.from({ length: units }, (_, unit) => mean(unit))
        return inverse.map((_, i) => means[i % units])
      }
      return withNoise(expectedSquares, shared, 500)
    },
  },
  ...['tmu', 'tmu-faithful', 'all-hard'].map(
    (method): Case => ({
      method,
      options: {
        ...whole,
        optimizer: 'sgd',
        momentum: 0.9,
        weightDecay: 0.01,
        schedule: 'constant',
        easyTreatment: 'dropped',
        forgetRepeats: 2,
        epochs: 3,
        lr: 0.05,
      },
      expected: () => {
        // The request's labels: every second sample of F is easy, and dropped; the others count twice under another class.
        const random = Random.of(seed, 'unlearn', 'other-class')
        const others = forget.map(({ label }) => (label + 1 + random.below(2)) % 3)
        const hard = forget.flatMap((row, i) => (i % 2 === 1 ? [] : [0, 1].map(() => ({ ...row, label: others[i] }))))
        return trained(start, 3, 0.05, sgd(0.9, 0.01), (w) => gradientOf(w, [...retain, ...hard], towardsLabels()))
      },
    }),
  ),
  {
    method: 'influence',
    options: { alpha: 30 },
    expected: () => {
      const removed = gradientOf(start, forget, towardsLabels())
      const kept = gradientOf(start, retain, towardsLabels())
      // 6 of 24 are forgotten: a quarter of the mean gradient is F's, and R takes its place.
      const direction = combined([6 / 24, removed], [-6 / 24, kept])
      const order = Random.of(seed, 'unlearn', 'influence').shuffle(retain.map((_, i) => i))
      const gradients = order.map((i) => gradientOf(start, [retain[i]], towardsLabels()))
      let [k, o] = [direction, gradients[0]]
      for (const g of gradients.slice(1)) {
        const damped = 1000 + inner(o, g)
        const [alongK, alongO] = [inner(k, g), inner(o, g)]
        k = combined([1, k], [-alongK / damped, o])
        o = combined([1 - alongO / damped, o])
      }
      return combined([1, start], [30, k])
    },
  },
]

function inner(a: Weights, b: Weights): number {
  return names.reduce((sum, name) => sum + a[name].reduce((part, value, i) => part + value * b[name][i], 0), 0)
}

function withNoise(
  information: Weights,
  variance: (inverse: Float64Array, units: number | null) => Float64Array,
  cap: number,
): Weights {
  const noisy = (name: (typeof names)[number]): Float64Array => {
    const most = name.startsWith('dense2') ? cap / 10 : cap
    const inverse = information[name].map((value) => Math.min(1 / (value + 1e-8), most))
    const units = name.endsWith('bias') ? null : name.startsWith('dense2') ? 3 : 64
    const random = Random.of(seed, 'unlearn', 'fisher-noise', name)
    const spread = variance(inverse, units)
    return start[name].map((w, i) => w + Math.sqrt(1e-4 * spread[i]) * random.normal())
  }
  return {
    'dense1/kernel': noisy('dense1/kernel'),
    'dense1/bias': noisy('dense1/bias'),
    'dense2/kernel': noisy('dense2/kernel'),
    'dense2/bias': noisy('dense2/bias'),
  }
}

const engines: readonly EngineId[] = ['wasm', 'cpu', ...(nativeMissing === null ? (['native'] as const) : [])]

describe('the plain network', () => {
  it('has the gradients that finite differences give', () => {
    const lossOf = (w: Weights) =>
      -retain.reduce((sum, { x, label }) => sum + Math.log(softmax(logitsOf(w, x))[label]), 0) / retain.length
    const gradient = gradientOf(start, retain, towardsLabels())
    for (const name of names) {
      for (const at of [0, 1, start[name].length - 1]) {
        const shifted = (by: number) => mapWeights(start, (w, i, of) => (of === name && i === at ? w + by : w))
        const slope = (lossOf(shifted(1e-5)) - lossOf(shifted(-1e-5))) / 2e-5
        expect(gradient[name][at], `${name} ${at}`).toBeCloseTo(slope, 7)
      }
    }
  })
})

describe.each(engines)('on %s, one step after the other in float64 comes to the weights of', (engine) => {
  it.each(cases)('$method with $options', async ({ method, options, expected, tolerance }) => {
    const found = await unlearn(request, method, options, { engine })
    expectWeights(found, expected(), tolerance)
  })

  it('rewind: Adam on a cosine from an early checkpoint', async () => {
    const found = await unlearn(request, 'rewind', { ...whole, epoch: 4, epochs: 3, lr: 2e-3 }, { engine })
    const optimizer = adam()
    // The last epoch's checkpoint is the original.
    let weights = start
    for (let step = 0; step < 3; step++) {
      const lr = (2e-3 * (1 + Math.cos((Math.PI * step) / 3))) / 2
      weights = optimizer.step(weights, gradientOf(weights, retain, towardsLabels()), lr)
    }
    expectWeights(found, weights)
  })

  it('salun: the weights with the largest gradients on F are trained, the others keep their bits', async () => {
    const options = { ...whole, ...momentum, share: 0.3, epochs: 2, lr: 0.05 }
    const { weights, report } = await unlearn(request, 'salun', options, { engine })
    const saliency = mapWeights(gradientOf(start, forget, towardsLabels()), Math.abs)
    const found = toWeights(weights)
    const all = names.flatMap((name) => [...saliency[name]].map((value, i) => ({ value, name, i })))
    const changed = all.filter(({ name, i }) => found[name][i] !== start[name][i])
    const stayed = all.filter(({ name, i }) => found[name][i] === start[name][i])
    expect(report).toEqual({ kind: 'salun', salient: Math.floor(0.3 * all.length), weights: all.length })
    expect(Math.min(...changed.map(({ value }) => value))).toBeGreaterThan(
      Math.max(...stayed.map(({ value }) => value)) - 1e-7,
    )
    const mask = new Set(changed.map(({ name, i }) => `${name} ${i}`))
    const expected = trained(start, 2, 0.05, sgd(0.9, 0.01), (w, epoch) => {
      const decayed = combined([1, relabelled(w, uniformLabels(epoch))], [0.01, w])
      // Weight decay is taken off again where it isn't masked, as the optimizer adds it.
      return mapWeights(decayed, (g, i, name) =>
        mask.has(`${name} ${i}`) ? g - 0.01 * w[name][i] : -0.01 * w[name][i],
      )
    })
    expectWeights({ weights }, expected)
    expect(changed.length).toBe(Math.floor(0.3 * all.length))
  })

  it('scrub-r: SCRUB after the epoch whose error on F is nearest the last one\u2019s on unseen samples', async () => {
    const options = { ...whole, forgetBatchSize: 1000, epochs: 5, maxSteps: 5, lr: 0.02, schedule: 'constant' }
    const { object, report } = await unlearn(request, 'scrub-r', options, { engine })
    const errorOf = ({ weights }: Unlearned, rows: readonly Row[]) => {
      const plain = toWeights(weights)
      return rows.filter(({ x, label }) => argmax(logitsOf(plain, x)) !== label).length / rows.length
    }
    const after: Unlearned[] = []
    for (let epochs = 1; epochs <= 5; epochs++) {
      after.push(await unlearn(request, 'scrub', { ...options, epochs }, { engine }))
    }
    const reference = errorOf(after[4], twin)
    const forgetErrors = after.map((each) => errorOf(each, forget))
    const distances = forgetErrors.map((error) => Math.abs(error - reference))
    const epoch = distances.lastIndexOf(Math.min(...distances)) + 1
    expect(report).toEqual({ kind: 'scrub-r', epoch, reference, forgetErrors })
    expect(object).toBe(after[epoch - 1].object)
  })
})
