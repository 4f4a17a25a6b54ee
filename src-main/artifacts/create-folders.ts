import { mkdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { errnoOf } from './storage-errors.ts'

/**
 * Creates a folder, and those above it that are missing. Node's own `recursive` never comes back from a place like
 * /proc, where everything above exists and nothing can be created.
 */
export async function createFolders(path: string): Promise<void> {
  const missing: string[] = []
  for (let at = resolve(path); !(await isFolder(at)); at = dirname(at)) {
    missing.unshift(at)
    if (dirname(at) === at) break
  }
  for (const folder of missing) {
    try {
      await mkdir(folder)
    } catch (error) {
      // Somebody else may have been faster.
      if (errnoOf(error) !== 'EEXIST' || !(await isFolder(folder))) throw error
    }
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw error
  }
}
