/** Builds what the shells need from source, and only when something changed. Development and `npm start`; an installed program is built already. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { AppError } from '#shared/errors.ts'

const root = join(import.meta.dirname, '..', '..')
const pages = join(root, 'out', 'renderer')
const workerPage = join(root, 'out', 'worker-page')

/** The folder of the built pages; builds them first when the sources are newer than the last build. */
export async function ensurePages(note: (line: string) => void): Promise<string> {
  return await ensureBuilt(
    {
      folder: pages,
      main: 'index.html',
      sources: ['src-renderer', 'src-shared'],
      config: 'vite.renderer.config.ts',
      what: 'the pages',
    },
    note,
  )
}

/** The folder of the scripts for workers in a browser; builds them first when the sources are newer than the last build. */
export async function ensureWorkerPage(note: (line: string) => void): Promise<string> {
  return await ensureBuilt(
    {
      folder: workerPage,
      main: 'worker.js',
      sources: ['src-main/compute', 'src-main/formats', 'src-main/metrics', 'src-shared'],
      config: 'vite.worker-page.config.ts',
      what: 'the worker for a browser',
    },
    note,
  )
}

interface Built {
  readonly folder: string
  /** The file without which it isn't there. */
  readonly main: string
  readonly sources: readonly [string, ...string[]]
  readonly config: string
  readonly what: string
}

async function ensureBuilt(
  { folder, main, sources, config, what }: Built,
  note: (line: string) => void,
): Promise<string> {
  const stamp = join(folder, '.build-stamp')
  const folders = sources.map((source) => join(root, source))
  if (!existsSync(folders[0])) {
    if (existsSync(join(folder, main))) return folder
    throw new AppError('internal', `Of this program, ${what} is missing.`, { hint: 'Install TMU Workbench again.' })
  }
  const wanted = await fingerprint(folders, [config, 'package-lock.json'])
  const built = await readFile(stamp, 'utf8').catch(() => '')
  if (built === wanted && existsSync(join(folder, main))) return folder
  note(`Building ${what}; this happens after each change only.`)
  const { build } = await import('vite')
  // Built aside and renamed, so that two processes at once, or a killed one, never leave half of it.
  const fresh = `${folder}.${process.pid}`
  await build({ configFile: join(root, config), logLevel: 'error', build: { outDir: fresh } })
  await writeFile(join(fresh, '.build-stamp'), wanted)
  await rm(folder, { recursive: true, force: true })
  await rename(fresh, folder).catch(() => rm(fresh, { recursive: true, force: true }))
  return folder
}

/** Main, preload, workers and pages as the desktop window needs them, in `out/`. */
export async function buildDesktop(): Promise<void> {
  const { build } = await import('electron-vite')
  await build({ root, configFile: join(root, 'electron.vite.config.ts'), logLevel: 'warn' })
  await ensureWorkerPage(() => {})
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
