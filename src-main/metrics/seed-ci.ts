import type { Metric } from '#shared/domain/metrics.ts'

/**
 * Mean over seeds with a t interval. `values` are one a seed; for a comparison they are differences to the partner of
 * the same seed, which makes it the paired interval. `ci` is null for a single seed.
 */
export function seedCi(values: readonly number[], level = 0.95): Metric {
  const n = values.length
  if (n === 0) return { absent: 'No seed has finished.' }
  const mean = values.reduce((sum, value) => sum + value, 0) / n
  if (n === 1) return { value: mean, ci: null, n }
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1)
  const halfWidth = studentQuantile(level, n - 1) * Math.sqrt(variance / n)
  return { value: mean, ci: [mean - halfWidth, mean + halfWidth], n }
}

/** The interval of ours minus theirs over the seeds that both have; maps are seed -> value. */
export function pairedSeedCi(
  ours: ReadonlyMap<number, number>,
  theirs: ReadonlyMap<number, number>,
  level = 0.95,
): Metric {
  const differences: number[] = []
  for (const [seed, value] of ours) {
    const partner = theirs.get(seed)
    if (partner !== undefined) differences.push(value - partner)
  }
  if (differences.length === 0) return { absent: 'The two have no seed in common.' }
  return seedCi(differences, level)
}

/** t such that Student's t with `freedom` (a positive integer) degrees lies within ±t with probability `level`. */
export function studentQuantile(level: number, freedom: number): number {
  let low = 0
  let high = Math.PI / 2
  for (let halving = 0; halving < 60; halving++) {
    const angle = (low + high) / 2
    if (centralProbability(angle, freedom) < level) low = angle
    else high = angle
  }
  return Math.sqrt(freedom) * Math.tan(low)
}

/** Of the normal distribution: Student's t at infinitely many degrees of freedom. */
const normal = { t975: 1.959963984540054, t80: 0.8416212335729143 }

/**
 * From half a 95 % interval to the difference that a repetition finds with 80 % power (two-sided 5 %):
 * (t(.975) + t(.8)) / t(.975). `freedom` null: an interval that is not Student's, such as a bootstrap's.
 */
export function powerFactor(freedom: number | null): number {
  if (freedom === null) return 1 + normal.t80 / normal.t975
  return 1 + studentQuantile(0.6, freedom) / studentQuantile(0.95, freedom)
}

/** P(|T| <= sqrt(freedom) tan(angle)) as a finite sum: Abramowitz and Stegun 26.7.3 (odd) and 26.7.4 (even). */
function centralProbability(angle: number, freedom: number): number {
  const sine = Math.sin(angle)
  const cosine = Math.cos(angle)
  const odd = freedom % 2 === 1
  let sum = 0
  let term = odd ? cosine : 1
  for (let power = odd ? 1 : 0; power <= freedom - 2; power += 2) {
    sum += term
    term *= (cosine * cosine * (power + 1)) / (power + 2)
  }
  return odd ? (2 / Math.PI) * (angle + sine * sum) : sine * sum
}

/** Two-sided: P(|T| >= |t|) for Student's t with `freedom` (a positive integer) degrees. */
export function studentPValue(t: number, freedom: number): number {
  return Math.min(1, Math.max(0, 1 - centralProbability(Math.atan(Math.abs(t) / Math.sqrt(freedom)), freedom)))
}
