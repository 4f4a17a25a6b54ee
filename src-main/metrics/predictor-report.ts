import { Random } from '#shared/random.ts'
import { attackFigures, rank } from './ranking.ts'

const binCount = 10

/** How well the twin predictor's probabilities of *easy* hold up, cross-validated on the twin set. */
export interface CalibrationReport {
  readonly count: number
  readonly easyCount: number
  /** null when the twin is all easy or all hard. */
  readonly auc: number | null
  /** Mean squared error of the probabilities, 0..1. */
  readonly brier: number
  /** Equal-width bins of predicted probability, lowest first; empty bins are kept. */
  readonly reliability: readonly ReliabilityBin[]
}

export interface ReliabilityBin {
  readonly low: number
  readonly high: number
  readonly count: number
  /** Mean predicted probability and share that is easy; null in an empty bin. */
  readonly predicted: number | null
  readonly observed: number | null
}

/**
 * How well probabilities of *easy* (0..1) match what the samples are; both [n], `easy` 1 or 0. Give cross-validated
 * probabilities, or the report praises the predictor for what it has seen.
 */
export function predictorReport(probabilities: ArrayLike<number>, easy: ArrayLike<number>): CalibrationReport {
  const count = easy.length
  const ofEasy: number[] = []
  const ofHard: number[] = []
  let squares = 0
  for (let i = 0; i < count; i++) {
    if (easy[i] === 1) ofEasy.push(probabilities[i])
    else ofHard.push(probabilities[i])
    squares += (probabilities[i] - easy[i]) ** 2
  }
  return {
    count,
    easyCount: ofEasy.length,
    auc: ofEasy.length === 0 || ofHard.length === 0 ? null : areaUnderCurve(ofEasy, ofHard),
    brier: squares / count,
    reliability: reliabilityCurve(probabilities, easy),
  }
}

/** Probability that a positive's score exceeds a negative's, ties counting half; both lists must hold something. */
export function areaUnderCurve(positives: ArrayLike<number>, negatives: ArrayLike<number>): number {
  const ranking = rank(Float64Array.from(positives), Float64Array.from(negatives))
  const isMember = new Uint8Array(ranking.order.length).fill(1, 0, positives.length)
  return attackFigures(ranking, new Float64Array(isMember.length).fill(1), isMember).auc
}

function reliabilityCurve(probabilities: ArrayLike<number>, easy: ArrayLike<number>): readonly ReliabilityBin[] {
  const bins = Array.from({ length: binCount }, () => ({ count: 0, predicted: 0, observed: 0 }))
  for (let i = 0; i < easy.length; i++) {
    const bin = bins[Math.min(binCount - 1, Math.floor(probabilities[i] * binCount))]
    bin.count++
    bin.predicted += probabilities[i]
    bin.observed += easy[i]
  }
  return bins.map(({ count, predicted, observed }, i) => ({
    low: i / binCount,
    high: (i + 1) / binCount,
    count,
    predicted: count === 0 ? null : predicted / count,
    observed: count === 0 ? null : observed / count,
  }))
}

/**
 * Fold 0 .. folds-1 of each sample for cross-validation: seeded, sizes within one of each other, and each label spread
 * as evenly over the folds as its number allows.
 */
export function stratifiedFolds(labels: ArrayLike<number>, folds: number, seed: number): Int32Array {
  const positions = new Map<number, number[]>()
  for (let i = 0; i < labels.length; i++) {
    const list = positions.get(labels[i]) ?? []
    list.push(i)
    positions.set(labels[i], list)
  }
  const fold = new Int32Array(labels.length)
  const random = Random.of(seed, 'folds')
  let next = 0
  for (const label of [...positions.keys()].sort((a, b) => a - b)) {
    for (const position of random.shuffle(positions.get(label) ?? [])) fold[position] = next++ % folds
  }
  return fold
}
