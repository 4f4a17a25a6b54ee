import { existsSync } from 'node:fs'

/** The worker's entry point: its source beside this file, or the built script in the output folder. */
export function workerEntry(): URL {
  if (import.meta.url.endsWith('.ts')) return new URL('../worker/main.ts', import.meta.url)
  // Built code may sit in the output folder or in its folder of shared chunks.
  const candidates = [new URL('./worker.js', import.meta.url), new URL('../worker.js', import.meta.url)]
  return candidates.find((candidate) => existsSync(candidate)) ?? candidates[0]
}
