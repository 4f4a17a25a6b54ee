import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { useWindow } from '#test/support/window.ts'

/** Whatever a pointer could use is numbered; answers how many there are. A group of radio buttons is one stop. */
const number = `(() => {
  let count = 0
  for (const element of document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')) {
    if (element.tabIndex < 0 || element.disabled || element.closest('[inert], [aria-hidden=true]')) continue
    if (!element.checkVisibility({ visibilityProperty: true })) continue
    if (element.type === 'radio' && !element.checked) continue
    element.dataset.stop = String(count++)
  }
  return count
})()`

/** Where the focus is: its number, whether a ring shows it, and its name. */
const here = `(() => {
  const element = document.activeElement
  if (element === null || element === document.body) return null
  const rings = [element, ...(element.labels ?? [])].map((part) => getComputedStyle(part))
  const name = element.getAttribute('aria-label') ?? element.labels?.[0]?.textContent ?? element.textContent ?? ''
  return {
    stop: element.dataset.stop ?? '',
    ring: rings.some((style) => style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) > 0),
    name: (name.trim() || element.title || element.placeholder || '').trim(),
    what: element.outerHTML.slice(0, 120),
  }
})()`

interface Stop {
  readonly stop: string
  readonly ring: boolean
  readonly name: string
  readonly what: string
}

/** Tab from the top to the end and round again. */
async function walk(page: Page): Promise<{ readonly count: number; readonly stops: readonly Stop[] }> {
  const count = Number(await page.evaluate(number))
  await page.evaluate('document.activeElement?.blur()')
  const stops: Stop[] = []
  for (let i = 0; i < count + 4; i++) {
    await page.keyboard.press('Tab')
    const stop = (await page.evaluate(here)) as Stop | null
    if (stop !== null) stops.push(stop)
  }
  return { count, stops }
}

const screens: readonly (readonly [name: string, path: string, ready: string])[] = [
  ['Start', '/', 'text=Recent studies'],
  ['the explorer with its inspector', '/data/ds-fashion/images?view=both&pick=7', 'text=Most alike'],
  ['new study', '/studies/new', 'text=Twin Machine Unlearning'],
  ['a run in the inspector', '/studies/st-demo/result/runs?pick=run:st-demo-tmu-1', 'text=Not available, and why'],
  ['the twin problem', '/studies/st-demo/result/twin', 'text=How good is the predictor?'],
]

describe('by keyboard alone', () => {
  const { open, atRest } = useWindow('full')

  it.each(screens)(
    'Tab comes to all of %s, visibly and with a name, and is held by nothing',
    async (_n, path, ready) => {
      const page = await open(path)
      await page.locator(ready).first().waitFor()
      // What comes later would have no number.
      await atRest(page)
      const { count, stops } = await walk(page)
      expect(count).toBeGreaterThan(15)
      const reached = new Set(stops.map(({ stop }) => stop))
      const missed = Array.from({ length: count }, (_, i) => String(i)).filter((stop) => !reached.has(stop))
      expect(missed.length === 0 ? [] : [`${missed.join(', ')} of ${count}`]).toEqual([])
      expect(stops.filter(({ ring }) => !ring).map(({ what }) => what)).toEqual([])
      expect(stops.filter(({ name }) => name === '').map(({ what }) => what)).toEqual([])
    },
  )

  it('Escape closes what lies above, and the focus goes back to where it was', async () => {
    const page = await open('/studies/st-demo/result')
    const menu = page.getByRole('button', { name: 'Copy or save' }).first()
    await menu.focus()
    await page.keyboard.press('Enter')
    await page.getByRole('menuitem', { name: 'Copy picture' }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('menu').waitFor({ state: 'detached' })
    // The menu is gone a moment before the focus is back.
    const focused = (): Promise<unknown> => page.evaluate('document.activeElement?.getAttribute("aria-label")')
    await expect.poll(focused).toBe('Copy or save')
    expect(page.url()).toContain('#/studies/st-demo/result')
  })
})
