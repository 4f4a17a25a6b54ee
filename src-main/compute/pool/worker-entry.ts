import { existsSync } from 'node:fs'

/**
 * A child's entry point: its source as seen from the asking module, or the built script of that name in the output
 * folder. `from` is the asking module's `import.meta.url`.
 */
export function childEntry(from: string, source: string, built: string): URL {
  if (from.endsWith('.ts')) return new URL(source, from)
  // Built code may sit in the output folder or in its folder of shared chunks.
  const candidates = [new URL(`./${built}`, from), new URL(`../${built}`, from)]
  return candidates.find((candidate) => existsSync(candidate)) ?? candidates[0]
}

export function workerEntry(): URL {
  return childEntry(import.meta.url, '../worker/main.ts', 'worker.js')
}
