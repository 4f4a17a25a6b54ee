import { z } from 'zod'
import { defineMethod } from '../../method.ts'
import type { StageProgress } from '../../stages.ts'
import type { UnlearnContext } from '../training/types.ts'
import { labelled, retainAndRelabelled, sgdPlan, uniformLabels } from './plans.ts'
import { sgdParams, unlearnSaliencyCode } from './sgd-parameters.ts'

/** What the run leaves behind. */
export interface SaliencyReport {
  readonly kind: 'salun'
  /** Weights that were allowed to change, of all. */
  readonly salient: number
  readonly weights: number
}

/**
 * Random labels that may move only the weights which matter most for F: the largest of |sum of the gradients of
 * CE(F)| (equation 3 of the paper), over all layers together. The others keep their bits, as in the public code.
 */
export const salun = defineMethod({
  id: 'salun',
  title: 'SalUn',
  family: 'baseline',
  summary: 'Random labels, but only the weights that matter most for the forgotten images may change.',
  citation: `Fan et al. 2024, SalUn: Gradient-based Weight Saliency; ${unlearnSaliencyCode}`,
  params: z.strictObject({
    share: z
      .number()
      .gt(0)
      .max(1)
      .default(0.5)
      .describe(
        'Share of all weights that may change, by gradient at the original; the public code lets the weights move while it sums',
      ),
    ...sgdParams({ epochs: 10, lr: 0.013 }),
    redraw: z.boolean().default(true).describe('New random labels in every epoch, or the same throughout; public code'),
  }),
  refusesClassRemoval: false,
  needs: () => ({}),
  estimate(params, counts) {
    const saliency = params.share === 1 ? 0 : counts.forget
    const visits = params.epochs * (counts.retain + counts.forget) + saliency
    return { visitsForward: visits, visitsBackward: visits }
  },
  async *run(context, params): AsyncGenerator<StageProgress, SaliencyReport> {
    const mask = params.share === 1 ? null : await saliencyMask(context, params.share, params.batchSize)
    const items = (epoch: number) => retainAndRelabelled(context, uniformLabels(context, params.redraw ? epoch : 0))
    yield* context.train({ ...sgdPlan(context, params), items, ...(mask === null ? {} : { mask }) })
    const weights = [...context.network.variables.values()].reduce((sum, { size }) => sum + size, 0)
    return { kind: 'salun', salient: mask === null ? weights : Math.floor(params.share * weights), weights }
  },
})

async function saliencyMask(
  context: UnlearnContext,
  share: number,
  batchSize: number,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const { network, feed, forget } = context
  const sums = new Map<string, Float64Array>()
  for await (const { rows, gradients } of context.gradients(network, labelled(feed, forget), batchSize)) {
    for (const [name, gradient] of gradients) {
      const sum = sums.get(name) ?? new Float64Array(gradient.length)
      for (let i = 0; i < gradient.length; i++) sum[i] += rows * gradient[i]
      sums.set(name, sum)
    }
  }
  return largest(sums, share)
}

/** 1 for the given share of all values, those of largest magnitude; the earlier ones where equal values meet the border. */
function largest(values: ReadonlyMap<string, Float64Array>, share: number): ReadonlyMap<string, Uint8Array> {
  const magnitudes = new Float64Array([...values.values()].reduce((sum, { length }) => sum + length, 0))
  let end = 0
  for (const each of values.values()) for (const value of each) magnitudes[end++] = Math.abs(value)
  magnitudes.sort()
  const count = Math.floor(share * magnitudes.length)
  const threshold = count === 0 ? Number.POSITIVE_INFINITY : magnitudes[magnitudes.length - count]
  let atThreshold = count - magnitudes.reduce((sum, value) => sum + (value > threshold ? 1 : 0), 0)
  return new Map(
    [...values].map(([name, each]) => [
      name,
      Uint8Array.from(each, (value) => {
        const magnitude = Math.abs(value)
        return magnitude > threshold || (magnitude === threshold && atThreshold-- > 0) ? 1 : 0
      }),
    ]),
  )
}
