import { readFileSync } from 'node:fs'

/** A process that has ended counts as gone even where nobody has collected its exit status yet (a zombie). */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  if (process.platform !== 'linux') return true
  try {
    // proc(5): the state follows the name, which stands in parentheses.
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

/** Milliseconds until the process was gone, or at least `limitMs`. */
export async function untilGone(pid: number, limitMs: number): Promise<number> {
  const startedAt = performance.now()
  while (isAlive(pid) && performance.now() - startedAt < limitMs)
    await new Promise((resolve) => setTimeout(resolve, 50))
  return performance.now() - startedAt
}
