import { setImmediate as nextTurn } from 'node:timers/promises'
import { AppError } from '#shared/errors.ts'

/** Longest time without a turn of the event loop, as long as `breathe` is called often enough. */
const turnEveryMs = 30

/** See StageContext.breathe. */
export function createBreathing(signal: AbortSignal): () => Promise<void> {
  let last = performance.now()
  return async () => {
    throwIfCancelled(signal)
    if (performance.now() - last < turnEveryMs) return
    await nextTurn()
    last = performance.now()
    throwIfCancelled(signal)
  }
}

/** @throws AppError `cancelled`. */
export function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw new AppError('cancelled', 'The stage was cancelled; its last checkpoint is kept.')
}
