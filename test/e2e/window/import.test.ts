import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { axeFindings, useWindow } from '#test/support/window.ts'

const shots = process.env['TMU_SHOTS']

describe('a source before it is imported', () => {
  const { open, atRest } = useWindow('full')

  it('is shown with its format, counts, pictures and problems; a pattern says what it finds', async () => {
    const page = await open('/data?import=folder')
    await page.getByLabel('Folder, file or archive').fill('/home/ada/pictures/animals.tgz')
    await page.getByRole('button', { name: 'Preview' }).click()
    const preview = page.getByTestId('source-preview')
    await preview.getByText('1,846 images in 4 classes').waitFor()
    await preview.getByText('Class folders').waitFor()
    await expect.poll(() => preview.getByRole('img').count()).toBe(10)
    await preview.getByText('2 things would be left out').click()
    await preview.getByText('owl/12.jpg').waitFor()
    await page.getByLabel('From the file names').check()
    await page.getByLabel('Pattern with a named group').fill('(?<patient>C\\d+)P')
    await page.keyboard.press('Tab')
    await page.getByText('61 values for 1,840 images; 6 without').waitFor()
    for (const [colorScheme, width] of [
      ['light', 1440],
      ['dark', 800],
    ] as const) {
      await page.emulateMedia({ colorScheme })
      await page.setViewportSize({ width, height: 1100 })
      await atRest(page)
      if (shots !== undefined) await page.screenshot({ path: `${shots}/preview-${colorScheme}.png`, fullPage: true })
      expect(await axeFindings(page), colorScheme).toEqual([])
    }
    await page.getByRole('button', { name: 'Import', exact: true }).click()
    await page.getByTestId('quality').getByText('Exact copies').first().waitFor()
  })

  it('may be a file that is chosen: the server gets a copy, and lets go of it afterwards', async () => {
    const page = await open('/data?import=folder')
    await page.getByTestId('choose-file').setInputFiles({
      name: 'my set.zip',
      mimeType: 'application/zip',
      buffer: Buffer.from('PK\u0003\u0004 and so on'),
    })
    await page.getByTestId('source-preview').waitFor()
    const field = page.getByLabel('Folder, file or archive')
    await expect.poll(() => field.inputValue()).toMatch(/my set\.zip$/)
    const path = await field.inputValue()
    expect(existsSync(path)).toBe(true)
    await page.getByRole('button', { name: 'Import', exact: true }).click()
    await page.getByTestId('quality').waitFor()
    await expect.poll(() => existsSync(path)).toBe(false)
  })
})

describe('the quality of a data set', () => {
  const { open, atRest } = useWindow('full')

  it('is checked on demand, and says where related images lie on two sides', async () => {
    const page = await open('/data/ds-animals')
    const panel = page.getByTestId('quality')
    await panel.getByText('Nobody has looked').waitFor()
    await panel.getByRole('button', { name: 'Check the images' }).click()
    await panel.getByRole('row', { name: /Exact copies.*D . E/ }).waitFor()
    for (const [colorScheme, width] of [
      ['light', 1440],
      ['dark', 800],
    ] as const) {
      await page.emulateMedia({ colorScheme })
      await page.setViewportSize({ width, height: 1100 })
      await atRest(page)
      if (shots !== undefined) await panel.screenshot({ path: `${shots}/quality-${colorScheme}.png` })
      expect(await axeFindings(page), colorScheme).toEqual([])
    }
  })
})
