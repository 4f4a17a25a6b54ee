import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { promisify } from 'node:util'

/**
 * Which process: a pid alone may have another owner by now, so that its start time goes with it. `startTime` is
 * opaque and compared for equality only; null where the system doesn't tell (Windows).
 */
export interface ProcessIdentity {
  readonly pid: number
  readonly startTime: string | null
  readonly host: string
}

export async function identifyThisProcess(): Promise<ProcessIdentity> {
  return { pid: process.pid, startTime: await startTimeOf(process.pid), host: hostname() }
}

/**
 * `alive`: this very process runs. `dead`: it doesn't, or its pid now belongs to another one. `unknown`: it is one of
 * another machine, or a process has its pid and nobody can say since when.
 */
export async function livenessOf(identity: ProcessIdentity): Promise<'alive' | 'dead' | 'unknown'> {
  if (identity.host !== hostname()) return 'unknown'
  if (!pidExists(identity.pid)) return 'dead'
  const startTime = await startTimeOf(identity.pid)
  // It ended between the two questions, or it's a zombie that its parent hasn't collected.
  if (startTime === null && knowsStartTimes) return 'dead'
  if (startTime === null || identity.startTime === null) return 'unknown'
  return startTime === identity.startTime ? 'alive' : 'dead'
}

const knowsStartTimes = process.platform !== 'win32'

function pidExists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it is there and belongs to someone else.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Null for a process that has ended, a zombie included. */
async function startTimeOf(pid: number): Promise<string | null> {
  if (process.platform === 'linux') return await linuxStartTime(pid)
  return knowsStartTimes ? await posixStartTime(pid) : null
}

/** Ticks since boot, and which boot: the same pid can start at the same tick after the next one. */
async function linuxStartTime(pid: number): Promise<string | null> {
  const line = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => null)
  if (line === null) return null
  // The second field, the command in parentheses, may hold blanks and parentheses itself.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  const [state, ticks] = [fields[0], fields[19]]
  if (ticks === undefined || state === 'Z' || state === 'X') return null
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'latin1').catch(() => '')
  return `${ticks}@${boot.trim()}`
}

async function posixStartTime(pid: number): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
    })
    const [state, ...startTime] = stdout.trim().split(/\s+/)
    return state === undefined || state === '' || state.startsWith('Z') ? null : startTime.join(' ')
  } catch {
    return null
  }
}
