import type { Metric } from '#shared/domain/metrics.ts'
import { Random } from '#shared/random.ts'
import { leastCountForInterval, percentileInterval } from '../bootstrap.ts'
import { featureMatrix, type HsicEstimate, leastCountForCka, samplesForCka, unbiasedHsic } from '../cka.ts'
import type { FloatArray } from '../outcome.ts'
import { strataOfClasses } from '../strata.ts'
import { unitResamples } from './membership.ts'

/** Activations of one layer on some samples, row-major [n, width]. */
export interface Activations {
  readonly data: FloatArray
  readonly width: number
}

/**
 * Debiased linear CKA of a layer to the same layer of each reference: mean over references with a bootstrap interval by
 * the estimates' leave-one-out influence, resampled within classes. 1 = the same representation up to rotation and scale.
 */
export function layerCka(
  layer: Activations,
  references: readonly Activations[],
  labels: Int32Array,
  { seed, draws }: { readonly seed: number; readonly draws: number },
): Metric {
  const n = labels.length
  if (references.length === 0) return { absent: 'There is no gold to compare with.' }
  if (n < leastCountForCka) return { absent: `Debiased CKA needs ${leastCountForCka} samples.` }
  const widest = Math.max(layer.width, ...references.map(({ width }) => width))
  const samples = samplesForCka(n, widest, Random.of(seed, 'layer-cka'))
  const own = featureMatrix(layer.data, layer.width, samples)
  const ownSelf = unbiasedHsic(own, own)
  const pairs: { readonly both: HsicEstimate; readonly self: HsicEstimate }[] = []
  for (const reference of references) {
    const matrix = featureMatrix(reference.data, reference.width, samples)
    const self = unbiasedHsic(matrix, matrix)
    if (!(ownSelf.value > 0) || !(self.value > 0)) return { absent: 'The layer says the same of every sample.' }
    pairs.push({ both: unbiasedHsic(own, matrix), self })
  }
  const at = (counts: ArrayLike<number> | null): number => {
    const moved = ({ value, influence }: HsicEstimate): number => {
      if (counts === null) return value
      let sum = 0
      for (let i = 0; i < samples.length; i++) sum += influence[i] * counts[i]
      return value + sum / samples.length
    }
    const denominator = moved(ownSelf)
    const sum = pairs.reduce((total, { both, self }) => total + moved(both) / Math.sqrt(denominator * moved(self)), 0)
    return sum / pairs.length
  }
  const drawn = new Float64Array(samples.length >= leastCountForInterval ? draws : 0)
  let draw = 0
  const strata = strataOfClasses(samples.map((sample) => labels[sample]))
  for (const counts of unitResamples(strata, seed, drawn.length)) drawn[draw++] = at(counts)
  return { value: at(null), ci: percentileInterval(drawn, 0.95), n: samples.length }
}
