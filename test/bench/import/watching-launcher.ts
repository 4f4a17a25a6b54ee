import { readFileSync } from 'node:fs'
import { forkLauncher } from '#main/compute/pool/fork-launcher.ts'
import type { Launcher } from '#main/compute/pool/launcher.ts'

export interface Used {
  /** Peak of a child's resident set: the system's own high-water mark. */
  readonly mebibytes: number
  /** Processor seconds of the last child, all threads: what a busy machine can't blur. */
  readonly cpu: number
}

/**
 * Launches children, and reads what they use from the system every 20 ms (Linux; elsewhere nothing is known): those whose
 * entry point has this in its name, so that workers that wait for further work don't count.
 */
export function watchingLauncher(name = ''): { readonly launcher: Launcher; used(): Used } {
  let peak = 0
  let cpu = 0
  const launcher: Launcher = {
    spawn(entry, env) {
      const child = forkLauncher.spawn(entry, env) as ReturnType<typeof forkLauncher.spawn>
      if (!entry.pathname.includes(name)) return child as never
      const timer = setInterval(() => {
        if (child.pid === undefined) return
        peak = Math.max(peak, residentMebibytes(child.pid))
        cpu = cpuSeconds(child.pid) ?? cpu
      }, 20)
      child.onExit(() => clearInterval(timer))
      return child as never
    },
  }
  return {
    launcher,
    used() {
      const found = { mebibytes: peak, cpu }
      peak = 0
      cpu = 0
      return found
    },
  }
}

function cpuSeconds(pid: number): number | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  } catch {
    return null
  }
}

function residentMebibytes(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}
