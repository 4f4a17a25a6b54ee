import { describe, expect, it } from 'vitest'
import { axeFindings, useWindow } from '#test/support/window.ts'

describe('data', () => {
  const { open, server } = useWindow('full')

  it('imports a folder with its progress shown, and opens the data set', async () => {
    const page = await open('/data')
    await page.keyboard.press('Control+o')
    await page.getByRole('button', { name: 'Import', exact: true }).click()
    await page.getByText('Give the path of a folder, file or archive.').waitFor()
    await page.getByLabel('Folder').fill('/home/ada/held/flowers')
    await page.getByRole('button', { name: 'Import', exact: true }).click()
    await page.getByText(/Reading images: [\d,]+ of 1,846/).waitFor()
    server().workbench.goOnWithImport()
    await page.getByRole('heading', { name: 'flowers' }).waitFor()
    await page.getByText('37 exact copies').waitFor()
    await page.getByText('50 files were left out of the import').click()
    await page.getByText('dog/0231.jpg').waitFor()
  })

  it('cancels an import, which leaves nothing behind', async () => {
    const page = await open('/data?import=folder')
    await page.getByLabel('Folder').fill('/home/ada/held/cancelled')
    await page.getByRole('button', { name: 'Import', exact: true }).click()
    await page.getByText('Reading images').waitFor()
    await page.getByRole('button', { name: 'Cancel the import' }).click()
    await page.getByText('The import was cancelled; nothing was kept.').waitFor()
    await page.reload()
    await page.getByRole('link', { name: 'animals' }).waitFor()
    expect(await page.getByText('cancelled', { exact: true }).count()).toBe(0)
  })

  it('says why a folder was not imported, and keeps its path', async () => {
    const page = await open('/data?import=folder')
    await page.getByLabel('Folder').fill('/home/ada/missing')
    await page.getByRole('button', { name: 'Import', exact: true }).click()
    await page.getByText('There is no folder /home/ada/missing.').waitFor()
    expect(await page.getByLabel('Folder').inputValue()).toBe('/home/ada/missing')
  })

  it('shows what a forget set would hold before it is made', async () => {
    const page = await open('/data/ds-fashion/forget')
    const preview = page.getByTestId('forget-preview')
    await page.getByLabel('Class', { exact: true }).selectOption('Shirt')
    await page.getByLabel('Share of its members, %').fill('30')
    // Five in seven of the 2,400 shirts are members: 1,715, and 30 % of them are 514.5.
    await preview.getByText('515', { exact: true }).first().waitFor()
    await page.getByLabel('Share of its members, %').fill('5')
    await preview.getByText('will not pass the validity gate').waitFor()
    await page.getByLabel('Share of its members, %').fill('0')
    await page.getByText('The share is above 0 and at most 100 %.').waitFor()
    await expect.poll(() => page.getByRole('button', { name: 'Create forget set' }).isDisabled()).toBe(true)
    await page.getByLabel('Share of its members, %').fill('20')
    await page.getByRole('button', { name: 'Create forget set' }).click()
    await page.getByText(/^Forget set 20 % of class Shirt was made of/).waitFor()
    const row = page.getByRole('row', { name: /20 % of class Shirt/ })
    await row.getByRole('link', { name: 'New study' }).click()
    await page.getByRole('heading', { name: 'New study' }).waitFor()
    const chosen = page.locator('select[name="forgetSet"] option:checked')
    await expect.poll(() => chosen.textContent()).toContain('20 % of class Shirt')
  })

  it('makes a split from shares that add up', async () => {
    const page = await open('/data/ds-animals')
    await page.getByRole('button', { name: 'New split' }).click()
    const form = page.locator('form').filter({ hasText: 'Twin pool, %' })
    await form.getByLabel('Name').fill('thirds')
    await form.getByLabel('Members, %').fill('80')
    await page.getByText('The shares add up to more than 100 %.').waitFor()
    await form.getByLabel('Members, %').fill('40')
    await form.getByRole('button', { name: 'Create split' }).click()
    await page.getByRole('row', { name: /thirds/ }).waitFor()
  })

  it('moves a data set to the bin, and has it back by the notice, by Ctrl+Z and from the bin', async () => {
    const page = await open('/data?import=folder')
    await page.getByLabel('Folder').fill('/home/ada/pictures/binned')
    await page.getByRole('button', { name: 'Import', exact: true }).click()
    await page.getByRole('heading', { name: 'binned' }).waitFor()
    // In the list: the bin below has a row of the same name for a while.
    const row = page.getByRole('grid').getByRole('row', { name: /^binned/ })
    const bin = page.getByTestId('bin')

    await page.getByRole('button', { name: 'Move to bin' }).click()
    // The notice stays while the pointer is on it.
    await page.getByText('It can be had back until 1 Jun 2026.').hover()
    await bin.getByRole('cell', { name: 'binned', exact: true }).waitFor()
    expect(await axeFindings(page)).toEqual([])
    await page.getByRole('button', { name: 'Undo' }).click()
    await page.getByText('binned is back.').waitFor()
    await bin.waitFor({ state: 'detached' })

    await row.focus()
    await page.keyboard.press('Delete')
    await bin.waitFor()
    await page.keyboard.press('Control+z')
    await bin.waitFor({ state: 'detached' })

    await row.focus()
    await page.keyboard.press('Delete')
    // By key: a notice may lie over the button for a while.
    await bin.getByRole('button', { name: 'Restore' }).press('Enter')
    await row.waitFor()
    // Else the next key would go to the bin that is about to leave.
    await bin.waitFor({ state: 'detached' })

    await row.focus()
    await page.keyboard.press('Delete')
    await bin.waitFor()
    await bin.getByRole('button', { name: 'Empty the bin' }).press('Enter')
    await page.getByRole('dialog', { name: 'Empty the bin?' }).getByRole('button', { name: 'Remove for good' }).click()
    await page.getByText(/The bin is empty; .* are free again/).waitFor()
    await bin.waitFor({ state: 'detached' })
    await expect.poll(() => row.count()).toBe(0)
  })

  it('keeps a data set that a study uses, and says which', async () => {
    const page = await open('/data/ds-fashion')
    await page.getByRole('button', { name: 'Move to bin' }).click()
    await page.getByText('is used by a study').waitFor()
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toContain('fashion')
  })
})
