/** What TMU foretells of the gold's output on F, from its definition, in float64 and plain loops. */
import { argmax, logitsOf, type Row, softmax, type Weights } from './plain-mlp.ts'

const classes = [0, 1, 2]

export interface Foretelling {
  /** By model, float64. */
  readonly original: Weights
  readonly twinModel: Weights
  /** What is heard on the twin samples and on F: as many on either side. */
  readonly twinSurrogates: readonly Weights[]
  readonly surrogates: readonly Weights[]
  readonly twin: readonly Row[]
  readonly forget: readonly Row[]
  readonly retain: readonly Row[]
  /** Whether the target is told of the smaller class, at the original's own temperature, or at 1. */
  readonly prior: 'calibrated' | 'raw' | 'none'
  readonly scale: 'by-label' | 'own' | 'twin'
  /** Whether what the surrogates learned of F itself is taken off. */
  readonly exposure: 'removed' | 'kept'
  readonly steps: number
}

/** q on F: one row of three probabilities each. */
export function foretold(given: Foretelling): number[][] {
  const { original, twinModel, twinSurrogates, surrogates, twin, forget, scale } = given
  const memorised = (model: Weights, rows: readonly Row[]): number[][] =>
    rows.map(({ x }) => probabilities(model, x).map((p) => Math.max(-12, Math.log(p))))
  const heard = (models: readonly Weights[], rows: readonly Row[]): number[][][] =>
    rows.map(({ x }) => models.map((model) => probabilities(model, x).map((p) => Math.log(p + 1e-4))))
  const ofTwin = memorised(twinModel, twin)
  const ofForget = memorised(original, forget)
  const s = standardised(ofTwin, ofTwin)
  const logs = heard(twinSurrogates, twin)
  const targets = twin.map(({ x }) => target(given, x))
  const theta = fitted(logs, s, targets, given.steps)
  const moved = scale === 'by-label' ? movedByLabel(ofForget, forget, ofTwin, twin) : ofForget
  const t = standardised(moved, scale === 'own' ? ofForget : ofTwin)
  const raised = surrogates.map((model) => (given.exposure === 'kept' ? 0 : raise(given, model)))
  return forget.map(({ x, label }, i) => {
    const row = surrogates.map((model, m) => {
      const z = Array.from(logitsOf(model, x), (value, k) => (k === label ? value - raised[m] : value))
      return exponentials(z).map((p) => Math.log(p + 1e-4))
    })
    return output(theta, row, t[i])
  })
}

/**
 * By how much a model's own-label logits of members stand above those of samples it never saw: by a fine search, where the
 * mean probabilities meet, each label counting as often as F has it.
 */
function raise({ forget, retain, twin }: Foretelling, model: Weights): number {
  const confidence = (rows: readonly Row[], lowered: number): number =>
    classes.reduce((sum, k) => {
      const own = rows.filter(({ label }) => label === k)
      const share = forget.filter(({ label }) => label === k).length / forget.length
      const each = own.map(
        ({ x }) => exponentials(Array.from(logitsOf(model, x)).map((z, j) => z - (j === k ? lowered : 0)))[k],
      )
      return sum + (share * each.reduce((a, b) => a + b)) / own.length
    }, 0)
  const wanted = confidence(twin, 0)
  const off = (lowered: number): number => Math.abs(confidence([...forget, ...retain], lowered) - wanted)
  let [best, width] = [4, 4]
  for (let round = 0; round < 12; round++) {
    const around = Array.from({ length: 41 }, (_, i) => best + (width * (i - 20)) / 20)
    best = around.filter((value) => value >= 0).reduce((a, b) => (off(b) < off(a) ? b : a))
    width /= 5
  }
  return best
}

/** Own labels to the mean and deviation that they have on the twin, and all other classes to theirs. */
function movedByLabel(
  rows: readonly number[][],
  samples: readonly Row[],
  twinRows: readonly number[][],
  twin: readonly Row[],
): number[][] {
  const moments = (from: readonly number[][], of: readonly Row[], own: boolean) => {
    const values = from.flatMap((row, i) => row.filter((_, k) => (k === of[i].label) === own))
    const mean = values.reduce((a, b) => a + b) / values.length
    return { mean, deviation: Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length) }
  }
  return rows.map((row, i) =>
    row.map((value, k) => {
      const own = k === samples[i].label
      const [from, to] = [moments(rows, samples, own), moments(twinRows, twin, own)]
      return to.mean + ((value - from.mean) * to.deviation) / from.deviation
    }),
  )
}

