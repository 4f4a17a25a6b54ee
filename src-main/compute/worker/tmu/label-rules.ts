/** How F's samples get their generalization labels: 1 = easy, 0 = hard (SCIENCE section 1, step 7, and section 2, controls). */
import type { Random } from '#shared/random.ts'
import { argmaxOfRow } from '../features/logits.ts'

/** Easy where the predicted probability of easy reaches the threshold. */
export function labelByThreshold(probabilities: ArrayLike<number>, threshold: number): Uint8Array {
  return Uint8Array.from(probabilities, (probability) => (probability >= threshold ? 1 : 0))
}

/** Hard are the samples that the original learned latest, as large a share of F as of the twin samples. */
export function labelByLateLearning(lateness: ArrayLike<number>, hardShare: number): Uint8Array {
  const order = Int32Array.from(lateness, (_, i) => i).sort((a, b) => lateness[b] - lateness[a] || a - b)
  return withHard(order, Math.round(hardShare * order.length))
}

/** As many hard labels as predicted, on samples drawn at random. */
export function labelCountMatched(predicted: Uint8Array, random: Random): Uint8Array {
  const hard = predicted.reduce((count, easy) => count + (easy === 0 ? 1 : 0), 0)
  return withHard(random.shuffle(Int32Array.from(predicted, (_, i) => i)), hard)
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
