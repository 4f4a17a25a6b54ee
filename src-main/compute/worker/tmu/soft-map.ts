/**
 * The map of TMU-soft (SCIENCE section 8, step 4): from what a model that never (or hardly) saw a sample says, and
 * what one that memorised it says, to what a model trained without it would say. Learned on the twin samples:
 *
 *   z = sum_m a_m log(p_m + 1e-4) + V s + b,   q = softmax z
 *
 * p_m: the surrogates' probabilities; s: the memorised side's log-softmax, clamped and standardised. Fitted by soft
 * cross-entropy with a ridge towards a = 1/M, V = b = 0 (full batch, Adam). All float64.
 */
import { logSoftmax, softmax } from '../features/logits.ts'
import { Adam } from './adam.ts'

export interface SoftMapSide {
  /** Logits [n, K] of each surrogate. */
  readonly surrogates: readonly Float32Array[]
  /** Logits [n, K] of the model that was trained on these samples: M_t on H_c, M_o on F. */
  readonly memorised: Float32Array
  /** The samples' own [n]. */
  readonly labels: Int32Array
}

/** Whose moments standardise what the memorised side says of F. */
export type MemorisedScale = 'by-label' | 'own' | 'twin'

export interface SoftMapFit {
  readonly steps: number
  readonly lr: number
  /** Weight of |a - 1/M|^2 + |V|^2 in the loss. */
  readonly ridge: number
}

export interface SoftMap {
  readonly classCount: number
  /** One a surrogate. */
  readonly a: readonly number[]
  /** [K, K], row = class of the output. */
  readonly v: Float64Array
  readonly b: Float64Array
  /** Per class: of the twin samples' clamped log-softmax. */
  readonly mean: Float64Array
  readonly std: Float64Array
  /** The same of each sample's own label and of its other classes; null where the twin samples are too few to tell. */
  readonly byLabel: LabelMoments | null
  /** The fitted loss without and with the ridge, nats. */
  readonly crossEntropy: number
  readonly loss: number
}

/** Keeps the logarithm of a vanished probability finite. */
const probabilityFloor = 1e-4
/** A memorised sample's other classes lie anywhere far below; beyond this the distance says nothing. */
const leastLogProbability = -12
/** The bias is held back less than the rest: it only carries the class prior. */
const biasShare = 0.1

/** `target` [n, K]: what the twin problem's gold says of the twin samples. */
export async function fitSoftMap(
  twin: SoftMapSide,
  target: Float64Array,
  classCount: number,
  fit: SoftMapFit,
  breathe: () => Promise<void>,
): Promise<SoftMap> {
  const start = 1 / twin.surrogates.length
  const logs = clampedLogs(twin.memorised, classCount)
  const { mean, std } = momentsOf(logs, classCount)
  const byLabel = labelMoments(logs, twin.labels, classCount)
  const inputs = { surrogates: twin.surrogates.map((logits) => softenedLogs(logits, classCount)), memorised: logs }
  standardise(logs, mean, std)
  const parameters = new Float64Array(twin.surrogates.length + classCount * classCount + classCount)
  parameters.fill(start, 0, twin.surrogates.length)
  const adam = new Adam(parameters.length, fit.lr)
  for (let step = 0; step < fit.steps; step++) {
    if (step % 8 === 0) await breathe()
    adam.update(parameters, softMapLoss(parameters, inputs, target, classCount, fit.ridge).gradient)
  }
  const { crossEntropy, loss } = softMapLoss(parameters, inputs, target, classCount, fit.ridge)
  const { a, v, b } = partsOf(parameters, twin.surrogates.length, classCount)
  return { classCount, a: Array.from(a), v, b, mean, std, byLabel, crossEntropy, loss }
}

/** Fewer samples than these have no moments worth the name. */
const fewestForMoments = 30

/**
 * q [n, K] for other samples. The memorised side is standardised by the twin's moments, or, where there are enough
 * samples, by its own: M_o has gone over F more often than M_t over H_c, and how much deeper that is says nothing of the
 * gold. By label, own labels and other classes are each moved to the twin's moments first: a column of many classes'
 * samples holds both, and how far those lie apart is how deep the memory is.
 */
export function applySoftMap(map: SoftMap, side: SoftMapSide, scale: MemorisedScale): Float64Array {
  const { classCount, a, v, b } = map
  const memorised = clampedLogs(side.memorised, classCount)
  if (scale === 'by-label' && map.byLabel !== null) matchLabels(memorised, side.labels, map.byLabel, classCount)
  const isOwn = scale === 'own' && memorised.length >= fewestForMoments * classCount
  const { mean, std } = isOwn ? momentsOf(memorised, classCount) : map
  standardise(memorised, mean, std)
  const surrogates = side.surrogates.map((logits) => softenedLogs(logits, classCount))
  return softmax(mapped({ a, v, b }, { surrogates, memorised }, classCount), classCount)
}

interface MapInputs {
  /** log(p + 1e-4) [n, K] each. */
  readonly surrogates: readonly Float64Array[]
  /** Standardised [n, K]. */
  readonly memorised: Float64Array
}

