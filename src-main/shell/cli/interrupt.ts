import { AppError } from '#shared/errors.ts'

/** A signal to a whole group comes twice where a wrapper in the group passes it on too. */
const echoMs = 300

/**
 * Ctrl-C and SIGTERM as an AbortSignal. The first asks for a clean cancel; a second one, or no end
 * within the grace period, ends the process at once (a killed process loses nothing: the next start
 * finds the checkpoint).
 */
export function createInterrupt(graceMilliseconds = 1900): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController()
  let firstAt = 0
  let limit: NodeJS.Timeout | undefined
  const interrupt = (): void => {
    if (controller.signal.aborted) {
      if (performance.now() - firstAt > echoMs) process.exit(130)
      return
    }
    firstAt = performance.now()
    controller.abort(new AppError('cancelled', 'Cancelled. What was finished is kept.'))
    limit = setTimeout(() => process.exit(130), graceMilliseconds).unref()
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  return {
    signal: controller.signal,
    dispose() {
      clearTimeout(limit)
      process.off('SIGINT', interrupt)
      process.off('SIGTERM', interrupt)
    },
  }
}

/** The launcher was killed: end this process too, as interrupted, so that nothing is left running. */
export function endWithParent(): void {
  if (process.channel === undefined) return
  process.on('disconnect', () => process.exit(1))
  process.channel.unref()
}
