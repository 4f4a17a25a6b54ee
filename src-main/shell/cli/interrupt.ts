import { AppError } from '#shared/errors.ts'

/**
 * Ctrl-C and SIGTERM as an AbortSignal. The first asks for a clean cancel; a second one, or no end
 * within the grace period, ends the process at once (a killed process loses nothing: the next start
 * finds the checkpoint).
 */
export function createInterrupt(graceMilliseconds = 1900): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController()
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(130)
    controller.abort(new AppError('cancelled', 'Cancelled. What was finished is kept.'))
    setTimeout(() => process.exit(130), graceMilliseconds).unref()
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  return {
    signal: controller.signal,
    dispose() {
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
