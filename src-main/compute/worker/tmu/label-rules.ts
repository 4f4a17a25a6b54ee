/** How F's samples get their generalization labels: 1 = easy, 0 = hard (SCIENCE section 1, step 7, and section 2, controls). */
import type { Random } from '#shared/random.ts'
import { argmaxOfRow } from '../features/logits.ts'
import { sigmoid } from './mlp.ts'

/** Easy where the predicted probability of easy reaches the threshold. */
export function labelByThreshold(probabilities: ArrayLike<number>, threshold: number): Uint8Array {
  return Uint8Array.from(probabilities, (probability) => (probability >= threshold ? 1 : 0))
}

/** Keeps the log-odds of a certain prediction finite. */
const leastDoubt = 1e-6

/**
 * The probabilities of easy with one constant added to their log-odds, so that the share `hardShare` of them is below the
 * threshold, as nearly as their number and equal ones allow. A predictor of few hard samples calls fewer hard than there
 * are: most are likelier easy than not.
 */
export function withHardShare(probabilities: Float64Array, hardShare: number, threshold: number): Float64Array {
  const odds = probabilities.map((p) => logOdds(Math.min(1 - leastDoubt, Math.max(leastDoubt, p))))
  const ascending = odds.toSorted()
  const hard = Math.round(hardShare * odds.length)
  // Beyond the outermost one where all are to be hard, or none.
  const below = ascending[hard - 1] ?? ascending[0] - 2
  const above = ascending[hard] ?? below + 2
  const shift = logOdds(Math.min(1 - leastDoubt, Math.max(leastDoubt, threshold))) - (below + above) / 2
  return odds.map((value) => sigmoid(value + shift))
}

function logOdds(p: number): number {
  return Math.log(p / (1 - p))
}

/** 1 where the probability is nearer to the threshold than `abstain`: too close to call. */
export function withinBand(probabilities: ArrayLike<number>, threshold: number, abstain: number): Uint8Array {
  return Uint8Array.from(probabilities, (probability) => (Math.abs(probability - threshold) < abstain ? 1 : 0))
}

/** Hard are the samples that the original learned latest, as large a share of F as of the twin samples. */
export function labelByLateLearning(lateness: ArrayLike<number>, hardShare: number): Uint8Array {
  const order = Int32Array.from(lateness, (_, i) => i).sort((a, b) => lateness[b] - lateness[a] || a - b)
  return withHard(order, Math.round(hardShare * order.length))
}

/** As many hard labels, and as many samples without one, as predicted, on samples drawn at random. */
export function labelCountMatched(
  predicted: Uint8Array,
  abstained: Uint8Array | undefined,
  random: Random,
): { readonly easy: Uint8Array; readonly abstained?: Uint8Array } {
  const isHard = (easy: number, i: number): boolean => easy === 0 && abstained?.[i] !== 1
  const hard = predicted.reduce((count, easy, i) => count + (isHard(easy, i) ? 1 : 0), 0)
  const order = random.shuffle(Int32Array.from(predicted, (_, i) => i))
  const easy = withHard(order, hard)
  if (abstained === undefined) return { easy }
  const without = abstained.reduce((count, value) => count + value, 0)
  const drawn = new Uint8Array(predicted.length)
  for (let k = hard; k < hard + without; k++) drawn[order[k]] = 1
  return { easy, abstained: drawn }
}

/** Easy where the model whose `logits` [n, K] these are predicts the label. */
export function labelByModel(logits: ArrayLike<number>, labels: Int32Array, classCount: number): Uint8Array {
  return Uint8Array.from(labels, (label, i) => (argmaxOfRow(logits, i, classCount) === label ? 1 : 0))
}

/** The first `hard` samples of `order` are hard, the others easy. */
function withHard(order: Int32Array, hard: number): Uint8Array {
  const easy = new Uint8Array(order.length).fill(1)
  for (let k = 0; k < hard; k++) easy[order[k]] = 0
  return easy
}
