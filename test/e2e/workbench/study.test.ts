import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { StudyResult } from '#shared/domain/study.ts'
import { launchBrowser, newContext, openPage } from '#test/support/browser.ts'
import { writeStripedImages } from '#test/support/striped-images.ts'
import { type RunningCommand, startTmu, temporaryFolder, tmuJson } from '#test/support/tmu-process.ts'

/** The whole product: built pages, local server, database, workers; nothing stands in for anything. */
let folder: Awaited<ReturnType<typeof temporaryFolder>>
let workspace: string
let serving: RunningCommand
let address: string
let browser: Browser

beforeAll(async () => {
  folder = await temporaryFolder()
  workspace = join(folder.path, 'workspace')
  serving = startTmu(workspace, ['serve'])
  await serving.untilStderr(/token=\S+\s/)
  address = /http:\S+/.exec(serving.stderr())?.[0] ?? ''
  browser = await launchBrowser()
  const images = join(folder.path, 'images')
  await writeStripedImages(images, 80)
  // These commands attach to the serving process.
  await tmuJson(workspace, 'dataset', 'import', images, '--name', 'stripes')
  await tmuJson(workspace, 'forget', 'create', 'half', '--dataset', 'stripes', '--class', 'down', '--fraction', '0.5')
  await tmuJson(
    workspace,
    ...['study', 'create', 'first', '--dataset', 'stripes', '--forget', 'half', '--set', 'epochs=30'],
    ...['--methods', 'gold,none,tmu,count-matched-random,tmu-soft', '--golds', '2'],
  )
})

afterAll(async () => {
  await browser.close()
  serving.child.kill('SIGINT')
  await serving.finished
  await folder[Symbol.asyncDispose]()
})

test('a study is run in the window, watched through a reload, and its result agrees with the command line', async () => {
  const { page, complaints } = await openPage(await newContext(browser), address)
  await page.getByRole('heading', { level: 1 }).waitFor()
  // The token is gone from the address, and the session outlives a reload.
  expect(page.url()).not.toContain('token')

  await page.getByRole('link', { name: 'Studies' }).first().click()
  await page.getByText('first', { exact: true }).first().click()
  await page.getByRole('button', { name: 'Run study' }).first().click()
  await page.waitForURL(/progress/)
  await page.getByText('train-gold').first().waitFor()
  await page.reload()
  await page.getByText('train-gold').first().waitFor()

  await page
    .getByRole('link', { name: 'See the result' })
    .or(page.getByRole('button', { name: 'See the result' }))
    .first()
    .click({ timeout: 280_000 })
  await page.getByText('How far is each method from the gold?').waitFor()
  const shown = await tmuJson<StudyResult>(workspace, 'study', 'show', 'first')
  expect(shown.runs.every((run) => run.state === 'succeeded')).toBe(true)
  const verdict = shown.verdicts.find((item) => item.method === 'tmu')
  await page
    .getByText(verdict?.sentence ?? 'no verdict')
    .first()
    .waitFor()

  await page.getByText('Methods and runs', { exact: true }).click()
  await page
    .getByRole('row', { name: /TMU-soft/ })
    .first()
    .waitFor()
  await page.getByText('Images', { exact: true }).click()
  await page.getByText('Which forgotten images differ from the gold?').waitFor()
  expect(complaints).toEqual([])
  await page.context().close()
})

test('a second browser without the session is turned away', async () => {
  const context = await browser.newContext()
  const page = await context.newPage()
  const response = await page.goto(address)
  expect(response?.status()).toBe(401)
  expect(await page.textContent('body')).toContain('works once')
  await context.close()
})
