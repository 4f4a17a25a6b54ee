/** Memory and processor time of this process and all below it (Linux; elsewhere nothing is known). */
import { readdirSync, readFileSync } from 'node:fs'

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // It has ended meanwhile.
    return ''
  }
}

function descendants(root: number): readonly number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = read(`/proc/${name}/stat`)
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
    children.set(parent, [...(children.get(parent) ?? []), Number(name)])
  }
  const found = [root]
  for (const pid of found) found.push(...(children.get(pid) ?? []))
  return found
}

/** Proportional set size: pages that processes share are counted once in all. Bytes. */
function memoryOfTree(): number {
  let total = 0
  for (const pid of descendants(process.pid)) {
    total += Number(/^Pss:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) * 1024
  }
  return total
}

/** Highest memory of the tree, looked at four times a second; null where the system doesn't say. */
export function watchMemory(): { stop(): number | null } {
  if (process.platform !== 'linux') return { stop: () => null }
  let peak = 0
  const look = (): void => {
    peak = Math.max(peak, memoryOfTree())
  }
  const timer = setInterval(look, 250)
  return {
    stop() {
      clearInterval(timer)
      return peak
    },
  }
}

/** Processor seconds of this process and of its children that have ended. */
export function processorSeconds(): number | null {
  if (process.platform !== 'linux') return null
  const stat = read('/proc/self/stat')
  // utime, stime, cutime, cstime of proc(5), in ticks of 10 ms.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100
}
