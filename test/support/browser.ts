import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

const require = createRequire(import.meta.url)

/** Programs that are a Chromium, in the order of preference. */
const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome', 'msedge']
const macPlaces = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

function installed(): string | null {
  const named = process.env['TMU_TEST_BROWSER']
  if (named !== undefined) return named
  const suffix = process.platform === 'win32' ? '.exe' : ''
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  for (const name of names) {
    for (const folder of folders) {
      const path = join(folder, name + suffix)
      if (existsSync(path)) return path
    }
  }
  return macPlaces.find((path) => existsSync(path)) ?? null
}

/**
 * The Chromium inside the npm package, unpacked once a version. The package unpacks into the system's
 * temporary folder and takes whatever is there for complete, so it is given a fresh one that is renamed when done.
 */
async function unpacked(): Promise<string> {
  const manifest = join(dirname(require.resolve('@sparticuz/chromium')), '..', 'package.json')
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string }
  const home = join(tmpdir(), `tmu-chromium-${version}-${process.getuid?.() ?? 0}`)
  const binary = join(home, 'chromium')
  if (existsSync(binary)) return binary
  const fresh = await mkdtemp(join(tmpdir(), 'tmu-chromium-'))
  const before = process.env['TMPDIR']
  process.env['TMPDIR'] = fresh
  try {
    const { default: packed } = await import('@sparticuz/chromium')
    await packed.executablePath()
  } finally {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
  }
  await chmod(join(fresh, 'chromium'), 0o700)
  // Another process may have been first; its copy is as good.
  await rename(fresh, home).catch(() => rm(fresh, { recursive: true, force: true }))
  return binary
}

/** A real Chromium: an installed one where there is one, else the npm package's. */
export async function chromiumPath(): Promise<string> {
  return installed() ?? (await unpacked())
}

export async function launchBrowser(): Promise<Browser> {
  const executablePath = await chromiumPath()
  const fonts = join(executablePath, '..', 'fonts')
  return await chromium.launch({
    executablePath,
    headless: true,
    // Root has no user namespace to sandbox in; the pages are our own.
    args: ['--no-sandbox', '--no-zygote', '--disable-gpu', '--force-color-profile=srgb', '--font-render-hinting=none'],
    env: {
      ...(process.env as Record<string, string>),
      ...(existsSync(fonts) && !existsSync('/etc/fonts') ? { FONTCONFIG_PATH: fonts } : {}),
    },
  })
}

export interface OpenedPage {
  readonly page: Page
  /** Everything that should never be: script errors, refused styles or scripts, requests to elsewhere. */
  readonly complaints: readonly string[]
}

/** A tab that notes what goes wrong in it. */
export async function openPage(context: BrowserContext, address: string): Promise<OpenedPage> {
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning')
      complaints.push(`${message.type()}: ${message.text()}`)
  })
  page.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url())
    if (!['blob:', 'data:'].includes(protocol) && hostname !== '127.0.0.1') complaints.push(`request: ${request.url()}`)
  })
  await page.goto(address)
  return { page, complaints }
}

/** Cookies and storage of its own; a laptop's screen unless told otherwise. */
export async function newContext(browser: Browser, options: BrowserContextOptions = {}): Promise<BrowserContext> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB', ...options })
  // For what never comes; what is late on a busy machine comes.
  context.setDefaultTimeout(120_000)
  return context
}
