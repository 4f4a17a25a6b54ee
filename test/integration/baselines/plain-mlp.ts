/**
 * A network of two dense layers in float64 and plain loops, with losses and optimizers written from their definitions:
 * the independent route that every method's update is held against.
 */
import type { NamedArrays } from '#main/compute/worker/training/types.ts'

/** Variables of the architecture `mlp`, in its order. */
export const names = ['dense1/kernel', 'dense1/bias', 'dense2/kernel', 'dense2/bias'] as const
type Name = (typeof names)[number]

/** One float64 array a variable. */
export type Weights = Readonly<Record<Name, Float64Array>>

export interface Row {
  /** Normalised pixels. */
  readonly x: Float64Array
  readonly label: number
}

export function toWeights(arrays: NamedArrays): Weights {
  const of = (name: Name): Float64Array => Float64Array.from(arrays[name].data)
  return {
    'dense1/kernel': of('dense1/kernel'),
    'dense1/bias': of('dense1/bias'),
    'dense2/kernel': of('dense2/kernel'),
    'dense2/bias': of('dense2/bias'),
  }
}

export function mapWeights(weights: Weights, change: (value: number, i: number, name: Name) => number): Weights {
  const of = (name: Name): Float64Array => weights[name].map((value, i) => change(value, i, name))
  return {
    'dense1/kernel': of('dense1/kernel'),
    'dense1/bias': of('dense1/bias'),
    'dense2/kernel': of('dense2/kernel'),
    'dense2/bias': of('dense2/bias'),
  }
}

function affine(x: Float64Array, kernel: Float64Array, bias: Float64Array): Float64Array {
  return bias.map((start, unit) => x.reduce((sum, value, i) => sum + value * kernel[i * bias.length + unit], start))
}

function hiddenOf(weights: Weights, x: Float64Array): Float64Array {
  return affine(x, weights['dense1/kernel'], weights['dense1/bias']).map((value) => Math.max(0, value))
}

export function logitsOf(weights: Weights, x: Float64Array): Float64Array {
  return affine(hiddenOf(weights, x), weights['dense2/kernel'], weights['dense2/bias'])
}

export function softmax(logits: Float64Array, temperature = 1): Float64Array {
  const top = Math.max(...logits)
  const powers = logits.map((logit) => Math.exp((logit - top) / temperature))
  const sum = powers.reduce((total, power) => total + power, 0)
  return powers.map((power) => power / sum)
}

export function argmax(values: Float64Array): number {
  return values.indexOf(Math.max(...values))
}

/** Gradient of a row's loss with respect to its logits. */
export type LogitGradient = (logits: Float64Array, row: Row, i: number) => Float64Array

/** Of the cross-entropy against the row's label, or against other labels. */
export const towardsLabels =
  (labels?: ArrayLike<number>): LogitGradient =>
  (logits, row, i) =>
    softmax(logits).map((p, k) => p - (k === (labels === undefined ? row.label : labels[i]) ? 1 : 0))

/** Of T^2 KL(teacher || student): T (softmax(z / T) - teacher). */
export const towardsTeacher =
  (teacher: readonly Float64Array[], temperature: number): LogitGradient =>
  (logits, _, i) =>
    softmax(logits, temperature).map((p, k) => temperature * (p - teacher[i][k]))

/** Gradient of the rows' mean loss, by back-propagation. */
export function gradientOf(weights: Weights, rows: readonly Row[], logitGradient: LogitGradient): Weights {
  const total = mapWeights(weights, () => 0)
  for (const [i, row] of rows.entries()) {
    const hidden = hiddenOf(weights, row.x)
    const dLogits = logitGradient(logitsOf(weights, row.x), row, i)
    const dHidden = hiddenGradient(weights, hidden, dLogits)
    addOuter(total['dense2/kernel'], hidden, dLogits, 1 / rows.length)
    addOuter(total['dense2/bias'], Float64Array.of(1), dLogits, 1 / rows.length)
    addOuter(total['dense1/kernel'], row.x, dHidden, 1 / rows.length)
    addOuter(total['dense1/bias'], Float64Array.of(1), dHidden, 1 / rows.length)
  }
  return total
}

/** Gradient of a row's cross-entropy with respect to its pixels. */
export function inputGradientOf(weights: Weights, row: Row): Float64Array {
  const hidden = hiddenOf(weights, row.x)
  const dHidden = hiddenGradient(weights, hidden, towardsLabels()(logitsOf(weights, row.x), row, 0))
  return row.x.map((_, i) =>
    dHidden.reduce((sum, d, unit) => sum + d * weights['dense1/kernel'][i * dHidden.length + unit], 0),
  )
}

function hiddenGradient(weights: Weights, hidden: Float64Array, dLogits: Float64Array): Float64Array {
  return hidden.map((value, unit) =>
    value <= 0 ? 0 : dLogits.reduce((sum, d, k) => sum + d * weights['dense2/kernel'][unit * dLogits.length + k], 0),
  )
}

function addOuter(target: Float64Array, left: Float64Array, right: Float64Array, factor: number): void {
  for (let i = 0; i < left.length; i++) {
    for (let j = 0; j < right.length; j++) target[i * right.length + j] += factor * left[i] * right[j]
  }
}

/** sum of factor times gradient. */
export function combined(...terms: readonly (readonly [factor: number, gradient: Weights])[]): Weights {
  return mapWeights(terms[0][1], (_, i, name) =>
    terms.reduce((sum, [factor, gradient]) => sum + factor * gradient[name][i], 0),
  )
}

export interface Optimizer {
  step(weights: Weights, gradient: Weights, lr: number): Weights
}

/** v = momentum v + (g + decay w), w -= lr v. */
export function sgd(momentum: number, decay: number): Optimizer {
  let velocity: Weights | null = null
  return {
    step(weights, gradient, lr) {
      const before = velocity
      const after = mapWeights(
        gradient,
        (g, i, name) => momentum * (before === null ? 0 : before[name][i]) + g + decay * weights[name][i],
      )
      velocity = after
      return mapWeights(weights, (w, i, name) => w - lr * after[name][i])
    },
  }
}

/** Kingma and Ba 2015, algorithm 1, with L2 decay in the gradient. */
export function adam(decay = 0): Optimizer {
  let [mean, square]: (Weights | null)[] = [null, null]
  let time = 0
  return {
    step(weights, gradient, lr) {
      time++
      const decayed = mapWeights(gradient, (g, i, name) => g + decay * weights[name][i])
      const [oldMean, oldSquare] = [mean, square]
      const m = mapWeights(decayed, (g, i, name) => 0.9 * (oldMean === null ? 0 : oldMean[name][i]) + 0.1 * g)
      const v = mapWeights(
        decayed,
        (g, i, name) => 0.999 * (oldSquare === null ? 0 : oldSquare[name][i]) + 0.001 * g * g,
      )
      mean = m
      square = v
      return mapWeights(weights, (w, i, name) => {
        const corrected = v[name][i] / (1 - 0.999 ** time)
        return w - (lr * m[name][i]) / (1 - 0.9 ** time) / (Math.sqrt(corrected) + 1e-8)
      })
    },
  }
}
