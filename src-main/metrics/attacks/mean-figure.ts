import type { Metric } from '#shared/domain/metrics.ts'
import { leastCountForInterval, percentileInterval } from '../bootstrap.ts'
import { strataOfClasses } from '../strata.ts'
import { unitResamples } from './membership.ts'

/** Mean of a value a sample with its bootstrap interval, resampled within classes. */
export function meanFigure(
  values: Float64Array,
  labels: Int32Array,
  { seed, draws }: { readonly seed: number; readonly draws: number },
): Metric {
  const n = values.length
  if (n === 0) return { absent: 'There are no samples of this kind.' }
  const mean = (counts: ArrayLike<number> | null): number => {
    let sum = 0
    for (let i = 0; i < n; i++) sum += values[i] * (counts === null ? 1 : counts[i])
    return sum / n
  }
  const drawn = new Float64Array(n >= leastCountForInterval ? draws : 0)
  let draw = 0
  for (const counts of unitResamples(strataOfClasses(labels), seed, drawn.length)) drawn[draw++] = mean(counts)
  return { value: mean(null), ci: percentileInterval(drawn, 0.95), n }
}
