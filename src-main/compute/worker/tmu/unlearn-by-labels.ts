/**
 * Unlearning from easy/hard labels (SCIENCE section 1, step 8): cross-entropy on R; a hard sample is driven away from
 * its label, an easy one stays, but no longer as a memorised sample. `tmu`, `tmu-faithful` and every control that
 * differs in labels alone run this one function.
 */

import { z } from 'zod'
import type { Cost } from '#shared/domain/stage.ts'
import { AppError, assertNever } from '#shared/errors.ts'
import { Random } from '#shared/random.ts'
import type { EasyHardSource, MethodCounts, MethodNeeds } from '../../method.ts'
import type { StageProgress } from '../../stages.ts'
import type { TrainingItems, UnlearnContext } from '../training/types.ts'
import {
  type GoldOutputParams,
  goldOutputNeeds,
  goldOutputParams,
  goldOutputToTheLetter,
  goldOutputVisits,
  predictGoldOutput,
} from './gold-output.ts'
import type { UnlearningParams } from './parameters.ts'
import { type TwinShiftParams, twinShiftNeed } from './twin-shift.ts'

/** What the result screen shows of a run by labels. */
export interface LabelUnlearningReport {
  readonly kind: 'labels'
  readonly easy: number
  readonly hard: number
  /** Neither: too close to the threshold, left out. */
  readonly abstained: number
  readonly visitsPerEpoch: number
}

/** Adam turns round-off gradients into full steps: a batch that fits perfectly must not move anything. */
export const minGradientNorm = 1e-7

export async function* unlearnByLabels(
  context: UnlearnContext,
  params: UnlearningParams,
): AsyncGenerator<StageProgress, LabelUnlearningReport> {
  const { easy } = context
  if (easy === null) throw new AppError('internal', 'Unlearning by labels got no easy/hard labels.')
  if (params.start === 'twin') context.network.load(context.weights('twinModel'))
  const hardLabels = params.hardTreatment === 'twin-map' ? yield* foretoldLabels(context, params) : null
  const items = labelItems({ ...context, easy, hardLabels, classCount: context.data.classCount }, params)
  yield* context.train({
    network: context.network,
    feed: context.feed,
    items,
    epochs: params.epochs,
    batchSize: params.batchSize,
    optimizer: params.optimizer,
    lr: params.lr,
    schedule: params.schedule,
    momentum: params.momentum,
    weightDecay: params.weightDecay,
    minGradientNorm,
    seed: context.seed,
    stream: 'unlearn',
    checkpoints: context.checkpoints,
  })
  const { abstained } = context
  const without = abstained?.reduce((sum, value) => sum + value, 0) ?? 0
  const easyCount = easy.reduce((sum, value, i) => sum + (abstained?.[i] === 1 ? 0 : value), 0)
  return {
    kind: 'labels',
    easy: easyCount,
    hard: easy.length - easyCount - without,
    abstained: without,
    visitsPerEpoch: items.samples.length,
  }
}

/** The class, other than its own, that the gold is foretold to take each forget sample for. */
async function* foretoldLabels(
  context: UnlearnContext,
  params: UnlearningParams,
): AsyncGenerator<StageProgress, Int32Array> {
  const { predicted } = yield* predictGoldOutput(context, mapParams(params), [0, 0])
  const { classCount } = context.data
  return context.forget.map((sample, i) => {
    const label = context.feed.labels[sample]
    let best = label === 0 ? 1 : 0
    for (let k = 0; k < classCount; k++) {
      if (k !== label && predicted[i * classCount + k] > predicted[i * classCount + best]) best = k
    }
    return best
  })
}

/**
 * The cheap form of the map: its surrogates are checkpoints that the study has anyway. How sure the gold will be of the
 * sample's own class is all that calibration changes, and that class isn't asked for.
 */
function mapParams({ mapFirstEpoch, mapSecondEpoch }: UnlearningParams): GoldOutputParams {
  return goldOutputSchema.parse({
    firstEpoch: mapFirstEpoch,
    secondEpoch: mapSecondEpoch,
    ...goldOutputToTheLetter,
  })
}

const goldOutputSchema = z.strictObject(goldOutputParams({ surrogate: 'checkpoints' }))

interface LabelledRequest {
  readonly seed: number
  readonly forget: Int32Array
  readonly retain: Int32Array
  /** 1 = easy, in the order of `forget`. */
  readonly easy: Uint8Array
  /** 1: left out; null: none is. */
  readonly abstained?: Uint8Array | null
  /** Foretold class of each forget sample, were it hard; null: it is drawn. */
  readonly hardLabels?: Int32Array | null
  readonly feed: { readonly labels: Int32Array }
  readonly classCount: number
}

