/**
 * What TMU-soft does to probabilities before and after its map (SCIENCE section 8, steps 3, 5 and 7). Rows [n, K],
 * float64. Everything is per class of F: with one class it is the published form.
 */
import { argmaxOfRow, softmax } from '../features/logits.ts'

/**
 * The twin problem's gold was trained on all of D_c, F's gold will be on |F| fewer: each class's odds are scaled by `kept`
 * (1 - |F_k| / |D_k|). An overtrained network's logits are `sureness` times as large as they ought to be, so that the same
 * factor moves them by that much more: softmax(z + sureness log kept).
 */
export function priorCorrected(logits: Float32Array, kept: ArrayLike<number>, sureness: number): Float64Array {
  const shifts = Float64Array.from(kept, (share) => sureness * safeLog(share))
  return softmax(
    Float64Array.from(logits, (z, i) => z + shifts[i % shifts.length]),
    shifts.length,
  )
}

/** A network's logits are seldom off by more, and few samples would tell. */
const temperatures = { least: 0.25, most: 8 }

/**
 * By what to divide logits [n, K] so that the mean probability of the predicted class is the share of rows that are right
 * (Guo et al. 2017 fit it by likelihood; a mean suits rows of one class, and falls with the temperature).
 */
export function temperatureOf(logits: Float32Array, labels: Int32Array, classCount: number): number {
  const right = labels.reduce((sum, label, i) => sum + (argmaxOfRow(logits, i, classCount) === label ? 1 : 0), 0)
  const accuracy = right / labels.length
  let { least, most } = temperatures
  for (let step = 0; step < 40; step++) {
    const middle = Math.sqrt(least * most)
    if (meanTop(logits, middle, classCount) > accuracy) least = middle
    else most = middle
  }
  return Math.sqrt(least * most)
}

function meanTop(logits: Float32Array, temperature: number, classCount: number): number {
  const count = logits.length / classCount
  let sum = 0
  for (let i = 0; i < count; i++) {
    const row = logits.subarray(i * classCount, (i + 1) * classCount)
    const top = row.reduce((most, z) => Math.max(most, z), Number.NEGATIVE_INFINITY)
    sum += 1 / row.reduce((total, z) => total + Math.exp((z - top) / temperature), 0)
  }
  return sum / count
}

/** q^(1 / temperature), renormalised: predictions averaged over what the map can't know are too flat. */
export function sharpened(probabilities: Float64Array, temperature: number, classCount: number): Float64Array {
  return normalised(
    probabilities.map((p) => p ** (1 / temperature)),
    classCount,
  )
}

/**
 * Adds one constant to log q_c of all rows of class c, so that the share of them whose argmax is c becomes `shares[c]`
 * as nearly as their number allows. Classes without a share are left alone.
 */
export function shiftedToShares(
  probabilities: Float64Array,
  labels: Int32Array,
  shares: ReadonlyMap<number, number>,
  classCount: number,
): Float64Array {
  const out = probabilities.slice()
  for (const [label, share] of shares) {
    const rows: number[] = []
    for (let i = 0; i < labels.length; i++) if (labels[i] === label) rows.push(i)
    const factor = Math.exp(constantForShare(probabilities, rows, label, share, classCount))
    for (const i of rows) out[i * classCount + label] *= factor
  }
  return normalised(out, classCount)
}

/** Room beyond the outermost row where all rows, or none, are to predict the class. */
const margin = 1e-3

function constantForShare(
  probabilities: Float64Array,
  rows: readonly number[],
  label: number,
  share: number,
  classCount: number,
): number {
  if (rows.length === 0) return 0
  // What a row needs added to log q_c to predict c, ascending: the first m of them do, if the constant lies between
  // the m-th and the next.
  const needed = Float64Array.from(rows, (i) => {
    let rival = 0
    for (let k = 0; k < classCount; k++) {
      if (k !== label) rival = Math.max(rival, probabilities[i * classCount + k])
    }
    return safeLog(rival) - safeLog(probabilities[i * classCount + label])
  }).sort()
  const wanted = Math.round(Math.min(1, Math.max(0, share)) * needed.length)
  if (wanted === 0) return needed[0] - margin
  if (wanted === needed.length) return needed[wanted - 1] + margin
  return (needed[wanted - 1] + needed[wanted]) / 2
}

/** Of the rows with each label: the share whose argmax is the label. */
export function accuracyByLabel(
  scores: ArrayLike<number>,
  labels: Int32Array,
  classCount: number,
): ReadonlyMap<number, number> {
  return meanByLabel(labels, (i) => (argmaxOfRow(scores, i, classCount) === labels[i] ? 1 : 0))
}

/** Of the rows with each label: the mean probability of the label. */
export function confidenceByLabel(
  probabilities: Float64Array,
  labels: Int32Array,
  classCount: number,
): ReadonlyMap<number, number> {
  return meanByLabel(labels, (i) => probabilities[i * classCount + labels[i]])
}

function meanByLabel(labels: Int32Array, value: (row: number) => number): ReadonlyMap<number, number> {
  const sums = new Map<number, { sum: number; count: number }>()
  labels.forEach((label, i) => {
    const entry = sums.get(label) ?? { sum: 0, count: 0 }
    entry.sum += value(i)
    entry.count++
    sums.set(label, entry)
  })
  return new Map([...sums].sort(([a], [b]) => a - b).map(([label, { sum, count }]) => [label, sum / count]))
}

function normalised(rows: Float64Array, classCount: number): Float64Array {
  const out = new Float64Array(rows.length)
  for (let row = 0; row < rows.length; row += classCount) {
    let sum = 0
    for (let k = 0; k < classCount; k++) sum += rows[row + k]
    for (let k = 0; k < classCount; k++) out[row + k] = rows[row + k] / sum
  }
  return out
}

function safeLog(p: number): number {
  return Math.log(Math.max(p, 1e-300))
}
