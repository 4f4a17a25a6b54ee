import { z } from 'zod'
import { Random } from '#shared/random.ts'
import { defineMethod, type MethodDefinition } from '../../method.ts'
import type { StageProgress } from '../../stages.ts'
import { softmax } from '../features/logits.ts'
import type { TrainingItems, TrainPlan, UnlearnContext } from '../training/types.ts'
import {
  goldOutputEpochs,
  goldOutputFormerly,
  goldOutputInEffect,
  goldOutputNeeds,
  goldOutputParams,
  goldOutputVisits,
  labelsOf,
  predictGoldOutput,
} from './gold-output.ts'
import { accuracyByLabel, confidenceByLabel, sharpened, shiftedToShares } from './soft-targets.ts'
import { twinShiftInEffect, twinShiftNeed, twinShiftParams } from './twin-shift.ts'
import { minGradientNorm, shareOf } from './unlearn-by-labels.ts'

const paramsWith = (defaults: { readonly surrogate: 'checkpoints' | 'retrained' }) =>
  z.strictObject({
    ...goldOutputParams(defaults),
    temperature: z
      .number()
      .gt(0)
      .max(10)
      .default(0.7)
      .describe('Below 1 sharpens the targets, which an entropy attack would else notice'),
    epochs: z.int().min(1).max(1000).default(3).describe('Epochs of distillation'),
    lr: z
      .number()
      .gt(0)
      .max(1)
      .default(2e-3)
      .describe('Learning rate of Adam in distillation, falling to 0 by a cosine'),
    batchSize: z.int().min(1).max(4096).default(64).describe('Samples a step'),
    forgetRepeats: z.int().min(1).max(100).default(3).describe('How often an epoch visits each forget sample'),
    retainShare: z
      .number()
      .min(0)
      .max(1)
      .default(0.3)
      .describe('Share of the retained samples of other classes; those of the forgotten classes are all used'),
    corrections: z.int().min(0).max(20).default(2).describe('Rounds that bring the accuracy on F to its target'),
    correctionLr: z.number().gt(0).max(1).default(1e-3).describe('Learning rate of Adam in a round of one epoch'),
    ...twinShiftParams,
  })
type Params = z.infer<ReturnType<typeof paramsWith>>

/** What the result screen shows of a run. */
export interface SoftReport {
  readonly kind: 'soft'
  readonly map: {
    readonly a: readonly number[]
    readonly v: readonly number[]
    readonly b: readonly number[]
    /** Fitted on the twin samples, nats. */
    readonly crossEntropy: number
  }
  /** Per class of F: the accuracy on F that the twin problem foretells, and how it came out round by round. */
  readonly classes: readonly {
    readonly label: number
    readonly count: number
    readonly targetShare: number
    readonly accuracies: readonly number[]
  }[]
}

/**
 * TMU-soft (SCIENCE section 8): the twin problem teaches what the gold's whole output on F will be, and M_u is distilled
 * from that. No gold is used. With more classes than one in F the prior correction, the target share and the rate
 * correction are each class's own; the map is one for all.
 */
function softMethod(preset: {
  readonly id: string
  readonly title: string
  readonly summary: string
  readonly surrogate: 'checkpoints' | 'retrained'
}): MethodDefinition {
  return defineMethod({
    id: preset.id,
    title: preset.title,
    family: 'tmu',
    summary: preset.summary,
    citation: 'An extension of Twin Machine Unlearning (Niu et al.)',
    params: paramsWith(preset),
    inEffect: { ...goldOutputInEffect, ...twinShiftInEffect },
    formerly: goldOutputFormerly,
    refusesClassRemoval: true,
    needs: (given) => ({ ...goldOutputNeeds(given), ...twinShiftNeed(given) }),
    estimate(given, counts) {
      const items =
        given.forgetRepeats * counts.forget +
        counts.classRetain +
        Math.round(given.retainShare * (counts.retain - counts.classRetain))
      const foretelling = goldOutputVisits(given, counts)
      const trained = (given.epochs + given.corrections) * items
      const predicted = items - given.forgetRepeats * counts.forget + (given.corrections + 1) * counts.forget
      return {
        visitsForward: trained + predicted + foretelling.forward,
        visitsBackward: trained + foretelling.backward,
      }
    },
    run,
  })
}

/** The cheap form: the surrogates are two early checkpoints of the original, which cost nothing. */
export const tmuSoft = softMethod({
  id: 'tmu-soft',
  title: 'TMU-soft',
  summary: "Predicts the gold's whole output on the forgotten images from the twin problem, and distils it.",
  surrogate: 'checkpoints',
})

/** The full form: the surrogate goes on from the first checkpoint on the retained images. */
export const tmuSoftRetrained = softMethod({
  id: 'tmu-soft-retrained',
  title: 'TMU-soft, retrained surrogate',
  summary: 'TMU-soft with a surrogate that is trained a few epochs without the forgotten images: dearer, and closer.',
  surrogate: 'retrained',
})

