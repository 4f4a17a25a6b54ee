import AxeBuilder from '@axe-core/playwright'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { launchBrowser, newContext, openPage } from './browser.ts'
import type { Scenario } from './fixture/workbench.ts'
import { type FixtureServer, startFixtureServer } from './fixture-server.ts'

export interface WindowHarness {
  /** A fresh tab at an address of the window (`/studies`). What goes wrong in it fails the test. */
  open(path?: string, options?: BrowserContextOptions): Promise<Page>
  server(): FixtureServer
  /** Until every question of the page is answered, what came of it is drawn and nothing moves any more. */
  atRest(page: Page): Promise<void>
}

/** One server and one browser for the tests of a file; each test gets tabs of its own. */
export function useWindow(scenario: Scenario): WindowHarness {
  let server: FixtureServer
  let browser: Browser
  let session: Awaited<ReturnType<BrowserContext['cookies']>> = []
  let opened: { readonly context: BrowserContext; readonly complaints: readonly string[] }[] = []

  beforeAll(async () => {
    ;[server, browser] = await Promise.all([startFixtureServer(scenario), launchBrowser()])
    // The printed address lets one browser in, once; the tabs of the tests share its session.
    const context = await newContext(browser)
    await openPage(context, server.address)
    session = await context.cookies()
    await context.close()
  })
  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })
  afterEach(async () => {
    const all = opened
    opened = []
    for (const { context } of all) await context.close()
    for (const { complaints } of all) expect(complaints).toEqual([])
  })

  return {
    server: () => server,
    async atRest(page) {
      let before = ''
      // An answer may lead to the next question: it has to be the same twice in a row.
      const rests = async (): Promise<boolean> => {
        const known = before
        before = String(await page.evaluate('document.body.innerHTML'))
        return server.unanswered() === 0 && before === known
      }
      await expect.poll(rests, { interval: 250 }).toBe(true)
      await untilStill(page)
    },
    async open(path = '/', options = {}) {
      const context = await newContext(browser, options)
      await context.addCookies(session)
      const { page, complaints } = await openPage(context, `http://127.0.0.1:${server.port}/#${path}`)
      opened.push({ context, complaints })
      await page.locator('main h1, main [role="alert"]').first().waitFor()
      return page
    },
  }
}

/** Until no transition is under way; what turns for ever goes on. */
async function untilStill(page: Page): Promise<void> {
  const moving = `document.getAnimations().filter(
    ({ effect, playState }) => playState === 'running' && effect?.getComputedTiming().endTime !== Infinity,
  ).length`
  await expect.poll(() => page.evaluate(moving)).toBe(0)
}

/** Rules that axe finds broken, all but minor ones, with where. */
export async function axeFindings(page: Page): Promise<readonly string[]> {
  await untilStill(page)
  // Without frames of other origins nothing has to be put together in a tab of its own.
  const builder = new AxeBuilder({ page }).setLegacyMode(true).options({ resultTypes: ['violations'] })
  const { violations } = await builder.analyze()
  return (
    violations
      .filter(({ impact }) => impact !== 'minor')
      .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')}`))
      // An open menu lies above all landmarks, in none of them.
      .filter((finding) => !finding.startsWith('region: div[data-reka-popper-content-wrapper'))
  )
}
