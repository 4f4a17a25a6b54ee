import { Random } from '#shared/random.ts'
import type { Outcome, SetName } from './outcome.ts'
import { setNames } from './outcome.ts'
import { quantileOfSorted } from './quantile.ts'
import { drawStratum, membersOf, strataOfClasses } from './strata.ts'

/**
 * One resample: how often each sample of each set occurs. Draw 0 is the data itself (all counts 1). The same draw
 * serves all models, so that differences between models are paired.
 */
export interface Draw {
  readonly serial: number
  /** [count of the set]; empty for a set that the outcome lacks. */
  readonly counts: { readonly [S in SetName]: Float64Array }
}

/** A figure as a function of a draw. */
export type Quantity = (draw: Draw) => number

/** Below this many samples a percentile interval promises more than it can keep. */
export const leastCountForInterval = 10

/** Computes once a draw, however many figures read it. */
export function oncePerDraw<T>(compute: (draw: Draw) => T): (draw: Draw) => T {
  let last: { readonly draw: Draw; readonly serial: number; readonly value: T } | null = null
  return (draw) => {
    if (last === null || last.draw !== draw || last.serial !== draw.serial) {
      last = { draw, serial: draw.serial, value: compute(draw) }
    }
    return last.value
  }
}

/** Sum of values x counts over the set's samples, by the number of samples. */
export function weightedMean(values: Float64Array, counts: Float64Array): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i] * counts[i]
  return sum / values.length
}

/** Draw 0. */
export function dataItself(outcome: Outcome): Draw {
  const ones = (set: SetName): Float64Array => new Float64Array(outcome.sets[set]?.count ?? 0).fill(1)
  return { serial: 0, counts: { forget: ones('forget'), retain: ones('retain'), evaluation: ones('evaluation') } }
}

/**
 * `count` resamples with replacement, within each class of each set, so that class sizes and hence all class weights
 * stay as they are; very small classes are one stratum together (`strataOfClasses`). Each set has a random stream of its own: a set that is absent shifts nobody else's draws. The
 * yielded draw is reused for the next.
 */
export function* resamples(outcome: Outcome, seed: number, count: number): Generator<Draw> {
  const draw = { serial: 0, counts: dataItself(outcome).counts }
  const forgotten = new Set(outcome.sets.forget.labels)
  const samplers = setNames.map((set) => {
    const random = Random.of(seed, 'bootstrap', set)
    const labels = outcome.sets[set]?.labels ?? new Int32Array()
    // F's classes apart from the others: attacks read the former alone, always as many.
    const strata = strataOfClasses(labels, (label) => (forgotten.has(label) ? 'one' : 'other'))
    return { strata: membersOf(strata), random, counts: draw.counts[set] }
  })
  for (let serial = 1; serial <= count; serial++) {
    for (const { strata, random, counts } of samplers) {
      counts.fill(0)
      for (const members of strata) drawStratum(members, random, counts)
    }
    draw.serial = serial
    yield draw
  }
}

/** Percentile interval of bootstrap values; null where some draw left the figure undefined. */
export function percentileInterval(values: Float64Array, level: number): readonly [low: number, high: number] | null {
  if (values.length === 0 || !values.every(Number.isFinite)) return null
  const sorted = values.slice().sort()
  return [quantileOfSorted(sorted, (1 - level) / 2), quantileOfSorted(sorted, (1 + level) / 2)]
}
