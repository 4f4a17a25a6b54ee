import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const fetchTimeout = 60_000
const retryAfter = 24 * 60 * 60 * 1000

/**
 * The path of Electron's executable, or null where there is none to be had. Its npm package carries no
 * binary; it is fetched once, for at most 60 s, and a failure isn't repeated within a day.
 */
export async function findElectron(note: (line: string) => void): Promise<string | null> {
  if (process.platform === 'linux' && !process.env['DISPLAY'] && !process.env['WAYLAND_DISPLAY']) return null
  const folder = locate()
  if (folder === null) return null
  const present = await executable(folder)
  if (present !== null) return present

  const memory = join(folder, '..', '.cache', 'electron-unavailable')
  const failedAt = Number(await readFile(memory, 'utf8').catch(() => '0'))
  if (Date.now() - failedAt < retryAfter) return null
  note('Fetching Electron’s binary for the desktop window (up to 60 s; --browser skips this).')
  const fetched = await fetchBinary(folder, note)
  if (fetched) return executable(folder)
  note('Electron’s binary could not be fetched; opening the workbench in the browser instead.')
  await mkdir(dirname(memory), { recursive: true })
  await writeFile(memory, String(Date.now()))
  return null
}

function locate(): string | null {
  try {
    return dirname(createRequire(import.meta.url).resolve('electron/package.json'))
  } catch {
    return null
  }
}

async function executable(folder: string): Promise<string | null> {
  const name = await readFile(join(folder, 'path.txt'), 'utf8').catch(() => '')
  const path = join(folder, 'dist', name)
  return name !== '' && existsSync(path) ? path : null
}

function fetchBinary(folder: string, note: (line: string) => void): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(folder, 'install.js')], { stdio: ['ignore', 'ignore', 'ignore'] })
    const started = Date.now()
    const ticker = setInterval(
      () => note(`still fetching, ${Math.round((Date.now() - started) / 1000)} s of 60 s`),
      10_000,
    )
    const timer = setTimeout(() => child.kill('SIGKILL'), fetchTimeout)
    const end = (ok: boolean): void => {
      clearInterval(ticker)
      clearTimeout(timer)
      resolve(ok)
    }
    child.once('error', () => end(false))
    child.once('exit', (code) => end(code === 0))
  })
}