async function* run(context: UnlearnContext, given: Params): AsyncGenerator<StageProgress, SoftReport> {
  const { forget, twin, network, feed, data } = context
  const classCount = data.classCount
  const forgetLabels = labelsOf(context, forget)
  const twinLabels = labelsOf(context, twin)
  const phases = given.epochs + given.corrections
  const foretelling = goldOutputEpochs(given)
  const total = phases + foretelling

  const foretold = yield* predictGoldOutput(context, given, [0, foretelling / total])
  const { map, predicted, twinTruth, twinLogits } = foretold
  const targetShares = foretoldShares(predicted, forgetLabels, twinTruth, twinLogits, twinLabels, classCount)
  const base = sharpened(predicted, given.temperature, classCount)

  const retain = retainForDistillation(context, given)
  network.load(context.weights('original'))
  const retainTargets = softmax((await context.predict(network, retain)).logits, classCount)
  const itemsFor = (shares: ReadonlyMap<number, number>): TrainingItems =>
    distillationItems(forget, shiftedToShares(base, forgetLabels, shares, classCount), retain, retainTargets, given)

  const plan = (phase: string, epochs: number, lr: number, items: TrainingItems, from: number): TrainPlan => ({
    network,
    feed,
    items,
    epochs,
    batchSize: given.batchSize,
    optimizer: 'adam',
    lr,
    schedule: 'cosine',
    minGradientNorm,
    seed: context.seed,
    stream: `unlearn ${phase}`,
    progress: [(foretelling + from) / total, (foretelling + from + epochs) / total],
    firstEpoch: foretelling + from,
    checkpoints: context.checkpoints,
  })
  yield* context.train(plan('distil', given.epochs, given.lr, itemsFor(targetShares), 0))

  // The student rounds the targets off its own way: aim past the target by what it missed.
  let aim = targetShares
  const reached: ReadonlyMap<number, number>[] = []
  for (let round = 0; ; round++) {
    const accuracy = accuracyByLabel((await context.predict(network, forget)).logits, forgetLabels, classCount)
    reached.push(accuracy)
    if (round === given.corrections) break
    aim = new Map(
      [...aim].map(([label, share]) => [label, share - ((accuracy.get(label) ?? 0) - (targetShares.get(label) ?? 0))]),
    )
    yield* context.train(plan(`correct ${round + 1}`, 1, given.correctionLr, itemsFor(aim), given.epochs + round))
  }

  return {
    kind: 'soft',
    map: { a: map.a, v: Array.from(map.v), b: Array.from(map.b), crossEntropy: map.crossEntropy },
    classes: [...targetShares].map(([label, targetShare]) => ({
      label,
      count: forgetLabels.reduce((count, other) => count + (other === label ? 1 : 0), 0),
      targetShare,
      accuracies: reached.map((accuracy) => accuracy.get(label) ?? 0),
    })),
  }
}

/**
 * Per class of F: mean predicted probability of the class, plus by how much M_o's accuracy on the twin samples
 * exceeds its mean confidence in them (a probability is not yet a share of correct answers).
 */
function foretoldShares(
  predicted: Float64Array,
  forgetLabels: Int32Array,
  twinTruth: Float64Array,
  twinLogits: Float32Array,
  twinLabels: Int32Array,
  classCount: number,
): ReadonlyMap<number, number> {
  const accuracy = accuracyByLabel(twinLogits, twinLabels, classCount)
  const confidence = confidenceByLabel(twinTruth, twinLabels, classCount)
  const shares = [...confidenceByLabel(predicted, forgetLabels, classCount)].map(([label, share]) => {
    // A twin pool of other classes has none of this one: what holds of it on average must do.
    const excess = (accuracy.get(label) ?? meanOf(accuracy)) - (confidence.get(label) ?? meanOf(confidence))
    return [label, Math.min(1, Math.max(0, share + excess))] as const
  })
  return new Map(shares)
}

function meanOf(values: ReadonlyMap<number, number>): number {
  return [...values.values()].reduce((sum, value) => sum + value, 0) / values.size
}

/** All of R's samples of F's classes and a seeded share of the rest, ascending. */
function retainForDistillation(context: UnlearnContext, given: Params): Int32Array {
  const classes = new Set(labelsOf(context, context.forget))
  const isNear = (sample: number): boolean => classes.has(context.feed.labels[sample])
  const near = context.retain.filter(isNear)
  const far = shareOf(
    context.retain.filter((sample) => !isNear(sample)),
    given.retainShare,
    Random.of(context.seed, 'unlearn', 'retain'),
  )
  const out = new Int32Array(near.length + far.length)
  out.set(near)
  out.set(far, near.length)
  return out.sort()
}

function distillationItems(
  forget: Int32Array,
  forgetTargets: Float64Array,
  retain: Int32Array,
  retainTargets: Float64Array,
  given: Params,
): TrainingItems {
  const samples = new Int32Array(retain.length + given.forgetRepeats * forget.length)
  const probabilities = new Float32Array(retainTargets.length + given.forgetRepeats * forgetTargets.length)
  samples.set(retain)
  probabilities.set(retainTargets)
  for (let r = 0; r < given.forgetRepeats; r++) {
    samples.set(forget, retain.length + r * forget.length)
    probabilities.set(forgetTargets, retainTargets.length + r * forgetTargets.length)
  }
  return { samples, targets: { probabilities } }
}
