/** Cross-entropy of a few hundred logits, in float64 and plain JavaScript: quicker than a chain of small operations. */

/** Largest value of a row and log(sum(exp(value - largest))). */
function logPartition(logits: Float32Array, start: number, end: number): { largest: number; logSum: number } {
  let largest = Number.NEGATIVE_INFINITY
  for (let i = start; i < end; i++) {
    // Not Math.max: a NaN must come through.
    if (!(logits[i] <= largest)) largest = logits[i]
  }
  let sum = 0
  for (let i = start; i < end; i++) sum += Math.exp(logits[i] - largest)
  return { largest, logSum: Math.log(sum) }
}

/** losses[row] = -sum(targets log softmax(logits)) over the row's `classes` values. */
export function crossEntropyRows(
  logits: Float32Array,
  targets: Float32Array,
  losses: Float32Array,
  classes: number,
): void {
  for (let row = 0; row < losses.length; row++) {
    const start = row * classes
    const { largest, logSum } = logPartition(logits, start, start + classes)
    let loss = 0
    for (let i = start; i < start + classes; i++) loss += targets[i] * (logSum - (logits[i] - largest))
    losses[row] = loss
  }
}

/** gradients = dy (softmax(logits) sum(targets) - targets), row by row. */
export function crossEntropyGradientRows(
  dy: Float32Array,
  logits: Float32Array,
  targets: Float32Array,
  gradients: Float32Array,
  classes: number,
): void {
  for (let row = 0; row < dy.length; row++) {
    const start = row * classes
    const { largest, logSum } = logPartition(logits, start, start + classes)
    let targetSum = 0
    for (let i = start; i < start + classes; i++) targetSum += targets[i]
    for (let i = start; i < start + classes; i++) {
      gradients[i] = (Math.exp(logits[i] - largest - logSum) * targetSum - targets[i]) * dy[row]
    }
  }
}
