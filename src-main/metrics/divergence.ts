/**
 * Distances between two models' clipped probabilities [count, classCount], a value for each sample; natural logs.
 * All three are 0 where the rows are the same.
 */

/** Jensen-Shannon divergence, 0 .. ln 2. */
export function jensenShannon(p: Float64Array, q: Float64Array, classCount: number): Float64Array {
  return overRows(p, q, classCount, (a, b) => {
    const logMiddle = Math.log((a + b) / 2)
    return (a * (Math.log(a) - logMiddle) + b * (Math.log(b) - logMiddle)) / 2
  })
}

/** Kullback-Leibler divergence KL(p || q). */
export function kullbackLeibler(p: Float64Array, q: Float64Array, classCount: number): Float64Array {
  return overRows(p, q, classCount, (a, b) => a * (Math.log(a) - Math.log(b)))
}

/** Euclidean distance. */
export function euclidean(p: Float64Array, q: Float64Array, classCount: number): Float64Array {
  return overRows(p, q, classCount, (a, b) => (a - b) * (a - b)).map(Math.sqrt)
}

function overRows(
  p: Float64Array,
  q: Float64Array,
  classCount: number,
  term: (a: number, b: number) => number,
): Float64Array {
  const values = new Float64Array(p.length / classCount)
  for (let i = 0; i < values.length; i++) {
    let sum = 0
    for (let k = i * classCount; k < (i + 1) * classCount; k++) sum += term(p[k], q[k])
    values[i] = sum
  }
  return values
}
