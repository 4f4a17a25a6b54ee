/** A Chromium of this machine, without a window, for workers that need a browser's GPU. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { AppError } from '#shared/errors.ts'
import type { OpenedPage } from './page-launcher.ts'

const logBytes = 8 * 1024

const names = ['google-chrome', 'google-chrome-stable', 'chrome', 'chromium', 'chromium-browser', 'msedge']
const places = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
]

type Environment = Readonly<Record<string, string | undefined>>

/** The program that TMU_BROWSER names, else an installed one; null where there is none. */
export function findBrowser(env: Environment = process.env): string | null {
  const named = env['TMU_BROWSER']
  if (named) return named
  const suffix = process.platform === 'win32' ? '.exe' : ''
  const folders = (env['PATH'] ?? '').split(delimiter)
  const onPath = names.flatMap((name) => folders.map((folder) => join(folder, name + suffix)))
  return [...onPath, ...places].find((path) => existsSync(path)) ?? null
}

/** `TMU_WEBGPU_ADAPTER=swiftshader` computes on the processor: slow, but without a GPU. */
function flags(env: Environment): readonly string[] {
  const adapter = env['TMU_WEBGPU_ADAPTER']
  return [
    '--headless=new',
    // Its messages go through this pipe, which closes when this process ends: the browser then ends too.
    '--remote-debugging-pipe',
    '--no-first-run',
    '--no-default-browser-check',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--disable-background-timer-throttling',
    '--disable-renderer-backgrounding',
    '--disable-extensions',
    '--enable-logging=stderr',
    '--enable-unsafe-webgpu',
    '--enable-features=Vulkan',
    '--ignore-gpu-blocklist',
    ...(adapter === undefined ? [] : [`--use-webgpu-adapter=${adapter}`]),
    // Root has no user namespace to sandbox in; the one page is our own.
    ...(process.getuid?.() === 0 ? ['--no-sandbox', '--no-zygote'] : []),
  ]
}

/** @throws AppError `engine-unavailable` when there is no browser. */
export function requireBrowser(env: Environment = process.env): string {
  const browser = findBrowser(env)
  if (browser !== null && existsSync(browser)) return browser
  const what = browser === null ? 'No Chrome or Chromium was found' : `There is no browser at "${browser}"`
  throw new AppError('engine-unavailable', `${what}, which the webgpu engine runs in.`, {
    hint: 'Install Chrome or Chromium, or name one with the variable TMU_BROWSER.',
  })
}

/** Opens a page in a browser of its own. @throws AppError `engine-unavailable` when there is no browser. */
export async function openInChromium(address: string, env: Environment = process.env): Promise<OpenedPage> {
  const browser = requireBrowser(env)
  const profile = await mkdtemp(join(tmpdir(), 'tmu-browser-'))
  const child = spawn(browser, [...flags(env), `--user-data-dir=${profile}`, address], {
    // A group of its own, so that its processes can be ended together.
    detached: process.platform !== 'win32',
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
  })
  let log = ''
  child.stderr?.setEncoding('utf8')
  child.stderr?.on('data', (text: string) => {
    log = (log + text).slice(-logBytes)
  })
  for (const stream of child.stdio) stream?.on('error', () => {})
  const exited = new Promise<{ readonly code: number | null; readonly signal: string | null }>((resolve) => {
    child.on('error', (error) => {
      log += error.message
      resolve({ code: null, signal: null })
    })
    child.on('exit', (code, signal) => resolve({ code, signal }))
  })
  void exited.then(() => rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })).catch(() => {})
  return {
    pid: child.pid,
    onExit: (listener) => void exited.then(({ code, signal }) => listener({ code, signal, log })),
    kill() {
      if (child.pid === undefined) return
      try {
        process.kill(process.platform === 'win32' ? child.pid : -child.pid, 'SIGKILL')
      } catch {
        child.kill('SIGKILL')
      }
    },
  }
}
