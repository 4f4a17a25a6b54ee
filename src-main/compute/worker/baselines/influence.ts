import { z } from 'zod'
import { defineMethod } from '../../method.ts'
import type { StageProgress } from '../../stages.ts'
import type { NamedArrays, UnlearnContext } from '../training/types.ts'
import { inRandomOrder, labelled } from './plans.ts'
import { unlearnSaliencyCode } from './sgd-parameters.ts'

/** What the run leaves behind. */
export interface InfluenceReport {
  readonly kind: 'influence'
  /** Length of the step in the space of all weights. */
  readonly step: number
}

/** N of the recursion, a constant of the public code: the samples it takes and the damping of its inverse. */
const recursionLength = 1000
const gradientBatch = 256

/**
 * One Newton step away from F: w += a H^-1 v, where v is what removing F does to the mean gradient, and H^-1 v follows
 * from the gradients of single samples of R by the Woodbury identity (WoodFisher; Singh and Alistarh 2020). No training;
 * the recursion, its start with the first sample's gradient included, is the public code's, in float64.
 */
export const influence = defineMethod({
  id: 'influence',
  title: 'Influence',
  family: 'baseline',
  summary: 'Takes one estimated Newton step that undoes the influence of the forgotten images, without training.',
  citation: `Izzo et al. 2021; Koh and Liang 2017; WoodFisher form of Jia et al. 2023, ${unlearnSaliencyCode}`,
  params: z.strictObject({
    alpha: z.number().min(0).max(1000).default(0.2).describe('a: factor of the step; 0 changes nothing; public code'),
    samples: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(recursionLength)
      .describe(
        'Samples of R in the recursion, at most, in a seeded order: in file order they would be of one class; public code',
      ),
  }),
  refusesClassRemoval: false,
  needs: () => ({}),
  estimate({ samples }, counts) {
    const visits = counts.forget + counts.retain + Math.min(samples, counts.retain)
    return { visitsForward: visits, visitsBackward: visits }
  },
  async *run(context, params): AsyncGenerator<StageProgress, InfluenceReport> {
    const { network, forget, retain, seed } = context
    const members = forget.length + retain.length
    const recursive = inRandomOrder(retain, seed, 'influence').subarray(0, params.samples)
    const all = members + recursive.length
    const ofForget = yield* gradientSum(context, forget, [0, forget.length / all])
    const ofRetain = yield* gradientSum(context, retain, [forget.length / all, members / all])
    // Mean gradients as shares of D: the gradient of CE(F) / |D|, less what R already had in its place.
    const scale = forget.length / (members * retain.length)
    const direction = ofForget.map((sum, i) => sum / members - scale * ofRetain[i])
    const inverse = new InverseFisherProduct(direction)
    for await (const { done, gradients } of context.gradients(network, labelled(context.feed, recursive), 1)) {
      inverse.add(flattened(gradients))
      yield { kind: 'progress', value: (members + done) / all }
    }
    const step = inverse.value.map((value) => params.alpha * value)
    network.load(moved(await network.save(), [...network.variables.keys()], step))
    return { kind: 'influence', step: Math.sqrt(dot(step, step)) }
  },
})

/** H^-1 v, one gradient after the other: k -= (k g) / (N + o g) o, o -= (o g) / (N + o g) o. */
class InverseFisherProduct {
  readonly #product: Float64Array
  #other: Float64Array | null = null

  constructor(vector: Float64Array) {
    this.#product = vector.slice()
  }

  get value(): Float64Array {
    return this.#product
  }

  add(gradient: Float64Array): void {
    if (this.#other === null) {
      this.#other = gradient.slice()
      return
    }
    const other = this.#other
    const along = dot(other, gradient)
    const damped = recursionLength + along
    const ofProduct = dot(this.#product, gradient) / damped
    const ofOther = along / damped
    for (let i = 0; i < gradient.length; i++) {
      this.#product[i] -= ofProduct * other[i]
      other[i] -= ofOther * other[i]
    }
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}

/** Sum of the gradients of all samples' cross-entropy. */
async function* gradientSum(
  context: UnlearnContext,
  samples: Int32Array,
  [from, to]: readonly [number, number],
): AsyncGenerator<StageProgress, Float64Array> {
  let sum: Float64Array | null = null
  for await (const batch of context.gradients(context.network, labelled(context.feed, samples), gradientBatch)) {
    const gradient = flattened(batch.gradients)
    const before = sum
    sum = gradient.map((value, i) => (before === null ? 0 : before[i]) + batch.rows * value)
    yield { kind: 'progress', value: from + ((to - from) * batch.done) / samples.length }
  }
  return sum ?? new Float64Array()
}

function flattened(gradients: ReadonlyMap<string, Float32Array>): Float64Array {
  const out = new Float64Array([...gradients.values()].reduce((sum, { length }) => sum + length, 0))
  let end = 0
  for (const gradient of gradients.values()) {
    out.set(gradient, end)
    end += gradient.length
  }
  return out
}

function moved(weights: NamedArrays, names: readonly string[], step: Float64Array): NamedArrays {
  const changed: Record<string, NamedArrays[string]> = { ...weights }
  let start = 0
  for (const name of names) {
    const { shape, data } = weights[name]
    const from = start
    changed[name] = { shape, data: data.map((weight, i) => weight + step[from + i]) }
    start += data.length
  }
  return changed
}
