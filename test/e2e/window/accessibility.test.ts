import { describe, expect, it } from 'vitest'
import { axeFindings, useWindow } from '#test/support/window.ts'

const screens: readonly (readonly [name: string, path: string, ready: string])[] = [
  ['Start', '/', 'text=Recent studies'],
  ['Data', '/data', 'text=animals'],
  ['a data set', '/data/ds-animals', 'text=Twin pool H'],
  ['the explorer', '/data/ds-fashion/images?view=both&pick=7', 'text=Most alike'],
  ['the explorer with nothing in the filter', '/data/ds-fashion/images?q=nothing', 'text=No image matches'],
  ['the builder of forget sets', '/data/ds-fashion/forget', '[data-testid="forget-count"]'],
  ['Studies', '/studies', 'text=Broken on purpose'],
  ['new study', '/studies/new', 'text=Twin Machine Unlearning'],
  ['a plan', '/studies/st-not-run-yet/plan', '[data-testid="plan-sentence"]'],
  ['a failed study', '/studies/st-broken-on-purpose/progress', 'text=One stage failed'],
  ['alignment', '/studies/st-demo/result', '[data-testid="verdict-sentence"]'],
  ['methods and runs', '/studies/st-demo/result/runs?pick=run:st-demo-tmu-1', 'text=Not available, and why'],
  ['the twin problem', '/studies/st-demo/result/twin?pick=image:6003', 'text=Predicted label'],
  ['images', '/studies/st-demo/result/images', '[role="gridcell"] canvas'],
  ['statistics', '/studies/st-shirts-over-five-seeds/result/statistics', 'text=p (Holm)'],
  ['attacks', '/studies/st-shirts-over-five-seeds/result/attacks', '[data-testid="attack-table"]'],
  ['cost', '/studies/st-demo/result/cost', '[data-testid="break-even"]'],
  ['Settings', '/settings', 'text=WebGPU'],
]

describe('accessibility', () => {
  const { open, atRest } = useWindow('full')

  it.each([
    ['light and wide', 'light', { width: 1600, height: 900 }],
    ['dark and narrow', 'dark', { width: 1024, height: 900 }],
  ] as const)('has nothing that axe finds worse than minor on any screen, %s', async (_name, colorScheme, viewport) => {
    const page = await open('/', { colorScheme, viewport })
    const found: Record<string, readonly string[]> = {}
    for (const [name, path, ready] of screens) {
      // One tab goes through all of them, as a person does: a program that starts anew is tested elsewhere.
      await page.goto(`${page.url().split('#')[0]}#${path}`)
      await page.locator(ready).first().waitFor()
      await atRest(page)
      found[name] = await axeFindings(page)
    }
    expect(found).toEqual(Object.fromEntries(screens.map(([name]) => [name, []])))
  })

  it('holds for the palette, the key sheet and the menu', async () => {
    const page = await open('/')
    await page.keyboard.press('Control+k')
    await page.getByTestId('palette').waitFor()
    expect(await axeFindings(page)).toEqual([])
    await page.keyboard.press('Escape')
    await page.getByTestId('palette').waitFor({ state: 'detached' })
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keys' }).waitFor()
    expect(await axeFindings(page)).toEqual([])
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Menu' }).click()
    await page.getByRole('menu').waitFor()
    expect(await axeFindings(page)).toEqual([])
  })

  it('lets no screen scroll sideways as a whole, nor the page below it, however narrow', async () => {
    const page = await open('/')
    const beyond = (element: string): string => `${element}.scrollWidth - ${element}.clientWidth`
    for (const [name, path, ready] of screens) {
      await page.goto(`${page.url().split('#')[0]}#${path}`)
      await page.locator(ready).first().waitFor({ state: 'attached' })
      for (const width of [1024, 600]) {
        await page.setViewportSize({ width, height: 768 })
        // Charts follow a moment later.
        const both = `Math.max(${beyond("document.querySelector('main')")}, ${beyond('document.documentElement')})`
        await expect.poll(() => page.evaluate(both), { message: `${name}, ${width}` }).toBeLessThanOrEqual(0)
      }
    }
  })
})
