/**
 * What the gold will say of F, foretold from the twin problem (SCIENCE section 8, steps 1 to 4). No gold is read: the
 * map is learned where M_o is the gold, on H_c, and applied where it isn't, on F.
 */
import { z } from 'zod'
import type { InEffect } from '#shared/domain/in-effect.ts'
import { AppError } from '#shared/errors.ts'
import type { MethodCounts, MethodNeeds } from '../../method.ts'
import type { StageProgress } from '../../stages.ts'
import { softmax } from '../features/logits.ts'
import type { Network, UnlearnContext } from '../training/types.ts'
import { exposureShift, type LabelledLogits, shiftedOwn } from './exposure.ts'
import { applySoftMap, fitSoftMap, type SoftMap } from './soft-map.ts'
import { priorCorrected, temperatureOf } from './soft-targets.ts'

export const goldOutputParams = (defaults: { readonly surrogate: 'checkpoints' | 'retrained' }) => ({
  surrogate: z
    .enum(['checkpoints', 'retrained'])
    .default(defaults.surrogate)
    .describe(
      'What stands for a model that never saw a sample: two early checkpoints, or the first one trained on without F',
    ),
  firstEpoch: z.int().min(1).max(1000).default(2).describe('Epoch of the first surrogate checkpoint'),
  secondEpoch: z.int().min(1).max(1000).default(4).describe('Epoch of the second; unused by a retrained surrogate'),
  surrogateEpochs: z.int().min(1).max(1000).default(3).describe('Epochs of a retrained surrogate on R'),
  surrogateLr: z.number().gt(0).max(1).default(3e-3).describe('Learning rate of Adam there, falling to 0 by a cosine'),
  twinSurrogate: z
    .enum(['matched', 'same'])
    .default('matched')
    .describe(
      'What the map reads on the twin samples, where the surrogate is retrained: one trained alike on all members, which stands to them as the other does to F, or the same one',
    ),
  prior: z
    .enum(['calibrated', 'raw'])
    .default('calibrated')
    .describe(
      'How the target learns of the smaller class, unless a matched surrogate shows it: by its share of logits at the temperature at which the original is as sure of the twin samples as it is right, or of its bare probabilities',
    ),
  exposure: z
    .enum(['removed', 'kept'])
    .default('removed')
    .describe(
      'What checkpoints have learned of F in their epochs: taken off by as much as they are surer of the members of its classes than of the twin samples, or left in; a retrained surrogate keeps it',
    ),
  memorisedScale: z
    .enum(['by-label', 'own', 'twin'])
    .default('by-label')
    .describe(
      'Whose moments standardise what the memorised side says of F: its own, of own labels and other classes apart or by class, for the twin model was trained for less long; or those of the twin samples',
    ),
  mapSteps: z.int().min(1).max(100_000).default(300).describe('Full-batch Adam steps that fit the map'),
  mapLr: z.number().gt(0).max(1).default(0.05).describe('Learning rate of the map'),
  ridge: z.number().min(0).max(10).default(0.02).describe('Pull of the map towards the mean of the surrogates'),
})
export const goldOutputInEffect = {
  secondEpoch: [{ surrogate: ['checkpoints'] }],
  surrogateEpochs: [{ surrogate: ['retrained'] }],
  surrogateLr: [{ surrogate: ['retrained'] }],
  twinSurrogate: [{ surrogate: ['retrained'] }],
  prior: [{ surrogate: ['checkpoints'] }, { twinSurrogate: ['same'] }],
  exposure: [{ surrogate: ['checkpoints'] }],
} as const satisfies InEffect
/** What the parameters that came later did before they came, those of one time together. */
export const goldOutputFormerly = [
  { twinSurrogate: 'same', prior: 'raw', memorisedScale: 'twin' },
  { exposure: 'kept' },
] as const
/** SCIENCE section 8 to the letter. */
export const goldOutputToTheLetter = Object.assign({}, ...goldOutputFormerly) as (typeof goldOutputFormerly)[0] &
  (typeof goldOutputFormerly)[1]
