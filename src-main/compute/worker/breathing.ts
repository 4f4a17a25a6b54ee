import { AppError } from '#shared/errors.ts'

/** Longest time without a turn of the event loop, as long as `breathe` is called often enough. */
const turnEveryMs = 30

/** A turn of the event loop, in Node or a browser; timers of a page are slowed down, its ports aren't. */
function nextTurn(): Promise<unknown> {
  if (typeof setImmediate === 'function') return new Promise((resolve) => setImmediate(resolve))
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.addEventListener('message', () => {
      port1.close()
      resolve(null)
    })
    port1.start()
    port2.postMessage(null)
  })
}

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
