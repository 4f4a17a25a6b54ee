/**
 * KLoM, the KL divergence of margins (Georgiev et al. 2024; RoyRin/data-unlearning-bench): for each sample, KL(gold ‖
 * unlearned) between the histograms of its phi over several models of each kind.
 */
export interface KlomOptions {
  /** Bins over the range of both sets of models together; the paper's is 20. */
  readonly bins: number
  /** Least probability of a bin of the unlearned models where golds have some; the paper's code takes 1e-5. */
  readonly floor: number
}

export const paperKlom: KlomOptions = { bins: 20, floor: 1e-5 }

/** Divergence of every sample in nats; rows are models: [models][n]. */
export function klomScores(
  golds: readonly Float64Array[],
  unlearned: readonly Float64Array[],
  options: KlomOptions,
): Float64Array {
  const n = golds[0]?.length ?? 0
  return Float64Array.from({ length: n }, (_, i) =>
    histogramDivergence(
      golds.map((row) => row[i]),
      unlearned.map((row) => row[i]),
      options,
    ),
  )
}

/** KL(p ‖ q) of two sets of values over common bins; the last bin holds the largest value. 0 where all values are one. */
export function histogramDivergence(p: readonly number[], q: readonly number[], { bins, floor }: KlomOptions): number {
  const low = Math.min(...p, ...q)
  const high = Math.max(...p, ...q)
  if (low === high) return 0
  const shares = (values: readonly number[]): Float64Array => {
    const found = new Float64Array(bins)
    for (const value of values) {
      found[Math.min(bins - 1, Math.floor(((value - low) / (high - low)) * bins))] += 1 / values.length
    }
    return found
  }
  const ofP = shares(p)
  const ofQ = shares(q)
  let sum = 0
  for (let b = 0; b < bins; b++) if (ofP[b] > 0) sum += ofP[b] * Math.log(ofP[b] / Math.max(ofQ[b], floor))
  return sum
}
