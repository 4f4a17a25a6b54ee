/**
 * A small ReLU network with one logit, in float64: the easy/hard predictor (SCIENCE section 1, step 6). Without
 * hidden layers it is a logistic regression. Parameters are one flat array: per layer the weights
 * [outputs, inputs], row by row, then the biases [outputs].
 */
import type { Random } from '#shared/random.ts'
import { Adam } from './adam.ts'

export interface Mlp {
  /** Inputs, hidden widths, 1. */
  readonly sizes: readonly number[]
  readonly parameters: Float64Array
}

export interface MlpTraining {
  readonly lr: number
  readonly epochs: number
  readonly batchSize: number
}

/** Weights and biases uniform in ±1/sqrt(inputs), as the public code's layers start. */
export function createMlp(sizes: readonly number[], random: Random): Mlp {
  const values: number[] = []
  for (let layer = 1; layer < sizes.length; layer++) {
    const reach = 1 / Math.sqrt(sizes[layer - 1])
    const count = sizes[layer] * (sizes[layer - 1] + 1)
    for (let i = 0; i < count; i++) values.push((2 * random.uniform() - 1) * reach)
  }
  return { sizes, parameters: Float64Array.from(values) }
}

/** One logit per row of `x` [rows, inputs]. */
export function mlpLogits(mlp: Mlp, x: Float64Array): Float64Array {
  const inputs = mlp.sizes[0]
  const out = new Float64Array(x.length / inputs)
  for (let i = 0; i < out.length; i++) {
    const values = activations(mlp, x.subarray(i * inputs, (i + 1) * inputs))
    out[i] = values[values.length - 1][0]
  }
  return out
}

/** Every layer's output for one sample, the input first; the last is the logit. */
function activations(mlp: Mlp, input: Float64Array): Float64Array[] {
  const { sizes, parameters } = mlp
  const values = [input]
  let offset = 0
  for (let layer = 1; layer < sizes.length; layer++) {
    const below = values[layer - 1]
    const fanIn = sizes[layer - 1]
    const width = sizes[layer]
    const biases = offset + width * fanIn
    const out = new Float64Array(width)
    const last = layer === sizes.length - 1
    for (let j = 0; j < width; j++) {
      let sum = parameters[biases + j]
      const row = offset + j * fanIn
      for (let i = 0; i < fanIn; i++) sum += parameters[row + i] * below[i]
      out[j] = last || sum > 0 ? sum : 0
    }
    values.push(out)
    offset = biases + width
  }
  return values
}

/** Mean binary cross-entropy of `rows` (indices into `x` and `y`) and its gradient in the parameters. */
export function mlpLossAndGradient(
  mlp: Mlp,
  x: Float64Array,
  y: ArrayLike<number>,
  rows: ArrayLike<number>,
): { readonly loss: number; readonly gradient: Float64Array } {
  const { sizes, parameters } = mlp
  const inputs = sizes[0]
  const gradient = new Float64Array(parameters.length)
  let loss = 0
  for (let r = 0; r < rows.length; r++) {
    const row = rows[r]
    const values = activations(mlp, x.subarray(row * inputs, (row + 1) * inputs))
    const logit = values[values.length - 1][0]
    // ln(1 + e^z) - y z, written so that e^z can't overflow.
    loss += Math.max(logit, 0) + Math.log1p(Math.exp(-Math.abs(logit))) - y[row] * logit
    let delta = Float64Array.of((sigmoid(logit) - y[row]) / rows.length)
    let end = parameters.length
    for (let layer = sizes.length - 1; layer > 0; layer--) {
      const width = sizes[layer]
      const fanIn = sizes[layer - 1]
      const below = values[layer - 1]
      const offset = end - width * (fanIn + 1)
      const deltaBelow = new Float64Array(fanIn)
      for (let j = 0; j < width; j++) {
        const d = delta[j]
        if (d === 0) continue
        const start = offset + j * fanIn
        for (let i = 0; i < fanIn; i++) {
          gradient[start + i] += d * below[i]
          if (below[i] > 0) deltaBelow[i] += d * parameters[start + i]
        }
        gradient[offset + width * fanIn + j] += d
      }
      delta = deltaBelow
      end = offset
    }
  }
  return { loss: loss / rows.length, gradient }
}

/** Trains in place with Adam on batches in a seeded order. `breathe` is awaited once an epoch. */
export async function trainMlp(
  mlp: Mlp,
  x: Float64Array,
  y: ArrayLike<number>,
  training: MlpTraining,
  random: Random,
  breathe: () => Promise<void>,
): Promise<void> {
  const order = Int32Array.from(y, (_, i) => i)
  const adam = new Adam(mlp.parameters.length, training.lr)
  for (let epoch = 0; epoch < training.epochs; epoch++) {
    await breathe()
    random.shuffle(order)
    for (let start = 0; start < order.length; start += training.batchSize) {
      const rows = order.subarray(start, start + training.batchSize)
      adam.update(mlp.parameters, mlpLossAndGradient(mlp, x, y, rows).gradient)
    }
  }
}

export function sigmoid(z: number): number {
  return z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z))
}
