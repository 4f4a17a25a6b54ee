import type { Readable } from 'node:stream'
import { AppError } from '#shared/errors.ts'

/**
 * Stdin as the line to the program that started this one, which writes something at once and then holds its end open
 * while it lives. The end of the line aborts the signal and, after the grace period, ends the process. A stdin that ends
 * without a byte, like the /dev/null that batch systems give, is nobody's line.
 */
export function watchLifeLine(
  input: Readable = process.stdin,
  graceMilliseconds = 1900,
): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController()
  let held = false
  let limit: NodeJS.Timeout | undefined
  const hold = (): void => {
    held = true
  }
  const lose = (): void => {
    if (!held || controller.signal.aborted) return
    controller.abort(new AppError('cancelled', 'What started this command has ended.'))
    limit = setTimeout(() => process.exit(130), graceMilliseconds).unref()
  }
  input.on('data', hold).on('end', lose).on('error', lose)
  return {
    signal: controller.signal,
    dispose() {
      clearTimeout(limit)
      input.off('data', hold).off('end', lose)
      input.destroy()
    },
  }
}
