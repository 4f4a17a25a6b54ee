import { AppError } from '#shared/errors.ts'

/** When a model was back at the original's accuracy on F, in mini-batches; null: not within the steps it was given. */
export type RelearnTime = number | null

/**
 * r(M) of Chundawat et al. 2023 (Zero-shot machine unlearning, section V): the first step at which accuracy on F is
 * within `tolerance` (a share of it) of the original's. `accuracy[t]` is after t steps, t = 0 before the first.
 */
export function relearnTime(accuracy: ArrayLike<number>, original: number, tolerance: number): RelearnTime {
  // Shares of equal counts differ in the last bit; a sample more or less is far larger than the slack.
  const wanted = original * (1 - tolerance) - 1e-12
  for (let step = 0; step < accuracy.length; step++) if (accuracy[step] >= wanted) return step
  return null
}

/** AIN = r(unlearned) / r(gold): 1 = relearned like a gold, below 1 = it still knew something. */
export type AnamnesisIndex =
  | {
      readonly value: number /** The unlearned model wasn't done: the true value is larger. */
      readonly atLeast: boolean
    }
  | { readonly absent: string }

export function anamnesisIndex(unlearned: RelearnTime, gold: RelearnTime, steps: number): AnamnesisIndex {
  if (!(steps >= 1)) throw new AppError('internal', `Relearning took ${steps} steps.`)
  if (gold === null) {
    return { absent: `The gold hasn't relearned F within ${steps} steps; give it more.` }
  }
  if (gold === 0) {
    return {
      absent: 'The gold knows F as well as the original before any relearning, so there is nothing to compare.',
    }
  }
  if (unlearned === null) return { value: steps / gold, atLeast: true }
  return { value: unlearned / gold, atLeast: false }
}

/** Share of ones of each row of `correct` [steps + 1, n], over the samples at `positions`. */
export function accuracyBySteps(correct: Uint8Array, n: number, positions: ArrayLike<number>): Float64Array {
  const rows = n === 0 ? 0 : correct.length / n
  return Float64Array.from({ length: rows }, (_, step) => {
    let right = 0
    for (let k = 0; k < positions.length; k++) right += correct[step * n + positions[k]]
    return right / positions.length
  })
}
