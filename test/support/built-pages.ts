import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..', '..')

/**
 * The window's pages, built once for what the sources are now. They stand outside the tree and appear in one rename, so
 * that test files, and programs under test that build pages of their own, can run side by side.
 */
export function builtPages(): Promise<string> {
  return builtOnce('vite.renderer.config.ts', ['src-renderer', 'src-shared'], 'index.html')
}

/** The scripts of the worker that runs in a browser, likewise. */
export function builtWorkerPage(): Promise<string> {
  const sources = ['src-main/compute', 'src-main/formats', 'src-main/metrics', 'src-shared']
  return builtOnce('vite.worker-page.config.ts', sources, 'worker.js')
}

async function builtOnce(config: string, sources: readonly string[], main: string): Promise<string> {
  const hash = createHash('sha256').update(config)
  for (const folder of sources) {
    const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true })
    const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
    for (const path of paths.sort()) hash.update(path).update(await readFile(path))
  }
  for (const file of [config, 'package-lock.json']) hash.update(await readFile(join(root, file)))
  const pages = join(tmpdir(), `tmu-pages-${process.getuid?.() ?? 0}-${hash.digest('hex').slice(0, 24)}`)
  if (existsSync(join(pages, main))) return pages

  const fresh = await mkdtemp(join(tmpdir(), 'tmu-pages-'))
  const environment = process.env['NODE_ENV']
  try {
    const { build } = await import('vite')
    await build({ configFile: join(root, config), logLevel: 'error', build: { outDir: fresh, emptyOutDir: true } })
  } finally {
    if (environment === undefined) delete process.env['NODE_ENV']
    else process.env['NODE_ENV'] = environment
  }
  // Another test file may have been first; its pages are as good.
  await rename(fresh, pages).catch(() => rm(fresh, { recursive: true, force: true }))
  await removeOld()
  return pages
}

/** Pages of sources as they were days ago; those of today may be in use. */
async function removeOld(): Promise<void> {
  const prefix = `tmu-pages-${process.getuid?.() ?? 0}-`
  for (const name of (await readdir(tmpdir())).filter((entry) => entry.startsWith(prefix))) {
    const path = join(tmpdir(), name)
    const age = Date.now() - (await stat(path).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs
    if (age > 86_400_000) await rm(path, { recursive: true, force: true })
  }
}
