import { describe, expect, it } from 'vitest'
import { defaultMethods, methodIds, methodOf } from '#main/compute/methods.ts'
import { useWindow } from '#test/support/window.ts'

describe('a new study', () => {
  const { open, server } = useWindow('full')
  /** Of a job's time in a tick: one that takes minutes does not end while it is looked at, the other takes seconds. */
  const [slow, fast] = [0.4, 6]

  it('is refused with a sentence beside each field, and keeps what was typed', async () => {
    const page = await open('/studies/new')
    await page.getByRole('button', { name: 'Create study' }).click()
    await page.getByText('Give the study a name.').waitFor()
    await expect.poll(() => page.evaluate('document.activeElement.name')).toBe('name')
    await page.getByLabel('Name', { exact: true }).fill('demo')
    await page.getByText('There is a study of this name already.').waitFor()
    await page.getByLabel('Name', { exact: true }).fill('a/b')
    await page.getByText('without slashes').waitFor()
    await page.getByLabel('Seeds', { exact: true }).fill('0')
    await page.getByText('Seeds are a whole number from 1 to 100.').waitFor()
    await page.getByText('2 fields need a look.').waitFor()

    await page
      .getByText(/\d\d parameters/)
      .first()
      .click()
    await page
      .getByText('Of SGD; public code (at least 0, below 1). Without effect unless optimizer = sgd.')
      .first()
      .waitFor()
    await page.getByLabel('epsilon').first().fill('7')
    await page.getByText('This is above the greatest value.').waitFor()

    // Elsewhere and back: nothing is lost.
    await page.keyboard.press('Control+2')
    await page.getByRole('link', { name: 'animals' }).waitFor()
    await page.keyboard.press('Alt+Shift+N')
    await expect.poll(() => page.getByLabel('Name', { exact: true }).inputValue()).toBe('a/b')
    await expect.poll(() => page.getByLabel('Seeds', { exact: true }).inputValue()).toBe('0')
  })

  it('shows what the workbench itself refuses', async () => {
    const page = await open('/studies/new')
    await page.getByLabel('Name', { exact: true }).fill('Too many epochs')
    await page.getByText('Training recipe and engine').click()
    await page.getByLabel('Epochs', { exact: true }).fill('9999')
    await page.getByRole('button', { name: 'Create study' }).click()
    await page.getByText('epochs = 9999 is not possible').waitFor()
    await page.getByText('Set fewer epochs.').waitFor()
    expect(await page.getByLabel('Name', { exact: true }).inputValue()).toBe('Too many epochs')
  })

  it('is paused, hurried and goes on, in its own view and in the queue', async () => {
    server().workbench.secondsPerTick = slow
    const page = await open('/studies/new?dataset=ds-fashion')
    await page.getByLabel('Name', { exact: true }).fill('In the queue')
    await page.getByRole('button', { name: 'Create study' }).click()
    await page.getByRole('button', { name: 'Run study' }).click()
    await page.getByRole('button', { name: 'Pause', exact: true }).click()
    await page.locator('header [data-state="paused"]').waitFor()
    await page.getByRole('contentinfo').getByText('Paused').waitFor()

    await page.getByRole('link', { name: 'Studies' }).first().click()
    const queue = page.getByTestId('queue')
    await queue.getByRole('link', { name: 'In the queue' }).waitFor()
    await queue.getByLabel('Priority of In the queue').selectOption('high')
    await expect.poll(() => queue.getByLabel('Priority of In the queue').inputValue()).toBe('high')
    await queue.getByRole('button', { name: 'Go on with In the queue' }).click()
    await queue.getByRole('button', { name: 'Pause In the queue' }).waitFor()
    await queue.locator('[data-state="running"]').first().waitFor()
    // The next test counts what runs.
    await server().workbench.api.studies.cancel({ study: 'In the queue' })
  })

  it('is planned, run, looked at after a reload, cancelled, resumed and shown', async () => {
    server().workbench.secondsPerTick = slow
    const page = await open('/studies/new?dataset=ds-fashion')
    await page.getByLabel('Name', { exact: true }).fill('From the window')
    await page.locator('[role="group"][aria-label="Controls"]').getByRole('button', { name: 'None of these' }).click()
    const left = defaultMethods.filter((id) => methodOf(id).family !== 'control').length
    await page.getByText(`${left} of ${methodIds.length} chosen`).waitFor()
    await page.getByRole('button', { name: 'Create study' }).click()

    const plan = page.getByTestId('plan-sentence')
    await plan.waitFor()
    await page.getByText('The twin set has no images of Bag (12)').waitFor()
    await expect
      .poll(() => plan.textContent())
      .toMatch(
        /^Trains 1 original, 1 gold, 1 twin\. \d+ stages are to be computed, 1 is reused\. That takes about \d+ min on wasm\.$/,
      )
    await page.getByRole('button', { name: 'Run study' }).click()
    await page.getByText('1 job running').waitFor()
    const percent = async (): Promise<number> =>
      Number.parseInt((await page.getByTestId('job-percent').textContent()) ?? '', 10)
    await expect.poll(percent).toBeGreaterThan(2)
    await page.getByRole('button', { name: 'Pause', exact: true }).click()
    await page.locator('header [data-state="paused"]').waitFor()

    // A stage's curve, live, in the inspector; the address holds it through a reload in the middle of the job.
    await page.getByRole('row', { name: /gold 1 train-gold/ }).click()
    await page.getByRole('complementary', { name: 'Inspector' }).getByText('Does the training converge?').waitFor()
    const before = await percent()
    await page.reload()
    await page.getByTestId('job-percent').waitFor()
    await expect.poll(percent).toBeGreaterThanOrEqual(before)
    await page.getByRole('complementary', { name: 'Inspector' }).getByText('gold 1').waitFor()
    await page.getByText('from the window', { exact: false }).first().waitFor()

    await page.locator('header').getByRole('button', { name: 'Cancel' }).click()
    await page.getByText('Cancelled').first().waitFor()
    await page.getByText('Nothing is running').waitFor()
    server().workbench.secondsPerTick = fast
    await page.getByRole('button', { name: 'Resume' }).click()
    await page.getByText('1 job running').waitFor()
    await expect.poll(percent, { interval: 200 }).toBe(100)
    await page.getByRole('link', { name: 'See the result' }).click()
    await page.getByTestId('verdict-sentence').waitFor()
  })

  it('tells the parts of a study that failed, with its log', async () => {
    const page = await open('/studies/st-broken-on-purpose')
    await page.getByText('The loss of fine-tune became infinite in epoch 3.').waitFor()
    await page.getByText('Log', { exact: true }).click()
    await page.getByText('epoch 2 loss 18.9').waitFor()
    await page.getByRole('link', { name: 'Result', exact: true }).click()
    await page.getByText(/Partial result: \d+ of 14 runs are measured\./).waitFor()
  })

  it('says of a study that was not run what to do', async () => {
    const page = await open('/studies/st-not-run-yet/result')
    await page.getByText('No result yet').waitFor()
    await page.getByRole('link', { name: 'See the plan' }).click()
    await page.getByTestId('plan-sentence').waitFor()
  })

  it('answers for a study that does not exist', async () => {
    const page = await open('/studies/no-such-study')
    await page.getByText('There is no study "no-such-study".').waitFor()
  })
})
