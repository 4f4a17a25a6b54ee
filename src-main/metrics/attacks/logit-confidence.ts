import type { FloatArray } from '../outcome.ts'

/** Beyond this a softmax is 0 or 1 to double precision: the clip of the KLoM code, taken for all attacks. */
const bound = 100

/**
 * phi = z_y - logsumexp of the other logits, the logit of the true class's probability (Carlini et al. 2022, section
 * IV-A, in the form that doesn't round to infinity). Float64, one a row of `logits` [n, classCount], within ±100.
 */
export function logitConfidence(logits: FloatArray, labels: Int32Array, classCount: number): Float64Array {
  return Float64Array.from(labels, (label, i) => {
    const row = i * classCount
    let top = Number.NEGATIVE_INFINITY
    for (let k = 0; k < classCount; k++) if (k !== label) top = Math.max(top, logits[row + k])
    let sum = 0
    for (let k = 0; k < classCount; k++) if (k !== label) sum += Math.exp(logits[row + k] - top)
    const phi = logits[row + label] - top - Math.log(sum)
    return Math.max(-bound, Math.min(bound, phi))
  })
}
