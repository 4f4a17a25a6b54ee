import { appendFileSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import envPaths from 'env-paths'
import { stdSerializers } from 'pino'
import { locateWorkspace, workspacePaths } from '#main/store/workspace.ts'

/**
 * Writes a fault of the program with its stack to a log, and returns a hint that says where: nobody's terminal shows it.
 * The log is the workspace's, or this platform's where there is no workspace. `given`: as in `locateWorkspace`.
 */
export function logFault(fault: unknown, given: string): string {
  const error = fault instanceof Error ? fault : new Error(String(fault))
  const entry = { level: 50, time: Date.now(), pid: process.pid, err: stdSerializers.err(error), msg: error.message }
  for (const folderOf of [workspaceLogs, platformLogs]) {
    try {
      const folder = folderOf(given)
      if (folder === null) continue
      const file = join(folder, 'workbench.log')
      appendFileSync(file, `${JSON.stringify(entry)}\n`)
      return `This is a fault of the program: please report it with the last line of "${file}".`
    } catch {
      // What can't be logged there is logged at the next place, if there is one.
    }
  }
  return 'This is a fault of the program: please report it.'
}

function workspaceLogs(given: string): string | null {
  const { database, logs } = workspacePaths(locateWorkspace(given))
  return existsSync(database) && existsSync(logs) ? logs : null
}

function platformLogs(): string {
  const folder = envPaths('tmu-workbench', { suffix: '' }).log
  mkdirSync(folder, { recursive: true })
  return folder
}
