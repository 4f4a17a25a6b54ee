/** Whose turn it is. Pure: who may run at all, and on what, is decided elsewhere. */
import type { Priority } from '#shared/domain/queue.ts'

/** A study's part in the machine. */
export interface Share {
  priority: Priority
  paused: boolean
  /** Estimated seconds of the stages that were started for it; a newcomer begins level with the least served. */
  served: number
}

/**
 * Negative where a stage for study `a` goes before one for study `b`: the more urgent study, then the one that has had
 * less of the machine, so that studies take turns however long their stages are, and within a study the stage with the
 * longest chain behind it (`rank`: seconds from its start to that chain's end).
 */
export function compareClaims(
  a: Pick<Share, 'priority' | 'served'>,
  aRank: number,
  b: Pick<Share, 'priority' | 'served'>,
  bRank: number,
): number {
  if (a === b) return bRank - aRank
  return urgency[b.priority] - urgency[a.priority] || a.served - b.served || bRank - aRank
}

const urgency: Readonly<Record<Priority, number>> = { low: 0, normal: 1, high: 2 }

/** What a study that joins now has been served: nobody owes it the past. */
export function servedOfNewcomer(others: Iterable<Share>): number {
  let least = Number.POSITIVE_INFINITY
  for (const { served } of others) least = Math.min(least, served)
  return Number.isFinite(least) ? least : 0
}
