import { z } from 'zod'
import { AppError } from '#shared/errors.ts'
import { defineMethod } from '../../method.ts'
import type { StageProgress } from '../../stages.ts'
import { argmaxOfRow } from '../features/logits.ts'
import type { NamedArrays, UnlearnContext } from '../training/types.ts'
import { scrubEstimate, scrubParams, scrubPlan } from './scrub-plan.ts'

/** What the run leaves behind. */
export interface ScrubRewindReport {
  readonly kind: 'scrub-r'
  /** Epoch (1-based) that was gone back to. */
  readonly epoch: number
  /** Error of the last epoch on unseen samples of F's classes: what the error on F should be. */
  readonly reference: number
  /** Error on F after each epoch. */
  readonly forgetErrors: readonly number[]
}

/**
 * SCRUB drives the error on F above that of samples it never saw, which gives F away. So: train to the end, take the
 * error on unseen samples of F's classes as reference, and go back to the epoch whose error on F is nearest to it (the
 * later one of equals). The unseen samples are the twin pool's, never the evaluation set's.
 */
export const scrubRewind = defineMethod({
  id: 'scrub-r',
  title: 'SCRUB+R',
  family: 'baseline',
  summary: 'SCRUB, then back to the epoch whose error on the forgotten images is nearest that on unseen ones.',
  citation: 'Kurmanji et al. 2023, Towards Unbounded Machine Unlearning; public code meghdadk/SCRUB',
  params: z.strictObject(scrubParams),
  refusesClassRemoval: false,
  needs: () => ({ twinSamples: true }),
  estimate(params, counts) {
    const { visitsForward, visitsBackward } = scrubEstimate(params, counts)
    return { visitsForward: visitsForward + counts.twin + params.epochs * counts.forget, visitsBackward }
  },
  async *run(context, params): AsyncGenerator<StageProgress, ScrubRewindReport> {
    const { network, forget, twin } = context
    if (twin.length === 0) {
      throw new AppError('unsupported', 'SCRUB+R has no unseen samples of the classes to forget to compare with.', {
        hint: 'Choose a split whose twin pool has images of these classes, or SCRUB without rewinding.',
      })
    }
    const kept = new Map<number, NamedArrays>()
    const epochs = Array.from({ length: params.epochs }, (_, i) => i + 1)
    yield* context.train({ ...(await scrubPlan(context, params)), keep: { epochs, into: kept } })
    const reference = await errorOn(context, twin)
    const forgetErrors: number[] = []
    for (const epoch of epochs) {
      network.load(weightsAfter(kept, epoch))
      forgetErrors.push(await errorOn(context, forget))
    }
    const epoch = nearestEpoch(forgetErrors, reference)
    network.load(weightsAfter(kept, epoch))
    return { kind: 'scrub-r', epoch, reference, forgetErrors }
  },
})

/** 1-based; the later one of equals. */
function nearestEpoch(errors: readonly number[], reference: number): number {
  let best = 0
  for (const [i, error] of errors.entries()) {
    if (Math.abs(error - reference) <= Math.abs(errors[best] - reference)) best = i
  }
  return best + 1
}

async function errorOn({ network, feed, data, predict }: UnlearnContext, samples: Int32Array): Promise<number> {
  const { logits } = await predict(network, samples)
  const wrong = samples.reduce(
    (sum, sample, row) => sum + (argmaxOfRow(logits, row, data.classCount) === feed.labels[sample] ? 0 : 1),
    0,
  )
  return wrong / samples.length
}

function weightsAfter(kept: ReadonlyMap<number, NamedArrays>, epoch: number): NamedArrays {
  const weights = kept.get(epoch)
  if (weights === undefined) throw new AppError('internal', `SCRUB+R has not kept the weights after epoch ${epoch}.`)
  return weights
}
