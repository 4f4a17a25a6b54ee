/** Mean over seeds with a 95 % t interval; null interval for fewer than two seeds. */
export interface SeedSummary {
  readonly mean: number
  readonly ci: readonly [low: number, high: number] | null
  readonly n: number
}

export function summariseSeeds(values: readonly number[]): SeedSummary | null {
  const n = values.length
  if (n === 0) return null
  const mean = values.reduce((sum, value) => sum + value, 0) / n
  if (n === 1) return { mean, ci: null, n }
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1)
  const half = studentQuantile975(n - 1) * Math.sqrt(variance / n)
  return { mean, ci: [mean - half, mean + half], n }
}

/** The t that 97.5 % of Student's distribution with `df` degrees of freedom lie below; by bisection. */
export function studentQuantile975(df: number): number {
  let [low, high] = [0, 700]
  for (let step = 0; step < 80; step++) {
    const middle = (low + high) / 2
    if (upperTail(middle, df) > 0.025) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** P(T > t) = I_x(df/2, 1/2) / 2 with x = df / (df + t²). */
function upperTail(t: number, df: number): number {
  return incompleteBeta(df / (df + t * t), df / 2, 0.5) / 2
}

/** Regularised incomplete beta function by its continued fraction (Lentz; Abramowitz and Stegun 26.5.8). */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a)
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)) / a
  const tiny = 1e-300
  let c = 1
  let d = 1 / guard(1 - ((a + b) * x) / (a + 1))
  let fraction = d
  for (let m = 1; m < 300; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / guard(1 + even * d)
    c = guard(1 + even / c)
    fraction *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / guard(1 + odd * d)
    c = guard(1 + odd / c)
    const change = d * c
    fraction *= change
    if (Math.abs(change - 1) < 1e-15) break
  }
  return front * fraction

  function guard(value: number): number {
    return Math.abs(value) < tiny ? tiny : value
  }
}

/** Lanczos, g = 7, n = 9. */
function logGamma(z: number): number {
  const coefficients = [
    0.9999999999998099, 676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406,
    12.507343278686905, -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
  ]
  if (z < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * z)) - logGamma(1 - z)
  const shifted = z - 1
  const sum = coefficients.reduce((total, value, i) => (i === 0 ? value : total + value / (shifted + i)), 0)
  const t = shifted + 7.5
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(sum)
}
