import { createHash } from 'node:crypto'
import { mkdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensurePages } from '#main/shell/build.ts'

const root = join(import.meta.dirname, '..', '..')
const lock = join(tmpdir(), `tmu-pages-${createHash('sha256').update(root).digest('hex').slice(0, 16)}.lock`)
const staleMilliseconds = 120_000

/** The built pages; test files that run side by side build them once, not over each other. */
export async function builtPages(): Promise<string> {
  while (!(await tryLock())) await new Promise((resolve) => setTimeout(resolve, 200))
  try {
    return await ensurePages(() => {})
  } finally {
    await rm(lock, { recursive: true, force: true })
  }
}

async function tryLock(): Promise<boolean> {
  try {
    await mkdir(lock)
    return true
  } catch {
    const made = await stat(lock).catch(() => null)
    // Whoever held it was killed.
    if (made !== null && Date.now() - made.mtimeMs > staleMilliseconds) await rm(lock, { recursive: true, force: true })
    return false
  }
}
