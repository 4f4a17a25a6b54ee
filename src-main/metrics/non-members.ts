import type { Outcome } from './outcome.ts'

/**
 * Samples that no model was trained on and that look like F: the evaluation samples of F's classes, weighted so that
 * each class weighs what it does in F. Weights have mean 1.
 */
export interface NonMembers {
  /** Positions in the evaluation set, ascending. */
  readonly positions: Int32Array
  /** [positions.length] */
  readonly weights: Float64Array
  /** (sum w)^2 / sum w^2: of how many equally weighted samples they are worth. */
  readonly effectiveCount: number
}

/** The non-members, or why there are none, in plain words. */
export function nonMembersOf(
  outcome: Outcome,
  className: (index: number) => string,
): NonMembers | { readonly absent: string } {
  const { forget, evaluation } = outcome.sets
  if (evaluation === undefined) return { absent: 'The outcome has no evaluation samples.' }
  const forgetCounts = classCounts(forget.labels, outcome.classCount)
  const evaluationCounts = classCounts(evaluation.labels, outcome.classCount)
  const uncovered = [...forgetCounts.keys()].filter((c) => forgetCounts[c] > 0 && evaluationCounts[c] === 0)
  if (uncovered.length > 0) {
    const names = uncovered.map(className).join(', ')
    const noun = uncovered.length === 1 ? `${names} of the forget set has` : `${names} of the forget set have`
    return { absent: `${noun} no evaluation samples.` }
  }
  const positions = Int32Array.from([...evaluation.labels.keys()].filter((i) => forgetCounts[evaluation.labels[i]] > 0))
  const weights = new Float64Array(positions.length)
  let sumOfSquares = 0
  for (let j = 0; j < positions.length; j++) {
    const label = evaluation.labels[positions[j]]
    weights[j] = (forgetCounts[label] / forget.count) * (positions.length / evaluationCounts[label])
    sumOfSquares += weights[j] ** 2
  }
  return { positions, weights, effectiveCount: positions.length ** 2 / sumOfSquares }
}

function classCounts(labels: Int32Array, classCount: number): Int32Array {
  const counts = new Int32Array(classCount)
  for (const label of labels) counts[label]++
  return counts
}
