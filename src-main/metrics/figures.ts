import type { FloatArray } from './outcome.ts'

/** Probabilities are clipped from below to this before any logarithm. */
export const leastProbability = 1e-12

/** What one model says about each sample of one set; all float64, [count] unless stated. */
export interface SampleFigures {
  readonly count: number
  /** Class of the largest logit, the lowest class on ties. */
  readonly predicted: Int32Array
  /** 1 where the prediction is the label, else 0. */
  readonly correct: Float64Array
  /** -ln p of the label, nats. */
  readonly loss: Float64Array
  /** Largest probability. */
  readonly confidence: Float64Array
  /** -sum p ln p, nats. */
  readonly entropy: Float64Array
  /** Logit of the label minus the largest other logit. */
  readonly margin: Float64Array
}

export function figuresOf(logits: FloatArray, labels: Int32Array, classCount: number): SampleFigures {
  const count = labels.length
  const figures = {
    count,
    predicted: new Int32Array(count),
    correct: new Float64Array(count),
    loss: new Float64Array(count),
    confidence: new Float64Array(count),
    entropy: new Float64Array(count),
    margin: new Float64Array(count),
  }
  const probabilities = new Float64Array(classCount)
  for (let i = 0; i < count; i++) {
    const row = i * classCount
    const label = labels[i]
    softmax(logits, row, probabilities, 0, classCount)
    let best = 0
    let rival = Number.NEGATIVE_INFINITY
    let entropy = 0
    for (let k = 0; k < classCount; k++) {
      const logit = logits[row + k]
      if (logit > logits[row + best]) best = k
      if (k !== label && logit > rival) rival = logit
      entropy -= probabilities[k] * Math.log(probabilities[k])
    }
    figures.predicted[i] = best
    figures.correct[i] = best === label ? 1 : 0
    figures.loss[i] = -Math.log(probabilities[label])
    figures.confidence[i] = probabilities[best]
    figures.entropy[i] = entropy
    figures.margin[i] = logits[row + label] - rival
  }
  return figures
}

/** Clipped softmax of each row of `logits` [n, classCount], same shape. */
export function probabilitiesOf(logits: FloatArray, classCount: number): Float64Array {
  const probabilities = new Float64Array(logits.length)
  for (let row = 0; row < logits.length; row += classCount) softmax(logits, row, probabilities, row, classCount)
  return probabilities
}

function softmax(logits: FloatArray, from: number, into: Float64Array, at: number, classCount: number): void {
  let largest = logits[from]
  for (let k = 1; k < classCount; k++) if (logits[from + k] > largest) largest = logits[from + k]
  let sum = 0
  for (let k = 0; k < classCount; k++) {
    const e = Math.exp(logits[from + k] - largest)
    into[at + k] = e
    sum += e
  }
  for (let k = 0; k < classCount; k++) {
    const p = into[at + k] / sum
    into[at + k] = p < leastProbability ? leastProbability : p
  }
}