/** Mean soft cross-entropy plus ridge, and its gradient in [a, V, b]. */
export function softMapLoss(
  parameters: Float64Array,
  inputs: MapInputs,
  target: Float64Array,
  classCount: number,
  ridge: number,
): { readonly crossEntropy: number; readonly loss: number; readonly gradient: Float64Array } {
  const { surrogates, memorised } = inputs
  const parts = partsOf(parameters, surrogates.length, classCount)
  const count = target.length / classCount
  const logs = logSoftmax(mapped(parts, inputs, classCount), classCount)
  const gradient = new Float64Array(parameters.length)
  const into = partsOf(gradient, surrogates.length, classCount)
  let crossEntropy = 0
  for (let i = 0; i < count; i++) {
    const row = i * classCount
    let mass = 0
    for (let k = 0; k < classCount; k++) mass += target[row + k]
    for (let k = 0; k < classCount; k++) {
      crossEntropy -= (target[row + k] * logs[row + k]) / count
      const delta = (mass * Math.exp(logs[row + k]) - target[row + k]) / count
      for (let m = 0; m < surrogates.length; m++) into.a[m] += delta * surrogates[m][row + k]
      for (let j = 0; j < classCount; j++) into.v[k * classCount + j] += delta * memorised[row + j]
      into.b[k] += delta
    }
  }
  let penalty = 0
  const hold = (values: Float64Array, slopes: Float64Array, centre: number, weight: number): void => {
    for (let i = 0; i < values.length; i++) {
      penalty += weight * (values[i] - centre) ** 2
      slopes[i] += 2 * weight * (values[i] - centre)
    }
  }
  hold(parts.a, into.a, 1 / surrogates.length, ridge)
  hold(parts.v, into.v, 0, ridge)
  hold(parts.b, into.b, 0, ridge * biasShare)
  return { crossEntropy, loss: crossEntropy + penalty, gradient }
}

interface MapParts {
  readonly a: ArrayLike<number>
  readonly v: Float64Array
  readonly b: Float64Array
}

/** z [n, K]. */
function mapped(parts: MapParts, inputs: MapInputs, classCount: number): Float64Array {
  const { a, v, b } = parts
  const z = new Float64Array(inputs.memorised.length)
  for (let row = 0; row < z.length; row += classCount) {
    for (let k = 0; k < classCount; k++) {
      let sum = b[k]
      for (let m = 0; m < inputs.surrogates.length; m++) sum += a[m] * inputs.surrogates[m][row + k]
      for (let j = 0; j < classCount; j++) sum += v[k * classCount + j] * inputs.memorised[row + j]
      z[row + k] = sum
    }
  }
  return z
}

/** Views of the flat parameters. */
function partsOf(parameters: Float64Array, surrogates: number, classCount: number) {
  const bias = surrogates + classCount * classCount
  return {
    a: parameters.subarray(0, surrogates),
    v: parameters.subarray(surrogates, bias),
    b: parameters.subarray(bias),
  }
}

function softenedLogs(logits: Float32Array, classCount: number): Float64Array {
  return softmax(logits, classCount).map((p) => Math.log(p + probabilityFloor))
}

function clampedLogs(logits: Float32Array, classCount: number): Float64Array {
  return logSoftmax(logits, classCount).map((value) => Math.min(0, Math.max(leastLogProbability, value)))
}

/** Per-column mean and standard deviation; a constant column keeps its unit. */
function momentsOf(
  rows: Float64Array,
  classCount: number,
): { readonly mean: Float64Array; readonly std: Float64Array } {
  const count = rows.length / classCount
  const mean = new Float64Array(classCount)
  const std = new Float64Array(classCount)
  for (let i = 0; i < rows.length; i++) mean[i % classCount] += rows[i] / count
  for (let i = 0; i < rows.length; i++) std[i % classCount] += (rows[i] - mean[i % classCount]) ** 2 / count
  return { mean, std: std.map((variance) => (variance > 1e-12 ? Math.sqrt(variance) : 1)) }
}

interface Moments {
  readonly mean: number
  readonly std: number
}

/** Of each sample's own label, and of all its other classes. */
interface LabelMoments {
  readonly own: Moments
  readonly other: Moments
}

function labelMoments(rows: Float64Array, labels: Int32Array, classCount: number): LabelMoments | null {
  if (labels.length < fewestForMoments) return null
  const isOwn = (i: number): boolean => labels[Math.floor(i / classCount)] === i % classCount
  const [own, other] = [true, false].map((wanted) => {
    const { mean, std } = momentsOf(
      rows.filter((_, i) => isOwn(i) === wanted),
      1,
    )
    return { mean: mean[0], std: std[0] }
  })
  return { own, other }
}

/** In place; too few samples stay as they are. */
function matchLabels(rows: Float64Array, labels: Int32Array, to: LabelMoments, classCount: number): void {
  const from = labelMoments(rows, labels, classCount)
  if (from === null) return
  for (let i = 0; i < rows.length; i++) {
    const part = labels[Math.floor(i / classCount)] === i % classCount ? 'own' : 'other'
    rows[i] = to[part].mean + ((rows[i] - from[part].mean) / from[part].std) * to[part].std
  }
}

/** In place. */
function standardise(rows: Float64Array, mean: Float64Array, std: Float64Array): void {
  const width = mean.length
  for (let i = 0; i < rows.length; i++) rows[i] = (rows[i] - mean[i % width]) / std[i % width]
}
