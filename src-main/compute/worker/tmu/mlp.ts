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
  const pass = new Pass(mlp)
  const out = new Float64Array(x.length / inputs)
  for (let i = 0; i < out.length; i++) out[i] = pass.forward(x, i * inputs)
  return out
}

/** Mean binary cross-entropy of `rows` (indices into `x` and `y`) and its gradient in the parameters. */
export function mlpLossAndGradient(
  mlp: Mlp,
  x: Float64Array,
  y: ArrayLike<number>,
  rows: ArrayLike<number>,
): { readonly loss: number; readonly gradient: Float64Array } {
  const pass = new Pass(mlp)
  const loss = pass.lossAndGradient(x, y, rows)
  return { loss, gradient: pass.gradient }
}

/**
 * Room for one sample's way through the network and back, used again for every sample: a predictor sees half a million
 * of them in training.
 */
class Pass {
  /** Of the last `lossAndGradient`. */
  readonly gradient: Float64Array
  readonly #mlp: Mlp
  /** Every layer's output, the input first; the last is the logit. */
  readonly #values: readonly Float64Array[]
  /** The loss' derivative in every layer's output. */
  readonly #deltas: readonly Float64Array[]

  constructor(mlp: Mlp) {
    this.#mlp = mlp
    this.gradient = new Float64Array(mlp.parameters.length)
    this.#values = mlp.sizes.map((size) => new Float64Array(size))
    this.#deltas = mlp.sizes.map((size) => new Float64Array(size))
  }

  /** The logit of the sample whose inputs begin at `from`. */
  forward(x: Float64Array, from: number): number {
    const { sizes, parameters } = this.#mlp
    const input = this.#values[0]
    for (let i = 0; i < input.length; i++) input[i] = x[from + i]
    let offset = 0
    for (let layer = 1; layer < sizes.length; layer++) {
      const below = this.#values[layer - 1]
      const out = this.#values[layer]
      const biases = offset + out.length * below.length
      multiply(parameters, offset, below, biases, out, layer === sizes.length - 1)
      offset = biases + out.length
    }
    return this.#values[sizes.length - 1][0]
  }

  /** Mean loss of `rows`; the gradient is in `gradient`. */
  lossAndGradient(x: Float64Array, y: ArrayLike<number>, rows: ArrayLike<number>): number {
    const inputs = this.#mlp.sizes[0]
    this.gradient.fill(0)
    let loss = 0
    for (let r = 0; r < rows.length; r++) {
      const row = rows[r]
      const logit = this.forward(x, row * inputs)
      // ln(1 + e^z) - y z, written so that e^z can't overflow.
      loss += Math.max(logit, 0) + Math.log1p(Math.exp(-Math.abs(logit))) - y[row] * logit
      this.#backward((sigmoid(logit) - y[row]) / rows.length)
    }
    return loss / rows.length
  }

  #backward(deltaOfLogit: number): void {
    const { sizes, parameters } = this.#mlp
    this.#deltas[sizes.length - 1][0] = deltaOfLogit
    let end = parameters.length
    for (let layer = sizes.length - 1; layer > 0; layer--) {
      const delta = this.#deltas[layer]
      const below = this.#values[layer - 1]
      const offset = end - delta.length * (below.length + 1)
      addOuter(delta, below, this.gradient, offset)
      // Nobody asks for the derivative in the input.
      if (layer > 1) multiplyBack(delta, parameters, offset, below, this.#deltas[layer - 1])
      end = offset
    }
  }
}

/** out = weights below + biases, ReLU unless it's the last layer. */
function multiply(
  parameters: Float64Array,
  offset: number,
  below: Float64Array,
  biases: number,
  out: Float64Array,
  isLast: boolean,
): void {
  const fanIn = below.length
  for (let j = 0; j < out.length; j++) {
    let sum = parameters[biases + j]
    const row = offset + j * fanIn
    for (let i = 0; i < fanIn; i++) sum += parameters[row + i] * below[i]
    out[j] = isLast || sum > 0 ? sum : 0
  }
}

/** Adds delta x below to the weights' gradient and delta to the biases'. */
function addOuter(delta: Float64Array, below: Float64Array, gradient: Float64Array, offset: number): void {
  const fanIn = below.length
  const biases = offset + delta.length * fanIn
  for (let j = 0; j < delta.length; j++) {
    const d = delta[j]
    if (d === 0) continue
    const start = offset + j * fanIn
    for (let i = 0; i < fanIn; i++) gradient[start + i] += d * below[i]
    gradient[biases + j] += d
  }
}

/** into = transposed weights x delta where the unit below was active, else 0. */
function multiplyBack(
  delta: Float64Array,
  parameters: Float64Array,
  offset: number,
  below: Float64Array,
  into: Float64Array,
): void {
  const fanIn = below.length
  into.fill(0)
  for (let j = 0; j < delta.length; j++) {
    const d = delta[j]
    if (d === 0) continue
    const start = offset + j * fanIn
    for (let i = 0; i < fanIn; i++) into[i] += d * parameters[start + i]
  }
  for (let i = 0; i < fanIn; i++) if (!(below[i] > 0)) into[i] = 0
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
  const pass = new Pass(mlp)
  for (let epoch = 0; epoch < training.epochs; epoch++) {
    await breathe()
    random.shuffle(order)
    for (let start = 0; start < order.length; start += training.batchSize) {
      const rows = order.subarray(start, start + training.batchSize)
      pass.lossAndGradient(x, y, rows)
      adam.update(mlp.parameters, pass.gradient)
    }
  }
}

export function sigmoid(z: number): number {
  return z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z))
}
