import { readFile } from 'node:fs/promises'
import { parse } from 'csv-parse/sync'
import type { Page } from 'playwright-core'
import { PNG } from 'pngjs'
import { describe, expect, it } from 'vitest'
import { fixtureTwin } from '#test/support/fixture/samples.ts'
import { useWindow } from '#test/support/window.ts'

async function download(
  page: Page,
  act: () => Promise<void>,
): Promise<{ readonly name: string; readonly content: Buffer }> {
  const [saved] = await Promise.all([page.waitForEvent('download'), act()])
  return { name: saved.suggestedFilename(), content: await readFile(await saved.path()) }
}
const inspector = (page: Page) => page.getByRole('complementary', { name: 'Inspector' })

describe('the result of a study', () => {
  const { open, server } = useWindow('full')

  it('gives the verdict on the chosen method and holds the choice in the address', async () => {
    const page = await open('/studies/st-demo/result')
    const sentence = page.getByTestId('verdict-sentence')
    await sentence.waitFor()
    const { verdicts } = await server().workbench.api.studies.result({ study: 'st-demo' })
    const expected = (method: string): string => verdicts.find((verdict) => verdict.method === method)?.sentence ?? ''
    await expect.poll(() => sentence.textContent()).toBe(expected('tmu'))
    await page.getByTestId('method-chooser').selectOption('all-hard')
    await page.getByText('Over-forgotten').first().waitFor()
    await expect.poll(() => sentence.textContent()).toBe(expected('all-hard'))
    await page.reload()
    await sentence.waitFor()
    await expect.poll(() => sentence.textContent()).toBe(expected('all-hard'))
    await page.getByText('5 rules and what was found').click()
    await page.getByText('More alike than as many hard labels at random').waitFor()
  })

  it('says when the gate lets nothing be told', async () => {
    const page = await open('/studies/st-gold-knows-too-much/result')
    await page.getByText('Validity gate not passed').waitFor()
    await page.getByText('Cannot tell', { exact: true }).waitFor()
    await page.getByTestId('gate').getByText('95.3 %', { exact: true }).waitFor()
  })

  it('draws the board, and shows and saves the same figures as a table', async () => {
    const page = await open('/studies/st-demo/result')
    await page.locator('canvas').first().waitFor()
    const painted = (): Promise<unknown> =>
      page.evaluate(
        `(() => { const c = document.querySelector('main canvas'); const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; return new Set(new Uint32Array(d.buffer)).size })()`,
      )
    await expect.poll(painted).toBeGreaterThan(50)
    const board = page.locator('.chart').first()
    await board.getByRole('button', { name: 'Show as table' }).click()
    await board.getByRole('cell', { name: 'tmu-soft' }).waitFor()
    await board.getByRole('button', { name: 'Copy or save' }).click()
    const csv = await download(page, () => page.getByRole('menuitem', { name: 'Save data as CSV' }).click())
    expect(csv.name).toMatch(/^example-how-far-is-each-method.*\.csv$/)
    const rows = parse(csv.content, { columns: true }) as Record<string, string>[]
    expect(rows).toHaveLength(13)
    const { runs } = await server().workbench.api.studies.result({ study: 'st-demo' })
    const gap = runs.find((run) => run.method === 'tmu')?.metrics?.['gap']
    expect(Number(rows.find((row) => row['method'] === 'tmu')?.['gap'])).toBe(
      gap !== undefined && 'value' in gap ? gap.value : null,
    )
  })

  it('saves the chart as PNG and SVG, marked as an example', async () => {
    const page = await open('/studies/st-demo/result')
    const board = page.locator('.chart').first()
    await page.locator('canvas').first().waitFor()
    await board.getByRole('button', { name: 'Copy or save' }).click()
    const svg = await download(page, () => page.getByRole('menuitem', { name: 'Save as SVG' }).click())
    const text = svg.content.toString('utf8')
    expect(text).toMatch(/^<svg/)
    expect(text).toContain('EXAMPLE')
    expect(text).toContain('TMU-soft')
    // The keys do the same for the first chart of the screen; an open menu has keys of its own.
    await page.getByRole('menu').waitFor({ state: 'detached' })
    const png = await download(page, () => page.keyboard.press('Control+Shift+E'))
    const picture = PNG.sync.read(png.content)
    expect(picture.width).toBeGreaterThan(1200)
    const colours = new Set(new Uint32Array(picture.data.buffer, picture.data.byteOffset, picture.data.byteLength / 4))
    expect(colours.size).toBeGreaterThan(20)
  })

  it('exports the model of a run and says where it went', async () => {
    const page = await open('/studies/st-demo/result/runs')
    await page.getByRole('row', { name: /Fine-tune/ }).click()
    await page.getByLabel('File format').selectOption('TensorFlow.js')
    await page.getByRole('button', { name: 'Export model' }).click()
    await page.getByText('/home/mia/TMU Workbench/exports/demo-fine-tune-seed-1-tfjs/model.json').waitFor()
  })

  it('lists methods with means over seeds, sorts them, and chooses columns', async () => {
    const page = await open('/studies/st-shirts-over-five-seeds/result/runs')
    const rows = page.getByRole('grid').locator('tbody tr')
    await rows.first().waitFor()
    await expect.poll(() => rows.count()).toBe(13)
    expect(
      await page
        .getByRole('row', { name: /TMU-soft/ })
        .locator('.figure')
        .first()
        .getAttribute('title'),
    ).toBe('95 % CI over 5 seeds')
    await page.getByRole('button', { name: 'Gap', exact: true }).click()
    await page.locator('th[aria-sort="descending"]').waitFor()
    await expect.poll(() => page.url()).toContain('sort=-gap')
    await expect.poll(() => rows.first().textContent()).toMatch(/Nothing done|All easy|TMU, published/)
    await expect.poll(() => rows.last().textContent()).toContain('All hard')

    await page.getByText('Single runs').click()
    await page.getByText('63 of 63').waitFor()
    await page.getByRole('button', { name: 'Columns' }).click()
    await page.getByRole('menuitemcheckbox', { name: 'CKA to gold' }).click()
    await page.keyboard.press('Escape')
    await page.getByRole('columnheader', { name: /CKA to gold/ }).waitFor()
    await page.reload()
    await page.getByRole('columnheader', { name: /CKA to gold/ }).waitFor()
  })

  it('opens a run by keyboard with its metrics, reasons and cost', async () => {
    const page = await open('/studies/st-demo/result/runs')
    const rows = page.getByRole('grid').locator('tbody tr')
    await rows.first().focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await inspector(page).getByRole('heading', { name: 'TMU', exact: true }).waitFor()
    await inspector(page).getByText('TPR at 0.1 % FPR needs at least 1,000 non-members', { exact: false }).waitFor()
    await inspector(page).getByText('26,000').waitFor()
  })

  it('shows the twin problem on axes of choice, with its predictor', async () => {
    const page = await open('/studies/st-demo/result/twin')
    const plot = page.getByRole('img', { name: /Scatter plot of 700 images/ })
    await plot.waitFor()
    await page.getByText('0.837').waitFor()
    await page.getByLabel('Feature on the y axis').selectOption('af')
    await expect.poll(() => page.url()).toContain('y=af')
    await page.getByText('Forget', { exact: true }).click()
    await page.getByRole('img', { name: /Scatter plot of 300 images/ }).focus()
    await page.keyboard.press('Home')
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('Enter')
    await inspector(page).getByText('Predicted label').waitFor()
    // The same choice stands in the images.
    await expect.poll(() => page.url()).toContain('pick=')
    const picked = new URL(page.url().replace('#/', '')).searchParams.get('pick')
    await page.getByRole('link', { name: 'Images', exact: true }).click()
    await page.waitForURL(/images/)
    await expect.poll(() => page.url()).toContain(`pick=${picked}`)
    await page.getByRole('gridcell').first().waitFor()
    await page.goBack()
    await page.getByRole('img', { name: /Scatter plot/ }).waitFor()
    const csv = await download(page, () => page.keyboard.press('Control+E'))
    expect(parse(csv.content, { columns: true })).toHaveLength(300)
  })

  it('says how many images are hard: known, labelled, and as the golds have it', async () => {
    const { points } = fixtureTwin('tmu', 1)
    const [twin, forget] = ['twin', 'forget'].map((set) => points.filter((point) => point.set === set))
    const percent = (count: number, of: number): string => `${((100 * count) / of).toFixed(1)} %`
    const hardOf = (of: typeof points): string => percent(of.filter(({ easy }) => !easy).length, of.length)
    const wrong = forget.reduce((sum, point) => sum + 1 - (point.goldCorrectShare ?? 0), 0)
    const page = await open('/studies/st-demo/result/twin?method=tmu&seed=1')
    await page
      .getByText(
        `${hardOf(twin)} of the twin images are hard. Of the forgotten images ${hardOf(forget)} were labelled hard, and the golds get ${percent(wrong, forget.length)} wrong.`,
      )
      .waitFor()
  })

  it('leaves out of the axes what a method does not compute', async () => {
    const page = await open('/studies/st-demo/result/twin?method=tmu-faithful')
    await page.getByRole('img', { name: /Scatter plot/ }).waitFor()
    await expect
      .poll(() => page.getByLabel('Feature on the x axis').locator('option').allTextContents())
      .toEqual(['DF', 'CF'])
  })

  it('sorts the images of F by disagreement and opens them by keyboard', async () => {
    const page = await open('/studies/st-demo/result/images')
    const cells = page.getByRole('gridcell')
    await cells.first().waitFor()
    const js = async (): Promise<readonly number[]> =>
      (await page.locator('.cell .js').allTextContents()).map((text) => Number(text.replace('JS ', '')))
    await expect.poll(async () => (await js()).length).toBeGreaterThan(1)
    const most = await js()
    expect(most).toEqual(most.toSorted((a, b) => b - a))
    await cells.first().focus()
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await inspector(page).getByText('True class').waitFor()
    await page.keyboard.press('Escape')
    await inspector(page).waitFor({ state: 'hidden' })
    await page.getByLabel('Order').selectOption('agreement')
    await expect.poll(async () => (await js())[0] ?? 1).toBeLessThan(0.05)
    // All 300 can be reached.
    await cells.first().focus()
    await page.keyboard.press('End')
    await page.locator('[data-position="299"]:focus').waitFor()
  })

  it('says when unlearning pays', async () => {
    const page = await open('/studies/st-demo/result/cost')
    await expect
      .poll(() => page.getByTestId('break-even').textContent())
      .toBe('TMU gets cheaper than retraining from request 2 on.')
    await page.getByTestId('method-chooser').selectOption('rewind')
    await page.getByText('Rewind is cheaper than retraining from the first request.').waitFor()
    await page.getByTestId('method-chooser').selectOption('all-hard')
    await page.getByText('never gets cheaper than retraining').waitFor()
  })
})

