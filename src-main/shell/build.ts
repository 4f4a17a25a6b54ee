/** Builds what the shells need from source, and only when something changed. Development and `npm start`; an installed program is built already. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { AppError } from '#shared/errors.ts'

const root = join(import.meta.dirname, '..', '..')
const pages = join(root, 'out', 'renderer')

/** The folder of the built pages; builds them first when the sources are newer than the last build. */
export async function ensurePages(note: (line: string) => void): Promise<string> {
  const sources = join(root, 'src-renderer')
  const stamp = join(pages, '.build-stamp')
  if (!existsSync(sources)) {
    if (existsSync(join(pages, 'index.html'))) return pages
    throw new AppError('internal', 'The pages of the workbench are missing.', { hint: 'Install TMU Workbench again.' })
  }
  const wanted = await fingerprint(
    [sources, join(root, 'src-shared')],
    ['vite.renderer.config.ts', 'package-lock.json'],
  )
  const built = await readFile(stamp, 'utf8').catch(() => '')
  if (built === wanted && existsSync(join(pages, 'index.html'))) return pages
  note('Building the pages; this happens after each change only.')
  const { build } = await import('vite')
  // Built aside and renamed, so that two processes at once, or a killed one, never leave half of the pages.
  const fresh = `${pages}.${process.pid}`
  await build({ configFile: join(root, 'vite.renderer.config.ts'), logLevel: 'error', build: { outDir: fresh } })
  await writeFile(join(fresh, '.build-stamp'), wanted)
  await rm(pages, { recursive: true, force: true })
  await rename(fresh, pages).catch(() => rm(fresh, { recursive: true, force: true }))
  return pages
}

/** Main, preload, workers and pages as the desktop window needs them, in `out/`. */
export async function buildDesktop(): Promise<void> {
  const { build } = await import('electron-vite')
  await build({ root, configFile: join(root, 'electron.vite.config.ts'), logLevel: 'warn' })
}

async function fingerprint(folders: readonly string[], files: readonly string[]): Promise<string> {
  const hash = createHash('sha256')
  for (const folder of folders) {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    for (const path of entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()) {
      const { size, mtimeMs } = await stat(path)
      hash.update(`${path.slice(root.length)} ${size} ${mtimeMs}\n`)
    }
  }
  for (const file of files) hash.update(await readFile(join(root, file)).catch(() => ''))
  return hash.digest('hex')
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await buildDesktop()
}
