import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..', '..')

/**
 * The window's pages, built once for what the sources are now. They stand outside the tree and appear in one rename, so
 * that test files, and programs under test that build pages of their own, can run side by side.
 */
export async function builtPages(): Promise<string> {
  const hash = createHash('sha256')
  for (const folder of ['src-renderer', 'src-shared']) {
    const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true })
    const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
    for (const path of paths.sort()) hash.update(path).update(await readFile(path))
  }
  for (const file of ['vite.renderer.config.ts', 'package-lock.json']) hash.update(await readFile(join(root, file)))
  const pages = join(tmpdir(), `tmu-pages-${process.getuid?.() ?? 0}-${hash.digest('hex').slice(0, 24)}`)
  if (existsSync(join(pages, 'index.html'))) return pages

  const fresh = await mkdtemp(join(tmpdir(), 'tmu-pages-'))
  const environment = process.env['NODE_ENV']
  try {
    const { build } = await import('vite')
    await build({
      configFile: join(root, 'vite.renderer.config.ts'),
      logLevel: 'error',
      build: { outDir: fresh, emptyOutDir: true },
    })
  } finally {
    if (environment === undefined) delete process.env['NODE_ENV']
    else process.env['NODE_ENV'] = environment
  }
  // Another test file may have been first; its pages are as good.
  await rename(fresh, pages).catch(() => rm(fresh, { recursive: true, force: true }))
  return pages
}
