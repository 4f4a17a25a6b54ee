import { readFile } from 'node:fs/promises'
import { parse } from 'csv-parse/sync'
import { describe, expect, it } from 'vitest'
import { isPresent } from '#shared/domain/metrics.ts'
import { axeFindings, useWindow } from '#test/support/window.ts'

const attacked = '/studies/st-shirts-over-five-seeds/result/attacks'

describe('the attacks on a study', () => {
  const { open, server } = useWindow('full')

  it('says how to add some and what they would cost, and adds them', async () => {
    const page = await open('/studies/st-demo/result/attacks')
    await page.getByText('Nobody has tried to break this study yet').waitFor()
    const cost = page.getByTestId('attack-cost')
    await page.getByText(/Trains no model\. Computes \d+ stages; about/).waitFor()
    await page.getByLabel('LiRA', { exact: true }).check()
    await page.getByText(/Trains 8 shadow models\. Computes \d+ stages/).waitFor()
    await page.getByLabel('Shadow models', { exact: true }).fill('7')
    await page.getByText('7 shadow models are not possible').waitFor()
    await page.getByLabel('Shadow models', { exact: true }).fill('16')
    await page.getByText(/16 shadow models/).waitFor()
    await expect.poll(() => cost.textContent()).toContain('16 shadow models')
    expect(await axeFindings(page)).toEqual([])
    await page.getByRole('button', { name: 'Add and run' }).click()
    await page.getByTestId('attack-table').waitFor()
    const study = await server().workbench.api.studies.get({ study: 'st-demo' })
    expect(study.attacks?.attacks).toContain('lira')
    expect(study.attacks?.shadows).toBe(16)
  })

  it('shows each attack on each method beside the gold, and looks closer at one', async () => {
    const page = await open(attacked)
    const table = page.getByTestId('attack-table')
    await table.waitFor()
    const { rows } = await server().workbench.api.studies.attackResults({ study: 'st-shirts-over-five-seeds' })
    await expect.poll(() => table.getByRole('row').first().textContent()).toContain('LiRA')
    await table.getByText('Gold (floor)').waitFor()
    await table.getByText('failed').first().waitFor()
    await table.getByRole('button', { name: /^RMIA, TMU-soft:/ }).click()
    await page.getByRole('heading', { name: /All figures of RMIA on TMU-soft/ }).waitFor()
    const auc = rows.find((row) => row.attack === 'rmia' && row.method === 'tmu-soft' && row.seed === 1)?.report
      ?.figures['auc']
    if (!isPresent(auc)) throw new Error('no figure')
    await page.getByTestId('attack-figures').getByText(auc.value.toFixed(3)).first().waitFor()
    await page.getByText('With n = 285 a TPR at 0.1 % cannot be resolved').first().waitFor()
    await page.getByTestId('attack-subsets').getByText('Hard (gold does not)').waitFor()
    await page.getByTestId('exposed-images').locator('canvas').nth(20).waitFor()
    await page.reload()
    await page.getByRole('heading', { name: /All figures of RMIA on TMU-soft/ }).waitFor()
    expect(await axeFindings(page)).toEqual([])
  })

  it('saves the curve that it draws', async () => {
    const page = await open(`${attacked}?attack=lira&method=tmu`)
    const roc = page.locator('.chart', { hasText: 'How much does an attacker find' })
    await roc.locator('canvas').waitFor()
    await roc.getByRole('button', { name: 'Copy or save' }).click()
    const [saved] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('menuitem', { name: 'Save data as CSV' }).click(),
    ])
    const csv = parse(await readFile(await saved.path()), { columns: true }) as Record<string, string>[]
    const { rows } = await server().workbench.api.studies.attackResults({ study: 'st-shirts-over-five-seeds' })
    const points = rows.find((row) => row.attack === 'lira' && row.method === 'tmu' && row.seed === 1)?.report?.roc
    expect(csv.filter((line) => Object.values(line)[0] === 'TMU')).toHaveLength(points?.['online']?.length ?? -1)
  })

  it('draws relearning and layers, and says where there is nothing to draw', async () => {
    const page = await open(`${attacked}?attack=weights&method=tmu`)
    await page.getByText('gives figures of models, not of images').waitFor()
    await page.getByText('This attack scores models, not single images.').waitFor()
    await page.locator('.chart', { hasText: 'How fast does it relearn' }).locator('canvas').waitFor()
    const cka = page.locator('.chart', { hasText: 'Where do the layers differ' })
    await cka.getByRole('button', { name: 'Show as table' }).click()
    await cka.getByRole('cell', { name: 'dense1' }).first().waitFor()
  })
})
