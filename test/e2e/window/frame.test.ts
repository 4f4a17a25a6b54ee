import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { launchBrowser, newContext, openPage } from '#test/support/browser.ts'
import { startFixtureServer } from '#test/support/fixture-server.ts'
import { useWindow } from '#test/support/window.ts'

/** What is typed before the focus has arrived goes elsewhere. */
async function typeIntoPalette(page: Page, key: string, text: string): Promise<void> {
  await page.keyboard.press(key)
  await page.getByTestId('palette').locator('input:focus').waitFor()
  await page.keyboard.type(text)
}

describe('the frame', () => {
  const { open } = useWindow('full')

  it('says on Start what this machine can do and which studies there are', async () => {
    const page = await open('/')
    await page.getByText('2 cores, 2 workers').waitFor()
    await page.getByText('8,192 MiB').waitFor()
    await expect.poll(() => page.getByTestId('engine-chip').textContent()).toContain('wasm')
    await expect.poll(() => page.locator('.studies li').count()).toBe(6)
    await page.getByRole('link', { name: /Shirts over five seeds/ }).click()
    await page.getByTestId('verdict-sentence').waitFor()
    expect(page.url()).toContain('#/studies/st-shirts-over-five-seeds/result')
    await expect
      .poll(() => page.title())
      .toBe('Shirts over five seeds \u2013 Result \u2013 Studies \u2013 TMU Workbench')
  })

  it('goes everywhere by keys: screens, filter, palette, panes', async () => {
    const page = await open('/')
    await page.keyboard.press('Control+3')
    await page.getByRole('heading', { name: 'Studies', exact: true }).waitFor()
    await page.getByText('6 of 6').waitFor()
    await page.keyboard.press('/')
    await page.locator('main input:focus').waitFor()
    await page.keyboard.type('five')
    await page.getByText('1 of 6').waitFor()
    await expect.poll(() => page.url()).toContain('filter=five')
    // A bare key in a text field is a letter, not a command.
    await page.keyboard.type('?')
    expect(await page.getByRole('dialog').count()).toBe(0)
    await page.getByText('Nothing matches the filter.').waitFor()
    await page.getByRole('button', { name: 'Clear' }).click()
    await page.getByText('6 of 6').waitFor()

    const label = (): Promise<unknown> => page.evaluate('document.activeElement.getAttribute("aria-label")')
    const seen: unknown[] = []
    for (let i = 0; i < 4; i++) {
      await page.keyboard.press('F6')
      await expect.poll(label).not.toBe(seen.at(-1) ?? null)
      seen.push(await label())
    }
    expect(new Set(seen)).toEqual(new Set(['Top bar', 'Screens', 'Content', 'Status']))
  })

  it('finds commands and studies in the palette', async () => {
    const page = await open('/')
    await typeIntoPalette(page, 'Control+k', 'broken')
    await page.getByRole('option', { name: /Broken on purpose Study/ }).waitFor()
    await page.keyboard.press('Enter')
    await page.getByText('One stage failed').waitFor()

    await typeIntoPalette(page, 'Control+k', 'theme dark')
    await page.getByRole('option', { name: 'Theme: dark' }).waitFor()
    await page.keyboard.press('Enter')
    await page.locator('html[data-theme="dark"]').waitFor()
  })

  it('goes to a run by Ctrl+P, which opens in the inspector', async () => {
    const page = await open('/')
    await typeIntoPalette(page, 'Control+p', 'demo rewind seed')
    await page.getByRole('option', { name: /demo: Rewind, seed 1 Run/ }).click()
    await page.getByRole('complementary', { name: 'Inspector' }).getByText('Not available, and why').waitFor()
    // Escape goes one level back: first the inspector, then the study.
    await page.keyboard.press('Escape')
    await page.getByRole('complementary', { name: 'Inspector' }).waitFor({ state: 'hidden' })
    await expect.poll(() => page.url()).not.toContain('pick')
    await page.keyboard.press('Escape')
    await page.getByRole('heading', { name: 'Studies', exact: true }).waitFor()
  })

  it('lists its keys on ?', async () => {
    const page = await open('/')
    await page.keyboard.press('?')
    const sheet = page.getByRole('dialog', { name: 'Keys' })
    await sheet.getByText('Alt+Shift+N').waitFor()
    await page.keyboard.press('Escape')
    await sheet.waitFor({ state: 'detached' })
    await page.keyboard.press('Alt+Shift+N')
    await page.getByRole('heading', { name: 'New study' }).waitFor()
  })

  it('remembers theme, language and the folded rail', async () => {
    const page = await open('/settings', { colorScheme: 'light' })
    await page.locator('html[data-theme="light"]').waitFor()
    await page.getByText('Dark', { exact: true }).click()
    await page.getByText('\u4e2d\u6587').click()
    await page.getByRole('heading', { name: '\u8bbe\u7f6e' }).waitFor()
    await page.getByRole('button', { name: '\u6298\u53e0\u6216\u5c55\u5f00\u5bfc\u822a\u680f' }).click()
    await page.reload()
    await page.getByRole('heading', { name: '\u8bbe\u7f6e' }).waitFor()
    expect(await page.locator('html').getAttribute('data-theme')).toBe('dark')
    expect(await page.locator('html').getAttribute('lang')).toBe('zh')
    await expect.poll(() => page.locator('nav a span').first().boundingBox()).toMatchObject({ width: 1 })
  })

  it('examines engines and checks the workspace', async () => {
    const page = await open('/settings')
    await page.getByText('No CUDA library was found.', { exact: false }).waitFor()
    await page.getByRole('button', { name: 'Examine the engines' }).click()
    await page.getByText('self-test in 0.4 s').waitFor()
    await page.getByRole('button', { name: 'Check the workspace' }).click()
    await page.getByText('1,284 stored objects were read and verified.').waitFor()
  })

  it('answers an address that does not exist', async () => {
    const page = await open('/')
    await page.goto(`${page.url().split('#')[0]}#/nowhere/at/all`)
    await page.getByText('There is nothing at this address').waitFor()
    await page.getByRole('link', { name: 'Go to Start' }).click()
    await page.getByText('Recent studies').waitFor()
  })

  it('shows a banner while the connection is lost, and goes on by itself', async () => {
    const page = await open('/')
    let cut = (): void => {}
    let let_through = true
    await page.routeWebSocket('**/rpc', (socket) => {
      if (!let_through) return void socket.close()
      const server = socket.connectToServer()
      cut = () => {
        void server.close()
        void socket.close()
      }
    })
    await page.reload()
    await page.getByText('2 cores, 2 workers').waitFor()
    let_through = false
    cut()
    await page.getByTestId('connection-banner').waitFor()
    let_through = true
    await page.getByTestId('connection-banner').waitFor({ state: 'detached' })
    await page.keyboard.press('Control+2')
    await page.getByRole('link', { name: 'animals' }).waitFor()
  })
})

