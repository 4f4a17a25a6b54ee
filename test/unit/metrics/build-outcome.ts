import type { Outcome } from '#main/metrics/outcome.ts'
import type { OutcomeArray } from '#main/metrics/parse-outcome.ts'
import { parseOutcome } from '#main/metrics/parse-outcome.ts'

export function matrix(rows: readonly (readonly number[])[]): OutcomeArray {
  return { dtype: 'F64', shape: [rows.length, rows[0].length], data: Float64Array.from(rows.flat()) }
}

export function integers(values: readonly number[]): OutcomeArray {
  return { dtype: 'I64', shape: [values.length], data: BigInt64Array.from(values, BigInt) }
}

/** Logits whose argmax is the given class, the same margin everywhere. */
export function predicting(classes: readonly number[], classCount: number): OutcomeArray {
  return matrix(classes.map((chosen) => Array.from({ length: classCount }, (_, k) => (k === chosen ? 2 : 0))))
}

export function outcomeOf(arrays: Readonly<Record<string, OutcomeArray>>): Outcome {
  return parseOutcome(new Map(Object.entries(arrays)))
}
