import { isPresent } from '#shared/domain/metrics.ts'
import type { Cost } from '#shared/domain/stage.ts'
import type { Run } from '#shared/domain/study.ts'
import { summariseSeeds } from './statistics.ts'

/**
 * A metric of one method over its seeds: the mean with a t interval over seeds; with a single seed its
 * value with the bootstrap interval over images. Never computed from what happens to be visible.
 */
export type Figure =
  | {
      readonly value: number
      readonly ci: readonly [low: number, high: number] | null
      readonly over: 'seeds' | 'images'
      /** Seeds, or images. */
      readonly n: number
      /** Each seed's own value, in the order of the seeds. */
      readonly seeds: readonly { readonly seed: number; readonly value: number }[]
    }
  | { readonly absent: string }

export interface MethodRow {
  readonly method: string
  readonly runs: readonly Run[]
}

/** Runs by method, methods by their rank and then their name, seeds ascending. */
export function methodRows(runs: readonly Run[], rank: (method: string) => number): readonly MethodRow[] {
  const groups = Map.groupBy(runs, (run) => run.method)
  return [...groups]
    .map(([method, members]) => ({ method, runs: members.toSorted((a, b) => a.seed - b.seed) }))
    .sort((a, b) => rank(a.method) - rank(b.method) || a.method.localeCompare(b.method))
}

export function figureOf(runs: readonly Run[], metric: string): Figure {
  const seeds: { seed: number; value: number }[] = []
  let single: { ci: readonly [number, number] | null; n: number } | null = null
  let reason: string | null = null
  for (const run of runs) {
    const value = run.metrics?.[metric]
    if (isPresent(value)) {
      seeds.push({ seed: run.seed, value: value.value })
      single = { ci: value.ci, n: value.n }
    } else reason ??= value?.absent ?? run.error?.message ?? `The run is ${run.state}.`
  }
  const [first] = seeds
  if (first === undefined || single === null) return { absent: reason ?? 'There is no run.' }
  if (seeds.length === 1) return { value: first.value, ci: single.ci, over: 'images', n: single.n, seeds }
  if (runs.some((run) => run.method === 'gold')) {
    // Each gold is measured against the others, so their figures are no independent repeats: no interval.
    return { value: mean(seeds.map(({ value }) => value)), ci: null, over: 'seeds', n: seeds.length, seeds }
  }
  const summary = summariseSeeds(seeds.map(({ value }) => value))
  return {
    value: summary?.mean ?? first.value,
    ci: summary?.ci ?? null,
    over: 'seeds',
    n: seeds.length,
    seeds,
  }
}

export function hasFigure(figure: Figure): figure is Extract<Figure, { value: number }> {
  return 'value' in figure
}

/** The gold-gold figure behind a metric's floor: the mean over the runs that carry it, and its upper bound. */
export function floorOf(
  runs: readonly Run[],
  metric: string,
): { readonly value: number; readonly high: number } | null {
  const found = runs.flatMap((run) => {
    const value = run.metrics?.[metric]
    return isPresent(value) ? [value] : []
  })
  if (found.length === 0) return null
  return {
    value: mean(found.map((metricValue) => metricValue.value)),
    high: mean(found.map((metricValue) => metricValue.ci?.[1] ?? metricValue.value)),
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Mean cost of a method's runs. */
export function meanCost(runs: readonly Run[]): Cost | null {
  const costs = runs.flatMap((run) => (run.cost === null ? [] : [run.cost]))
  if (costs.length === 0) return null
  return {
    seconds: mean(costs.map((cost) => cost.seconds)),
    visitsForward: mean(costs.map((cost) => cost.visitsForward)),
    visitsBackward: mean(costs.map((cost) => cost.visitsBackward)),
  }
}