export type GoldOutputParams = z.infer<z.ZodObject<ReturnType<typeof goldOutputParams>>>

export interface GoldOutput {
  readonly map: SoftMap
  /** q on F [n, K], before any sharpening or shift. */
  readonly predicted: Float64Array
  /** Softmax and logits of M_o on H_c [n, K]: what the twin problem's gold says. */
  readonly twinTruth: Float64Array
  readonly twinLogits: Float32Array
}

export function goldOutputNeeds({ surrogate, firstEpoch, secondEpoch }: GoldOutputParams): MethodNeeds {
  const epochs = surrogate === 'retrained' ? [firstEpoch] : [...new Set([firstEpoch, secondEpoch])]
  return { twin: true, epochs }
}

/** Epochs that are trained before anything is foretold. */
export function goldOutputEpochs({ surrogate, surrogateEpochs, twinSurrogate }: GoldOutputParams): number {
  if (surrogate === 'checkpoints') return 0
  return twinSurrogate === 'matched' ? 2 * surrogateEpochs : surrogateEpochs
}

/** Visits of the prediction alone. */
export function goldOutputVisits(
  { surrogate, surrogateEpochs, twinSurrogate, exposure }: GoldOutputParams,
  counts: MethodCounts,
): { readonly forward: number; readonly backward: number } {
  const alike = twinSurrogate === 'matched' ? counts.members : 0
  const trained = surrogate === 'retrained' ? surrogateEpochs * (counts.retain + alike) : 0
  const surrogates = surrogate === 'retrained' ? 1 : 2
  const measured = surrogate === 'checkpoints' && exposure === 'removed' ? surrogates * counts.classRetain : 0
  const heard = (surrogates + 1) * (counts.forget + counts.twin) + counts.twin
  return { forward: trained + measured + heard, backward: trained }
}

/** `progress`: the share of the stage that this covers. */
export async function* predictGoldOutput(
  context: UnlearnContext,
  given: GoldOutputParams,
  progress: readonly [from: number, to: number],
): AsyncGenerator<StageProgress, GoldOutput> {
  const { forget, twin } = context
  const { classCount } = context.data
  if (twin.length === 0) {
    throw new AppError(
      'unsupported',
      'The twin pool holds no sample of the classes to forget, so there is no twin problem.',
      {
        hint: 'Choose a split whose twin pool has images of these classes.',
      },
    )
  }
  const network = await context.createNetwork()
  try {
    const surrogates = { twin: [] as Float32Array[], forget: [] as Float32Array[] }
    const hear = async (sides: readonly ('twin' | 'forget')[]): Promise<void> => {
      for (const side of sides) surrogates[side].push((await context.predict(network, context[side])).logits)
    }
    const isMatched = given.surrogate === 'retrained' && given.twinSurrogate === 'matched'
    const first = context.weights(`epoch-${given.firstEpoch}`)
    if (given.surrogate === 'checkpoints') {
      for (const epoch of [given.firstEpoch, given.secondEpoch]) {
        network.load(context.weights(`epoch-${epoch}`))
        const heard = await hearCheckpoint(context, network, given.exposure)
        surrogates.twin.push(heard.twin)
        surrogates.forget.push(heard.forget)
      }
    } else {
      network.load(first)
      const [from, to] = progress
      const middle = isMatched ? from + (to - from) / 2 : to
      yield* retrain(context, network, given, { samples: context.retain, stream: 'unlearn surrogate', done: 0 }, [
        from,
        middle,
      ])
      await hear(isMatched ? ['forget'] : ['twin', 'forget'])
      if (isMatched) {
        network.load(first)
        const samples = Int32Array.from([...context.retain, ...forget]).sort()
        const done = given.surrogateEpochs
        yield* retrain(context, network, given, { samples, stream: 'unlearn twin surrogate', done }, [middle, to])
        await hear(['twin'])
      }
    }
    const on = async (input: 'original' | 'twinModel', samples: Int32Array): Promise<Float32Array> => {
      network.load(context.weights(input))
      return (await context.predict(network, samples)).logits
    }
    const memorisedTwin = await on('twinModel', twin)
    const memorisedForget = await on('original', forget)
    const twinLogits = await on('original', twin)
    const twinTruth = softmax(twinLogits, classCount)
    const sureness = given.prior === 'calibrated' ? temperatureOf(twinLogits, labelsOf(context, twin), classCount) : 1
    const map = await fitSoftMap(
      { surrogates: surrogates.twin, memorised: memorisedTwin, labels: labelsOf(context, twin) },
      isMatched ? twinTruth : priorCorrected(twinLogits, keptShares(context), sureness),
      classCount,
      { steps: given.mapSteps, lr: given.mapLr, ridge: given.ridge },
      () => context.breathe(),
    )
    const predicted = applySoftMap(
      map,
      { surrogates: surrogates.forget, memorised: memorisedForget, labels: labelsOf(context, forget) },
      given.memorisedScale,
    )
    return { map, predicted, twinTruth, twinLogits }
  } finally {
    network.dispose()
  }
}