/** What every epoch visits: R (or a share of it), then each forget sample `forgetRepeats` times. */
export function labelItems(request: LabelledRequest, params: UnlearningParams): TrainingItems {
  const { seed, forget, easy, abstained, hardLabels, classCount } = request
  const truth = request.feed.labels
  const retain = shareOf(request.retain, params.retainShare, Random.of(seed, 'unlearn', 'retain'))
  const otherClass = Random.of(seed, 'unlearn', 'other-class')
  const samples: number[] = [...retain]
  const labels: number[] = Array.from(retain, (sample) => truth[sample])
  const noise: number[] = new Array(retain.length).fill(0)
  const soft: (Float32Array | null)[] = new Array(retain.length).fill(null)
  for (let i = 0; i < forget.length; i++) {
    const label = truth[forget[i]]
    // Drawn for every sample, so that one sample's label never changes another's draw.
    const other = (label + 1 + otherClass.below(classCount - 1)) % classCount
    if (abstained?.[i] === 1) continue
    const isEasy = easy[i] === 1
    if (isEasy && params.easyTreatment === 'dropped') continue
    const row = isEasy ? easyRow(label, classCount, params) : hardRow(label, classCount, params)
    for (let r = 0; r < params.forgetRepeats; r++) {
      samples.push(forget[i])
      labels.push(isEasy ? label : (hardLabels?.[i] ?? other))
      noise.push(isEasy && params.easyTreatment === 'noise' ? params.noiseSigma : 0)
      soft.push(row)
    }
  }
  const targets = soft.some((row) => row !== null)
    ? { probabilities: targetRows(labels, soft, classCount) }
    : { labels: Int32Array.from(labels) }
  return {
    samples: Int32Array.from(samples),
    targets,
    ...(noise.some((sigma) => sigma > 0) ? { noise: Float32Array.from(noise) } : {}),
  }
}

export function labelNeeds(easyHard: EasyHardSource, params: UnlearningParams & Partial<TwinShiftParams>): MethodNeeds {
  const foretold = params.hardTreatment === 'twin-map' ? goldOutputNeeds(mapParams(params)) : {}
  return { easyHard, ...foretold, ...(params.start === 'twin' ? { twin: true } : {}), ...twinShiftNeed(params) }
}

export function labelEstimate(
  params: UnlearningParams,
  counts: MethodCounts,
): Pick<Cost, 'visitsForward' | 'visitsBackward'> {
  const visits = params.epochs * (Math.round(params.retainShare * counts.retain) + params.forgetRepeats * counts.forget)
  const foretold =
    params.hardTreatment === 'twin-map' ? goldOutputVisits(mapParams(params), counts) : { forward: 0, backward: 0 }
  return { visitsForward: visits + foretold.forward, visitsBackward: visits + foretold.backward }
}

/** A seeded share of samples, in ascending order of position. */
export function shareOf(samples: Int32Array, share: number, random: Random): Int32Array {
  if (share >= 1) return samples
  const positions = random
    .shuffle(Int32Array.from(samples, (_, i) => i))
    .subarray(0, Math.round(share * samples.length))
  return positions.sort().map((position) => samples[position])
}

/** Target of an easy sample where it isn't its class; null: it is. */
function easyRow(label: number, classCount: number, params: UnlearningParams): Float32Array | null {
  return params.easyTreatment === 'label-smoothing' ? smoothed(label, params.smoothing, classCount) : null
}

/** Target of a hard sample where it isn't a class; null: it is the drawn one. */
function hardRow(label: number, classCount: number, params: UnlearningParams): Float32Array | null {
  switch (params.hardTreatment) {
    case 'random-label':
    case 'twin-map':
      return null
    case 'uniform-soft':
      return smoothed(label, 1, classCount)
    case 'maximise': {
      // The cross-entropy of a negative target is the negative cross-entropy: descending it ascends the loss.
      const row = new Float32Array(classCount)
      row[label] = -1
      return row
    }
    default:
      return assertNever(params.hardTreatment)
  }
}

function smoothed(label: number, mass: number, classCount: number): Float32Array {
  const row = new Float32Array(classCount).fill(mass / classCount)
  row[label] += 1 - mass
  return row
}

function targetRows(
  labels: readonly number[],
  soft: readonly (Float32Array | null)[],
  classCount: number,
): Float32Array {
  const out = new Float32Array(labels.length * classCount)
  labels.forEach((label, i) => {
    const row = soft[i]
    if (row === null) out[i * classCount + label] = 1
    else out.set(row, i * classCount)
  })
  return out
}
