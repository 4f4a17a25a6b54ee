import { z } from 'zod'
import { Random } from '#shared/random.ts'
import { defineMethod } from '../../method.ts'
import type { StageProgress } from '../../stages.ts'
import { softmax } from '../features/logits.ts'
import type { LabelledSamples, NamedArrays, UnlearnContext } from '../training/types.ts'
import { lastLayers } from './layers.ts'
import { inRandomOrder, labelled } from './plans.ts'

/** What the run leaves behind. */
export interface FisherNoiseReport {
  readonly kind: 'fisher-noise'
  /** Samples of R that the information was estimated on. */
  readonly samples: number
  /** Root mean square of the noise over all weights. */
  readonly noise: number
}

const params = z.strictObject({
  alpha: z
    .number()
    .min(0)
    .max(1)
    .default(1e-6)
    .describe('a: strength, the variance is a / (I + 1e-8), 0 adds nothing; public code'),
  samples: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(500)
    .describe('Retained samples that I is estimated on, at most; the public code takes all, at one pass a class each'),
  labels: z
    .enum(['expected', 'own'])
    .default('expected')
    .describe(
      'I sums squared per-sample gradients over all classes, weighted by their probability (public code), or takes those of the own labels',
    ),
  inverseCap: z
    .number()
    .gt(0)
    .max(1e8)
    .default(1000)
    .describe('Cap of 1 / (I + 1e-8), a tenth of it in the last layer; public code. 1e8 is none'),
  shared: z
    .boolean()
    .default(true)
    .describe('One variance for all inputs of a unit, their mean, and ten times it for biases; public code'),
})
type Params = z.infer<typeof params>

/**
 * Fisher forgetting: noise where the Fisher information of R is small, w += N(0, a / (I + 1e-8)). No training. Gradients
 * are per sample, the network in evaluation mode.
 */
export const fisherNoise = defineMethod({
  id: 'fisher-noise',
  title: 'Fisher noise',
  family: 'baseline',
  summary: 'Adds noise to the weights that matter little for the retained images, without training.',
  citation:
    'Golatkar et al. 2020, Eternal Sunshine of the Spotless Net; public code AdityaGolatkar/SelectiveForgetting, strength of if-loops/selective-synaptic-dampening',
  params,
  refusesClassRemoval: false,
  needs: () => ({}),
  estimate({ samples, labels, alpha }, counts) {
    const used = alpha === 0 ? 0 : Math.min(samples, counts.retain)
    const backward = used * (labels === 'expected' ? counts.classes : 1)
    return { visitsForward: backward + (labels === 'expected' ? used : 0), visitsBackward: backward }
  },
  async *run(context, given): AsyncGenerator<StageProgress, FisherNoiseReport> {
    if (given.alpha === 0) return { kind: 'fisher-noise', samples: 0, noise: 0 }
    const { network, retain, seed } = context
    const samples = inRandomOrder(retain, seed, 'fisher-noise').subarray(0, given.samples)
    const information = yield* fisherInformation(context, samples, given.labels)
    const { weights, noise } = perturbed(
      await network.save(),
      information,
      lastLayers(network, 1).trainable,
      given,
      seed,
    )
    network.load(weights)
    return { kind: 'fisher-noise', samples: samples.length, noise }
  },
})

type Information = ReadonlyMap<string, Float64Array>

/** Mean over samples of the squared gradient of a single sample's loss. */
async function* fisherInformation(
  context: UnlearnContext,
  samples: Int32Array,
  labels: Params['labels'],
): AsyncGenerator<StageProgress, Information> {
  const { network } = context
  const { items, weights } = await weightedItems(context, samples, labels)
  const sums = new Map<string, Float64Array>()
  for await (const { done, gradients } of context.gradients(network, items, 1)) {
    const weight = weights[done - 1] / samples.length
    for (const [name, gradient] of gradients) {
      const sum = sums.get(name) ?? new Float64Array(gradient.length)
      for (let i = 0; i < gradient.length; i++) sum[i] += weight * gradient[i] ** 2
      sums.set(name, sum)
    }
    yield { kind: 'progress', value: done / items.samples.length }
  }
  return sums
}

/** Every sample under every class, weighted by the network's probability of it; or once, under its own. */
async function weightedItems(
  { network, feed, data, predict }: UnlearnContext,
  samples: Int32Array,
  labels: Params['labels'],
): Promise<{ readonly items: LabelledSamples; readonly weights: Float64Array }> {
  if (labels === 'own') return { items: labelled(feed, samples), weights: new Float64Array(samples.length).fill(1) }
  const { classCount } = data
  const weights = softmax((await predict(network, samples)).logits, classCount)
  return {
    items: {
      samples: Int32Array.from(weights, (_, i) => samples[Math.floor(i / classCount)]),
      labels: Int32Array.from(weights, (_, i) => i % classCount),
    },
    weights,
  }
}

/** The weights with noise drawn in float64, variable by variable: the same on every engine. */
function perturbed(
  weights: NamedArrays,
  information: Information,
  last: readonly string[],
  { alpha, inverseCap, shared }: Pick<Params, 'alpha' | 'inverseCap' | 'shared'>,
  seed: number,
): { readonly weights: NamedArrays; readonly noise: number } {
  let [sum, count] = [0, 0]
  const changed = Object.entries(weights).map(([name, { shape, data }]) => {
    const found = information.get(name)
    if (found === undefined) return [name, { shape, data }] as const
    const cap = last.includes(name) ? inverseCap / 10 : inverseCap
    const inverse = found.map((value) => Math.min(1 / (value + 1e-8), cap))
    const variance = shared ? sharedVariance(inverse, shape) : inverse
    const random = Random.of(seed, 'unlearn', 'fisher-noise', name)
    const out = data.map((weight, i) => {
      const added = Math.sqrt(alpha * variance[i]) * random.normal()
      sum += added ** 2
      return weight + added
    })
    count += data.length
    return [name, { shape, data: out }] as const
  })
  return { weights: Object.fromEntries(changed), noise: Math.sqrt(sum / count) }
}

/** Mean over the input axis, the last but one; a vector (bias, batch norm) times ten. */
function sharedVariance(inverse: Float64Array, shape: readonly number[]): Float64Array {
  if (shape.length === 1) return inverse.map((value) => 10 * value)
  const [inputs, outputs] = shape.slice(-2)
  const block = inputs * outputs
  return inverse.map((_, i) => {
    const start = Math.floor(i / block) * block + (i % outputs)
    let total = 0
    for (let input = 0; input < inputs; input++) total += inverse[start + input * outputs]
    return total / inputs
  })
}