describe('ten thousand runs', () => {
  const { open } = useWindow('many')

  it('are listed at once, and the last is a key away', async () => {
    const page = await open('/studies/st-ten-thousand-runs/result/runs')
    await page.getByRole('grid').locator('tbody tr').first().waitFor()
    await page.locator('.segments label').nth(1).click()
    await page.locator('table[aria-rowcount="9243"]').waitFor()
    await page.locator('tbody tr[data-index="10"]').waitFor()
    await expect.poll(() => page.locator('tbody tr[data-index]').count()).toBeLessThan(100)
    await page.locator('tbody tr[data-index="0"]').focus()
    await page.keyboard.press('End')
    await page.locator('tbody tr[data-index="9241"]:focus').waitFor()
  })
})

describe('statistics of a study', () => {
  const { open, server } = useWindow('full')

  it('compare every method with the chosen one; the choice stands in the address', async () => {
    const page = await open('/studies/st-shirts-over-five-seeds/result/statistics')
    await page.getByRole('heading', { name: 'Does it differ from TMU?' }).waitFor()
    await page.getByLabel('Compared with').selectOption('none')
    await page.getByRole('heading', { name: 'Does it differ from Nothing done?' }).waitFor()
    await page.getByLabel('Figure').selectOption('easyHardAgreement')
    await page.waitForURL(/easyHardAgreement/)
    await page.reload()
    await page.getByRole('heading', { name: 'Does it differ from Nothing done?' }).waitFor()
    const { api } = server().workbench
    const found = await api.studies.statistics({ study: 'st-shirts-over-five-seeds', reference: 'none' })
    const difference = found.metrics
      .find(({ metric }) => metric === 'easyHardAgreement')
      ?.differences.find(({ method }) => method === 'tmu')?.difference
    if (difference === undefined || !('value' in difference)) throw new Error('no difference')
    const row = page.locator('tr[data-method="tmu"]')
    const expected = Math.abs(difference.value * 100).toFixed(1)
    await expect.poll(() => row.textContent()).toContain(expected)
  })

  it('fetch a further figure when it is chosen, and again after a reload', async () => {
    const page = await open('/studies/st-shirts-over-five-seeds/result/statistics')
    const figure = page.getByLabel('Figure')
    await figure.selectOption('klToGold')
    await page.getByRole('heading', { name: 'KL to gold, method by method' }).waitFor()
    // Of the fixture's profiles: 3.1 times .097, in nats.
    await expect.poll(() => page.locator('tr[data-method="none"]').textContent()).toContain('0.301')
    await page.waitForURL(/klToGold/)
    await page.reload()
    await page.getByRole('heading', { name: 'KL to gold, method by method' }).waitFor()
    await expect.poll(() => figure.inputValue()).toBe('klToGold')
    // No gold judges an attack's AUC: the remark is on what a gold has itself, and on what the methods' spread would hide.
    await figure.selectOption('mia.loss.auc')
    await page
      .getByText(/^A gold itself: 0\.\d{3}\. .*For half of the methods a difference below about 0\.0\d+/)
      .waitFor()
    await figure.selectOption('absGap')
    await page.getByRole('heading', { name: 'Absolute gap, method by method' }).waitFor()
  })
})
