import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { useWindow } from '#test/support/window.ts'

const images = '/data/ds-fashion/images'
const countOf = async (page: Page): Promise<string> => (await page.getByTestId('selection-count').textContent()) ?? ''

async function ready(page: Page): Promise<void> {
  // Asked from outside: the page's policy lets nobody evaluate text in it again and again.
  const waiting = page.getByTestId('sample-grid').locator('canvas')
  await expect.poll(() => waiting.getAttribute('data-missing')).toBe('0')
}

describe('explorer', () => {
  const { open } = useWindow('full')

  it('selects as file managers do, by pointer', async () => {
    const page = await open(images)
    await ready(page)
    const grid = page.getByTestId('sample-grid')
    const at = (column: number, row: number) => ({ x: 8 + 68 * column + 20, y: 8 + 68 * row + 20 })
    await grid.click({ position: at(2, 0) })
    await expect.poll(() => countOf(page)).toContain('1 selected')
    await grid.click({ position: at(5, 0), modifiers: ['Shift'] })
    await expect.poll(() => countOf(page)).toContain('4 selected')
    await grid.click({ position: at(3, 0), modifiers: ['Control'] })
    await expect.poll(() => countOf(page)).toContain('3 selected')
    await page.keyboard.press('Control+z')
    await expect.poll(() => countOf(page)).toContain('4 selected')
    await page.keyboard.press('Control+Shift+z')
    await expect.poll(() => countOf(page)).toContain('3 selected')
    await grid.dblclick({ position: at(2, 0) })
    await page.getByRole('heading', { name: 'T-shirt/00002.png' }).waitFor()
  })

  it('is reached and worked by keyboard alone, and says where one is', async () => {
    const page = await open(images)
    await ready(page)
    const grid = page.getByTestId('sample-grid')
    await grid.focus()
    const active = async (): Promise<string | null> => {
      const id = await grid.getAttribute('aria-activedescendant')
      return await page.locator(`#${id}`).getAttribute('aria-label')
    }
    await expect.poll(active).toContain('Image 0, T-shirt')
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('Space')
    await expect.poll(active).toContain('Image 1, T-shirt')
    for (let i = 0; i < 3; i++) await page.keyboard.press('Shift+ArrowRight')
    await expect.poll(() => countOf(page)).toContain('4 selected')
    await page.keyboard.press('End')
    await expect.poll(active).toContain('Image 14999, Ankle boot')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Ankle boot/14999.png' }).waitFor()
    await page.keyboard.press('Control+a')
    await expect.poll(() => countOf(page)).toContain('15,000 selected')
    await grid.getByRole('gridcell', { selected: true }).nth(20).waitFor()
  })

  it('filters by facets and text, and the address brings the same view back', async () => {
    const page = await open(images)
    await page.getByRole('button', { name: /^Coat/ }).click()
    await page.getByText('1,400 of 15,000 images').waitFor()
    await page.getByRole('button', { name: /^Dress/ }).click({ modifiers: ['Control'] })
    await page.getByText('2,800 of 15,000 images').waitFor()
    await page.getByRole('button', { name: /^Ada/ }).click()
    await page.getByText('1,400 of 15,000 images').waitFor()
    await page.getByRole('button', { name: 'Select all 1,400 in the filter' }).click()
    await expect.poll(() => countOf(page)).toContain('1,400 selected')
    await page.getByLabel('Sort by').selectOption('class')
    await page.reload()
    await page.getByText('1,400 of 15,000 images').waitFor()
    await expect.poll(() => countOf(page)).toContain('1,400 selected')
    await expect.poll(() => page.getByLabel('Sort by').inputValue()).toBe('class')
    await page.getByRole('button', { name: 'Clear filter' }).click()
    await page.getByLabel('Number, range or name').fill('100-104')
    await page.getByText('5 of 15,000 images').waitFor()
    await page.getByLabel('Number, range or name').fill('coat/060')
    await page.getByText('100 of 15,000 images').waitFor()
  })

  it('catches points of the map with a lasso, and the grid has the same selection', async () => {
    const page = await open(`${images}?view=both`)
    await page.getByText('Showing all 15,000.').waitFor()
    const box = await page.getByTestId('sample-map').boundingBox()
    if (box === null) throw new Error('The map is not there.')
    const [cx, cy] = [box.x + box.width / 2, box.y + box.height / 2]
    await page.mouse.move(cx + 90, cy)
    await page.mouse.down()
    for (let i = 1; i <= 12; i++) await page.mouse.move(cx + 90 * Math.cos(i / 2), cy + 90 * Math.sin(i / 2))
    await page.mouse.up()
    await page.getByText(/[\d,]{3,} selected/).waitFor()
    const lassoed = await countOf(page)
    await page.getByText('Select by coordinates').click()
    await page.getByLabel('x from').fill('3')
    await page.getByRole('button', { name: 'Select', exact: true }).click()
    await expect.poll(() => countOf(page)).not.toBe(lassoed)
    await page.getByRole('button', { name: 'Show as table' }).click()
    await page.getByRole('table').getByRole('row').nth(50).waitFor()
  })

  it('keeps a selection as a tag, which is a facet then', async () => {
    const page = await open(`${images}?q=20-29`)
    await page.getByRole('button', { name: 'Select all 10 in the filter' }).click()
    await page.getByRole('button', { name: 'Tag', exact: true }).click()
    await page.getByLabel('Name of the tag').fill('ten of them')
    await page.keyboard.press('Enter')
    await page.getByText('Tag ten of them was put on 10 images.').waitFor()
    await page.getByRole('button', { name: 'Clear filter' }).click()
    await page.getByRole('button', { name: /^ten of them/ }).click()
    await page.getByText('10 of 15,000 images').waitFor()
  })
})

