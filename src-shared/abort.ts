/** A call, since the compiler takes a property that was false once for false later, across any await. */
export function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}
