import type { Evaluation } from '#shared/domain/metrics.ts'
import { isPresent } from '#shared/domain/metrics.ts'

/** The gap that a plan accepts unless it says otherwise: 5 points. */
export const defaultMargin = 0.05

/**
 * The gap that counts as none: the plan's, or the 95 % upper bound of the gap between two golds where that is larger,
 * since no method can be asked to be nearer to a gold than another gold is.
 */
export function marginFor(
  evaluation: Evaluation,
  planned = defaultMargin,
): { readonly margin: number; readonly noFloor: boolean } {
  const floor = evaluation.metrics.gapFloor
  if (!isPresent(floor)) return { margin: planned, noFloor: true }
  return { margin: Math.max(planned, floor.ci?.[1] ?? 0), noFloor: false }
}