describe('the builder of forget sets', () => {
  const { open } = useWindow('full')
  const builder = '/data/ds-fashion/forget'

  it('takes over what was selected, and refuses what is not in D until told what to do', async () => {
    const page = await open(`${images}?q=0-13`)
    await page.getByRole('button', { name: 'Select all 14 in the filter' }).click()
    await page.getByRole('button', { name: 'Forget set from these' }).click()
    // Of seven in turn, five are members, one is in H and one in E.
    await page.getByText('4 chosen images are not in D').waitFor()
    const create = page.getByRole('button', { name: 'Create forget set' })
    await expect.poll(() => create.isDisabled()).toBe(true)
    await page.getByRole('button', { name: 'Leave them out' }).click()
    await page.getByTestId('forget-count').getByText('10').waitFor()
    await expect.poll(() => create.isDisabled()).toBe(false)
  })

  it('combines parts, completes groups, and takes steps back', async () => {
    const page = await open(builder)
    const count = page.getByTestId('forget-count')
    await count.getByText(/\d/).waitFor()
    const first = await count.textContent()
    await page.getByRole('button', { name: 'Without\u2026' }).click()
    const second = page.getByRole('group', { name: 'Part 2' })
    await second.getByLabel('Chosen by').selectOption('group')
    await second.getByRole('checkbox', { name: /Grace/ }).check()
    await second.getByRole('checkbox', { name: /Ada/ }).uncheck()
    await expect.poll(() => count.textContent()).not.toBe(first)
    await page.getByText(/Other images of these stay in R/).waitFor()
    await page.getByRole('button', { name: 'Complete the groups' }).click()
    await page.getByText('photographer: 1 whole, 0 cut').waitFor()
    for (let i = 0; i < 5; i++) await page.getByRole('button', { name: 'Undo' }).click()
    await expect.poll(() => count.textContent()).toBe(first)
  })

  it('chooses clusters of images that look alike, in any combination', async () => {
    const page = await open(builder)
    const count = page.getByTestId('forget-count')
    await page.getByRole('button', { name: 'Within\u2026' }).click()
    const second = page.getByRole('group', { name: 'Part 2' })
    await second.getByLabel('Chosen by').selectOption('cluster')
    const clusters = second.getByRole('list', { name: 'Clusters' }).getByRole('checkbox')
    await expect.poll(() => clusters.count()).toBe(10)
    const number = async (): Promise<number> => Number((await count.textContent())?.replace(',', ''))
    await expect.poll(number).toBeGreaterThan(0)
    const one = await number()
    await clusters.nth(2).check()
    await expect.poll(number).toBeGreaterThan(1.5 * one)
    await second.getByRole('textbox', { name: 'Clusters' }).fill('1')
    await page.getByText('A whole number from 2 to 100.').waitFor()
    await expect.poll(() => page.getByRole('button', { name: 'Create forget set' }).isDisabled()).toBe(true)
    await second.getByRole('textbox', { name: 'Clusters' }).fill('4')
    await expect.poll(() => clusters.count()).toBe(4)
    await page.getByRole('button', { name: 'Create forget set' }).click()
    await page.getByText(/within cluster 1, 3 \(of 4\) was made/).waitFor()
  })

  it('makes an edited set a new version, and lists what a file names in vain', async () => {
    const page = await open(builder)
    const row = page.getByRole('row', { name: /random-5/ })
    await row.getByRole('button', { name: 'Edit' }).click()
    await page.getByRole('heading', { name: 'New version of random-5' }).waitFor()
    await page.locator('input[name="name"][placeholder="random-5 v2"]').waitFor()
    await page.getByLabel('Chosen by').selectOption('picked')
    await page.locator('input[name="list"]').setInputFiles({
      name: 'patients.csv',
      mimeType: 'text/csv',
      buffer: Buffer.from('4\n5\n8\nnobody.png\n'),
    })
    await page.getByText('1 entry names no image').waitFor()
    await page.getByText('nobody.png').waitFor()
    await page.getByRole('button', { name: 'Save as new version' }).click()
    await page.getByText(/Forget set random-5 v2 was made/).waitFor()
  })
})