export function probabilities(weights: Weights, x: Float64Array): number[] {
  return Array.from(softmax(logitsOf(weights, x)))
}

function target({ original, twin, forget, retain, prior }: Foretelling, x: Float64Array): number[] {
  const z = Array.from(logitsOf(original, x))
  if (prior === 'none') return exponentials(z)
  const temperature = prior === 'raw' ? 1 : honestTemperature(original, twin)
  const count = (rows: readonly Row[], k: number): number => rows.filter(({ label }) => label === k).length
  return exponentials(
    z.map((value, k) => value + temperature * Math.log(count(retain, k) / (count(retain, k) + count(forget, k)))),
  )
}

/** By a fine search: where the mean top probability comes nearest to the accuracy. */
function honestTemperature(original: Weights, twin: readonly Row[]): number {
  const logits = twin.map(({ x }) => logitsOf(original, x))
  const accuracy = twin.filter(({ label }, i) => argmax(logits[i]) === label).length / twin.length
  const off = (temperature: number): number =>
    Math.abs(logits.reduce((sum, row) => sum + Math.max(...softmax(row, temperature)), 0) / twin.length - accuracy)
  let [best, width] = [1.5, 6]
  for (let round = 0; round < 12; round++) {
    const around = Array.from({ length: 41 }, (_, i) => best + (width * (i - 20)) / 20)
    best = around.filter((t) => t >= 0.25 && t <= 8).reduce((a, b) => (off(b) < off(a) ? b : a))
    width /= 5
  }
  return best
}

function exponentials(z: readonly number[]): number[] {
  return Array.from(softmax(Float64Array.from(z)))
}

function standardised(rows: readonly number[][], by: readonly number[][]): number[][] {
  const mean = classes.map((k) => by.reduce((sum, row) => sum + row[k], 0) / by.length)
  const deviation = classes.map((k) => Math.sqrt(by.reduce((sum, row) => sum + (row[k] - mean[k]) ** 2, 0) / by.length))
  return rows.map((row) => row.map((value, k) => (value - mean[k]) / deviation[k]))
}

/** theta = a of each surrogate, then V by rows, then b. */
function output(theta: readonly number[], logs: readonly number[][], s: readonly number[]): number[] {
  const models = logs.length
  return exponentials(
    classes.map((k) => {
      const heard = logs.reduce((sum, row, m) => sum + theta[m] * row[k], 0)
      const remembered = s.reduce((sum, value, j) => sum + theta[models + 3 * k + j] * value, 0)
      return heard + remembered + theta[models + 9 + k]
    }),
  )
}

/** Adam at .05 on the ridge-penalised cross-entropy; its slopes by central differences. */
function fitted(
  logs: readonly number[][][],
  s: readonly number[][],
  targets: readonly number[][],
  steps: number,
): number[] {
  const models = logs[0].length
  const centres = Array.from({ length: models + 12 }, (_, i) => (i < models ? 1 / models : 0))
  const loss = (theta: readonly number[]): number => {
    const cross = logs.reduce((sum, row, i) => {
      const q = output(theta, row, s[i])
      return sum - classes.reduce((part, k) => part + targets[i][k] * Math.log(q[k]), 0)
    }, 0)
    const ridge = theta.reduce((sum, v, i) => sum + (i < models + 9 ? 0.02 : 0.002) * (v - centres[i]) ** 2, 0)
    return cross / logs.length + ridge
  }
  let theta = centres
  const m = centres.map(() => 0)
  const v = centres.map(() => 0)
  for (let step = 1; step <= steps; step++) {
    const slopes = theta.map(
      (value, i) => (loss(theta.with(i, value + 1e-5)) - loss(theta.with(i, value - 1e-5))) / 2e-5,
    )
    theta = theta.map((value, i) => {
      m[i] = 0.9 * m[i] + 0.1 * slopes[i]
      v[i] = 0.999 * v[i] + 0.001 * slopes[i] ** 2
      return value - (0.05 * m[i]) / (1 - 0.9 ** step) / (Math.sqrt(v[i] / (1 - 0.999 ** step)) + 1e-8)
    })
  }
  return theta
}
