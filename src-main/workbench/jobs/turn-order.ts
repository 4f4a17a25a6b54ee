/** Whose turn it is. Pure: who may run at all, and on what, is decided elsewhere. */
import { type Priority, priorities } from '#shared/domain/queue.ts'

/** A study's part in the machine. */
export interface Share {
  priority: Priority
  paused: boolean
  /** Estimated seconds of the stages that were started for it; a newcomer begins level with the least served. */
  served: number
}

/** A stage that could start, for one of those who want it. */
export interface Claim {
  readonly share: Pick<Share, 'priority' | 'served'>
  /** Seconds from the stage's start to the end of the longest chain behind it. */
  readonly rank: number
}

/**
 * Negative where `a` goes first: the more urgent study, then the one that has had less of the machine, so that studies
 * take turns however long their stages are, and within a study the stage with the longest chain behind it.
 */
export function compareClaims(a: Claim, b: Claim): number {
  return (
    priorities.indexOf(b.share.priority) - priorities.indexOf(a.share.priority) ||
    a.share.served - b.share.served ||
    b.rank - a.rank
  )
}

/** What a study that joins now has been served: nobody owes it the past. */
export function servedOfNewcomer(others: Iterable<Share>): number {
  let least = Number.POSITIVE_INFINITY
  for (const { served } of others) least = Math.min(least, served)
  return Number.isFinite(least) ? least : 0
}
