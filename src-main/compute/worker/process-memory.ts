import { readFileSync, writeFileSync } from 'node:fs'

/**
 * Starts counting this process's peak of resident memory anew, where the system can (Linux); elsewhere the peak
 * stays that of the process's whole life.
 */
export function resetPeakMemory(): void {
  if (process.platform !== 'linux') return
  try {
    // proc(5): 5 resets the peak resident set size.
    writeFileSync('/proc/self/clear_refs', '5')
  } catch {
    // Not allowed in some containers: an upper bound is still true.
  }
}

/** Peak of resident memory since the reset, bytes. */
export function peakMemory(): number {
  const lifetime = process.resourceUsage().maxRSS * 1024
  if (process.platform !== 'linux') return lifetime
  try {
    const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))
    return line === null ? lifetime : Number(line[1]) * 1024
  } catch {
    return lifetime
  }
}
