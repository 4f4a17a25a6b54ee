import { z } from 'zod'
import { defineMethod } from '../../method.ts'
import type { StageProgress } from '../../stages.ts'
import type { NamedArrays, UnlearnContext } from '../training/types.ts'
import { inRandomOrder, joined, labelled } from './plans.ts'

/** What the run leaves behind. */
export interface DampeningReport {
  readonly kind: 'ssd'
  /** Weights that were dampened, of all. */
  readonly dampened: number
  readonly weights: number
}

type Importance = ReadonlyMap<string, Float64Array>

/**
 * Selective synaptic dampening: where a weight matters more for F than for D, I_F > a I_D, it is multiplied by
 * min(l I_D / I_F, 1). No training. Importance is the mean over batches of the squared gradient of a batch's mean loss,
 * as in the public code (not per sample, as Fisher information would be): it depends on the batch size.
 */
export const ssd = defineMethod({
  id: 'ssd',
  title: 'SSD',
  family: 'baseline',
  summary: 'Dampens the weights that matter more for the forgotten images than for all, without training.',
  citation:
    'Foster et al. 2024, Fast Machine Unlearning Without Retraining Through Selective Synaptic Dampening; public code if-loops/selective-synaptic-dampening',
  params: z.strictObject({
    alpha: z
      .number()
      .gt(0)
      .max(1e30)
      .default(10)
      .describe('a: a weight is dampened from I_F > a I_D on; 1e30 dampens none; public code'),
    lambda: z.number().gt(0).max(1e6).default(1).describe('l: dampening, weight x min(l I_D / I_F, 1); public code'),
    batchSize: z
      .int()
      .min(1)
      .max(4096)
      .default(64)
      .describe('Samples a batch, whose mean gradient is squared; public code'),
  }),
  refusesClassRemoval: false,
  needs: () => ({}),
  estimate(_, counts) {
    const visits = counts.members + counts.forget
    return { visitsForward: visits, visitsBackward: visits }
  },
  async *run(context, params): AsyncGenerator<StageProgress, DampeningReport> {
    const { network, forget, retain } = context
    const members = joined(retain, forget)
    const share = forget.length / (forget.length + members.length)
    const ofForget = yield* importance(context, forget, params.batchSize, [0, share])
    const ofMembers = yield* importance(context, members, params.batchSize, [share, 1])
    const { weights, dampened, total } = dampen(await network.save(), ofMembers, ofForget, params)
    network.load(weights)
    return { kind: 'ssd', dampened, weights: total }
  },
})

async function* importance(
  context: UnlearnContext,
  samples: Int32Array,
  batchSize: number,
  [from, to]: readonly [number, number],
): AsyncGenerator<StageProgress, Importance> {
  const { network, feed, seed } = context
  const shuffled = inRandomOrder(samples, seed, 'ssd')
  const sums = new Map<string, Float64Array>()
  let batches = 0
  for await (const { done, gradients } of context.gradients(network, labelled(feed, shuffled), batchSize)) {
    batches++
    for (const [name, gradient] of gradients) {
      const sum = sums.get(name) ?? new Float64Array(gradient.length)
      for (let i = 0; i < gradient.length; i++) sum[i] += gradient[i] ** 2
      sums.set(name, sum)
    }
    yield { kind: 'progress', value: from + ((to - from) * done) / samples.length }
  }
  return new Map([...sums].map(([name, sum]) => [name, sum.map((value) => value / batches)]))
}

/** Equations 5 and 6 of the paper; batch-norm statistics, which have no gradient, stay. */
function dampen(
  weights: NamedArrays,
  ofMembers: Importance,
  ofForget: Importance,
  { alpha, lambda }: { readonly alpha: number; readonly lambda: number },
): { readonly weights: NamedArrays; readonly dampened: number; readonly total: number } {
  let [dampened, total] = [0, 0]
  const changed = Object.entries(weights).map(([name, { shape, data }]) => {
    const [members, forget] = [ofMembers.get(name), ofForget.get(name)]
    if (members === undefined || forget === undefined) return [name, { shape, data }] as const
    total += data.length
    const out = data.map((weight, i) => {
      if (!(forget[i] > alpha * members[i])) return weight
      dampened++
      return weight * Math.min((lambda * members[i]) / forget[i], 1)
    })
    return [name, { shape, data: out }] as const
  })
  return { weights: Object.fromEntries(changed), dampened, total }
}