describe('an empty workspace', () => {
  const { open, server } = useWindow('empty')

  it('says of each place what it is and what to do', async () => {
    const page = await open('/')
    await page.getByText('No studies yet').waitFor()
    await page.keyboard.press('Control+2')
    await page.getByText('No data sets yet').waitFor()
    await page.getByLabel('Folder').waitFor()
    await page.keyboard.press('Control+3')
    await page.getByText('Make a study from a data set and a forget set').waitFor()
    await page.getByRole('link', { name: 'New study' }).first().click()
    await page.getByText('There is no data set yet: import one first.').waitFor()
  })

  it('runs the example in one click', async () => {
    // It takes minutes: it is there to be cancelled.
    server().workbench.secondsPerTick = 0.1
    const page = await open('/')
    await page.getByRole('button', { name: /Short form/ }).click()
    await page.getByTestId('job-percent').waitFor()
    await expect.poll(() => page.url()).toContain('#/studies/st-demo-fast/progress')
    await page.getByText('EXAMPLE').waitFor()
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('button', { name: 'Resume' }).waitFor()
  })
})

describe('a workspace that cannot be read', () => {
  const { open } = useWindow('failing')

  it('tells what happened and what to do, and lets one try again', async () => {
    const page = await open('/data')
    await page.getByText('The database of the workspace is damaged.').first().waitFor()
    await page.getByText('Restore the last backup').first().waitFor()
    await page.getByRole('button', { name: 'Try again' }).first().waitFor()
    expect(await page.locator('main').textContent()).not.toMatch(/\bat \w+ \(|\.ts:\d+/)
  })
})

describe('a read-only workspace', () => {
  const { open } = useWindow('read-only')

  it('shows results and offers nothing that writes', async () => {
    const page = await open('/studies/st-not-run-yet/plan')
    await page.getByText('open for reading only').first().waitFor()
    await expect.poll(() => page.getByRole('button', { name: 'Run study' }).isDisabled()).toBe(true)
    await typeIntoPalette(page, 'Control+k', 'new study')
    await page.getByText('Nothing matches').waitFor()
  })
})

describe('a workbench that was started anew', () => {
  it('sends its old tabs to the new address instead of trying for ever', async () => {
    const browser = await launchBrowser()
    try {
      const first = await startFixtureServer('full')
      // No check of complaints: the browser itself reports each refused connection.
      const { page } = await openPage(await newContext(browser), first.address)
      await page.getByText('2 cores, 2 workers').waitFor()
      await first.close()
      const second = await startFixtureServer('full', { port: first.port })
      try {
        await page.getByText('Open the address that it printed when it started.').first().waitFor()
      } finally {
        await second.close()
      }
    } finally {
      await browser.close()
    }
  })
})
