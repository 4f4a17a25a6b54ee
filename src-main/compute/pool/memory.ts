/** What memory this machine, and this process's container, has to give. */
import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { dirname, join } from 'node:path'

export interface MemoryFigures {
  /** Bytes in all; within a container, its limit. */
  readonly total: number
  /** Bytes that can be used now without swapping: free, or held by files that can be read again. */
  readonly available: number
}

/** `root` stands for the file system's root, so that a container can be made up. */
export function machineMemory(root = '/'): MemoryFigures {
  const machine = meminfo(root) ?? { total: totalmem(), available: process.availableMemory() }
  const limits = controlGroups(root)
  return {
    total: Math.min(machine.total, ...limits.map((limit) => limit.total)),
    available: Math.max(0, Math.min(machine.available, ...limits.map((limit) => limit.available))),
  }
}

/** Bytes that a process has in memory now; null where the system doesn't say. */
export function residentMemory(pid: number): number | null {
  return fieldOf(read(`/proc/${pid}/status`), /^VmRSS:\s+(\d+) kB$/m)
}

/** Linux: Node's own figure is the free memory alone on some kernels. */
function meminfo(root: string): MemoryFigures | null {
  const text = read(join(root, 'proc/meminfo'))
  const total = fieldOf(text, /^MemTotal:\s+(\d+) kB$/m)
  const available = fieldOf(text, /^MemAvailable:\s+(\d+) kB$/m)
  return total === null || available === null ? null : { total, available }
}

/** Every limit that holds for this process: its control group's and those above it. Version 2, then 1. */
function controlGroups(root: string): readonly MemoryFigures[] {
  const found: MemoryFigures[] = []
  for (const line of read(join(root, 'proc/self/cgroup')).split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? []
    if (controllers === undefined || path === undefined) continue
    if (controllers === '') {
      found.push(...limitsAlong(join(root, 'sys/fs/cgroup'), path, 'memory.max', 'memory.current'))
    } else if (controllers.split(',').includes('memory')) {
      const mount = join(root, 'sys/fs/cgroup/memory')
      found.push(...limitsAlong(mount, path, 'memory.limit_in_bytes', 'memory.usage_in_bytes'))
    }
  }
  return found
}

function limitsAlong(mount: string, path: string, limitFile: string, usageFile: string): readonly MemoryFigures[] {
  const found: MemoryFigures[] = []
  for (let at = path; ; at = dirname(at)) {
    const folder = join(mount, at)
    const limit = Number(read(join(folder, limitFile)).trim() || Number.NaN)
    const used = Number(read(join(folder, usageFile)).trim() || Number.NaN)
    // "max", or a number beyond any machine, is no limit.
    if (Number.isFinite(limit) && Number.isFinite(used) && limit < 2 ** 60) {
      // Files that were read are counted as used, but go as soon as somebody needs the room.
      const cached = /^(?:total_)?inactive_file (\d+)$/m.exec(read(join(folder, 'memory.stat')))
      found.push({ total: limit, available: limit - used + Number(cached?.[1] ?? 0) })
    }
    if (at === '/') return found
  }
}

function fieldOf(text: string, pattern: RegExp): number | null {
  const match = pattern.exec(text)
  return match === null ? null : Number(match[1]) * 1024
}

/** These files are the kernel's: reading one takes microseconds. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