/** Logits of an early checkpoint, which `network` holds, on the twin samples and on F. */
async function hearCheckpoint(
  context: UnlearnContext,
  network: Network,
  exposure: GoldOutputParams['exposure'],
): Promise<Readonly<Record<'twin' | 'forget', Float32Array>>> {
  const { twin, forget, retain, data } = context
  const on = async (samples: Int32Array): Promise<LabelledLogits> => {
    return { logits: (await context.predict(network, samples)).logits, labels: labelsOf(context, samples) }
  }
  const [unseen, own] = [await on(twin), await on(forget)]
  if (exposure === 'kept') return { twin: unseen.logits, forget: own.logits }
  const classes = new Set(own.labels)
  const others = await on(retain.filter((sample) => classes.has(context.feed.labels[sample])))
  const seen = {
    logits: Float32Array.from([...own.logits, ...others.logits]),
    labels: Int32Array.from([...own.labels, ...others.labels]),
  }
  const shift = exposureShift(seen, unseen, own.labels, data.classCount)
  return { twin: unseen.logits, forget: shiftedOwn(own, shift, data.classCount) }
}

/** Of each sample, its own. */
export function labelsOf({ feed }: UnlearnContext, samples: Int32Array): Int32Array {
  return samples.map((sample) => feed.labels[sample])
}

/**
 * Surrogate S (step 2): on R it never saw H_c, and saw F in its first epochs only. The twin problem's own, where the
 * request's R is all of D, shows how far M_o is from such a surrogate when no sample is missing in either.
 */
async function* retrain(
  context: UnlearnContext,
  network: Network,
  given: GoldOutputParams,
  { samples, stream, done }: { readonly samples: Int32Array; readonly stream: string; readonly done: number },
  progress: readonly [from: number, to: number],
): AsyncGenerator<StageProgress, void> {
  const { feed } = context
  yield* context.train({
    network,
    feed,
    items: { samples, targets: { labels: samples.map((sample) => feed.labels[sample]) } },
    epochs: given.surrogateEpochs,
    batchSize: context.recipe.batchSize,
    optimizer: 'adam',
    lr: given.surrogateLr,
    schedule: 'cosine',
    seed: context.seed,
    stream,
    progress,
    firstEpoch: done,
    checkpoints: context.checkpoints,
  })
}

/** 1 - |F_k| / |D_k| of every class. */
function keptShares({ data, feed, retain, forget }: UnlearnContext): Float64Array {
  const kept = new Float64Array(data.classCount)
  const all = new Float64Array(data.classCount)
  for (const sample of retain) {
    kept[feed.labels[sample]]++
    all[feed.labels[sample]]++
  }
  for (const sample of forget) all[feed.labels[sample]]++
  return kept.map((count, label) => (all[label] === 0 ? 1 : count / all[label]))
}
