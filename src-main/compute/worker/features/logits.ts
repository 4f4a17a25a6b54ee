/** Figures from rows of logits [n, K] in float64, whatever precision the logits come in. */

/** Class of the largest logit of a row; the lowest class on ties. */
export function argmaxOfRow(logits: ArrayLike<number>, row: number, classCount: number): number {
  const start = row * classCount
  let best = 0
  for (let k = 1; k < classCount; k++) if (logits[start + k] > logits[start + best]) best = k
  return best
}

/** Log-softmax of every row, unclipped, nats. */
export function logSoftmax(logits: ArrayLike<number>, classCount: number): Float64Array {
  const out = new Float64Array(logits.length)
  for (let start = 0; start < logits.length; start += classCount) {
    let top = Number.NEGATIVE_INFINITY
    for (let k = 0; k < classCount; k++) top = Math.max(top, logits[start + k])
    let sum = 0
    for (let k = 0; k < classCount; k++) sum += Math.exp(logits[start + k] - top)
    const logSum = top + Math.log(sum)
    for (let k = 0; k < classCount; k++) out[start + k] = logits[start + k] - logSum
  }
  return out
}

export function softmax(logits: ArrayLike<number>, classCount: number): Float64Array {
  return logSoftmax(logits, classCount).map(Math.exp)
}

/** Cross-entropy of each row against its class, nats [n]. */
export function crossEntropy(logits: ArrayLike<number>, labels: Int32Array, classCount: number): Float64Array {
  const logs = logSoftmax(logits, classCount)
  return Float64Array.from(labels, (label, i) => -logs[i * classCount + label])
}

/** -sum of target times log-softmax per row [n]; the targets need not be probabilities. */
export function softCrossEntropy(
  logits: ArrayLike<number>,
  targets: ArrayLike<number>,
  classCount: number,
): Float64Array {
  const logs = logSoftmax(logits, classCount)
  const out = new Float64Array(logits.length / classCount)
  for (let i = 0; i < out.length; i++) {
    for (let k = 0; k < classCount; k++) out[i] -= targets[i * classCount + k] * logs[i * classCount + k]
  }
  return out
}
