/**
 * How quick the explorer and the forget-set builder are on many images: real import, real server, real Chromium. Prints
 * one line a requirement. Headless Chromium draws in software, on the cores that also run the server: a desktop with
 * a graphics card is quicker.
 *
 *   npm run bench:explorer [-- --images 60000] [--pictures FOLDER] [--keep WORKSPACE]
 */
import { rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Page } from 'playwright-core'
import { launchBrowser, newContext, openPage } from '#test/support/browser.ts'
import { startTmu, temporaryFolder, tmuJson } from '#test/support/tmu-process.ts'
import { writeStripedCifar } from './import/striped-cifar.ts'

const { values: options } = parseArgs({
  options: {
    images: { type: 'string', default: '60000' },
    pictures: { type: 'string' },
  },
})
const images = Number(options.images)
function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

interface Finding {
  readonly what: string
  readonly value: string
  readonly limit: string
  readonly held: boolean
}

const findings: Finding[] = []
function note(what: string, milliseconds: number, limit: number): void {
  findings.push({ what, value: `${milliseconds.toFixed(0)} ms`, limit: `<= ${limit} ms`, held: milliseconds <= limit })
  say(`${milliseconds.toFixed(0)} ms: ${what}`)
}

/** Runs text as the body of an async function in the page: what the page measures is measured there. */
async function inPage<T>(page: Page, body: string): Promise<T> {
  return (await page.evaluate(`(async () => { ${helpers}\n${body} })()`)) as T
}

const helpers = `
  const grid = () => document.querySelector('[data-testid="sample-grid"]')
  const frame = () => new Promise(requestAnimationFrame)
  const painted = async () => { await frame(); await new Promise((resolve) => setTimeout(resolve)) }
  const until = async (holds, limit = 30000) => {
    const end = performance.now() + limit
    while (!holds()) { if (performance.now() > end) throw new Error('waited too long: ' + holds); await frame() }
    return performance.now()
  }
  const missing = () => Number(grid()?.querySelector('canvas')?.dataset.missing ?? 1e9)
  const countText = () => document.querySelector('[data-testid="selection-count"]')?.textContent ?? ''
  const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
`

async function measure(page: Page, origin: string, dataset: string): Promise<void> {
  await page.goto(`${origin}/#/data/${dataset}`)
  await page.getByRole('link', { name: 'Images', exact: true }).waitFor()
  note(
    'explorer opened, pictures in sight (first visit, from the click)',
    await inPage(
      page,
      `const start = performance.now()
       ;[...document.querySelectorAll('nav a')].find((link) => link.textContent === 'Images').click()
       return (await until(() => missing() === 0)) - start`,
    ),
    1000,
  )
  await page.reload()
  await page.getByTestId('sample-grid').waitFor()
  note(
    'explorer opened by its address, from the start of the page load',
    await inPage(page, 'return await until(() => missing() === 0)'),
    1000,
  )
  await picture(page, 'grid')

  const scrolled = await inPage<{ readonly rate: number; readonly late: number; readonly empty: number }>(
    page,
    `const element = grid(); const times = []; let empty = 0
     await frame(); let last = performance.now(); const start = last
     while (performance.now() - start < 5000) {
       element.scrollTop += 40
       await frame()
       const now = performance.now(); times.push(now - last); last = now
       if (missing() > 0) empty++
     }
     times.sort((a, b) => a - b)
     return { rate: 1000 * times.length / times.reduce((a, b) => a + b), late: times[Math.floor(times.length * 0.95)], empty: empty / times.length }`,
  )
  findings.push({
    what: `scrolling 40 px a frame for 5 s (95 % of frames within ${scrolled.late.toFixed(0)} ms; pictures late in ${(100 * scrolled.empty).toFixed(0)} %)`,
    value: `${scrolled.rate.toFixed(0)} frames/s`,
    limit: '>= 50 frames/s',
    held: scrolled.rate >= 50,
  })
  note(
    'a jump to the end of the list, until all pictures are there',
    await inPage(
      page,
      `const start = performance.now(); grid().scrollTop = grid().scrollHeight; await painted()
       return (await until(() => missing() === 0)) - start`,
    ),
    1000,
  )

  note(
    'facet click, until counts and grid are painted (median of 10)',
    await inPage(
      page,
      `const times = []
       const names = ['cat', 'dog', 'ship', 'frog', 'bird', 'deer', 'horse', 'truck', 'airplane', 'automobile']
       for (const name of names) {
         const button = [...document.querySelectorAll('.facets button.value')].find((one) => one.textContent.includes(name))
         const before = countText(); const start = performance.now()
         button.click(); await until(() => countText() !== before); await painted()
         times.push(performance.now() - start)
       }
       return median(times)`,
    ),
    100,
  )
  await picture(page, 'facet')
  await page.getByRole('button', { name: 'Clear filter' }).click()
  const everything = images.toLocaleString('en-GB')
  await page.getByText(`${everything} of ${everything} images`).waitFor()

  await page.getByText('Map', { exact: true }).click()
  const map = page.getByTestId('sample-map')
  const began = performance.now()
  await page.getByText(`Showing all ${images.toLocaleString('en-GB')}`).waitFor({ timeout: 120_000 })
  findings.push({
    what: 'map by principal components, first time',
    value: `${((performance.now() - began) / 1000).toFixed(1)} s`,
    limit: 'no limit',
    held: true,
  })
  const box = await map.boundingBox()
  if (box === null) throw new Error('The map is not on the screen.')
  const times: number[] = []
  for (let round = 0; round < 5; round++) {
    // Two lassos may catch the same clumps: each begins from nothing, so that its count shows when it is done.
    if (round > 0) await page.getByRole('button', { name: 'Select none' }).click()
    await page.evaluate(`window.lassoed = new Promise((resolve, reject) => {
      const text = () => document.querySelector('[data-testid="selection-count"]').textContent
      const before = text()
      document.querySelector('[data-testid="sample-map"]').addEventListener('pointerup', () => {
        const start = performance.now()
        const wait = () => {
          if (performance.now() - start > 10000) reject(new Error('The lasso caught nothing.'))
          else if (text() === before) requestAnimationFrame(wait)
          else requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - start)))
        }
        requestAnimationFrame(wait)
      }, { capture: true, once: true })
    }); undefined`)
    const [cx, cy] = [box.x + box.width / 2, box.y + box.height / 2]
    // Round most of the map: what is made up here lies in clumps, and its middle may be empty.
    const share = 0.3 + 0.03 * round
    const [rx, ry] = [box.width * share, box.height * share]
    await page.mouse.move(cx + rx, cy)
    await page.mouse.down()
    for (let step = 1; step <= 40; step++) {
      const turn = (step / 40) * 2 * Math.PI
      const wobble = 1 + 0.1 * Math.sin(5 * turn)
      await page.mouse.move(cx + rx * wobble * Math.cos(turn), cy + ry * wobble * Math.sin(turn))
    }
    await page.mouse.up()
    times.push((await page.evaluate('window.lassoed')) as number)
  }
  times.sort((a, b) => a - b)
  note(`lasso over all ${images.toLocaleString('en-GB')} points, until painted (median of 5)`, times[2], 50)
  await picture(page, 'map')

  await page.goto(`${origin}/#/data/${dataset}/forget`)
  await page.getByTestId('forget-count').waitFor()
  note(
    'forget-set count after a change of the rule, until painted (median of 10)',
    await inPage(
      page,
      `const times = []; const input = document.querySelector('input[name="percent"]')
       const text = () => document.querySelector('[data-testid="forget-count"]').textContent
       for (let percent = 11; percent < 21; percent++) {
         const before = text(); const start = performance.now()
         input.value = String(percent); input.dispatchEvent(new Event('input'))
         await until(() => text() !== before); await painted()
         times.push(performance.now() - start)
       }
       return median(times)`,
    ),
    100,
  )
  await picture(page, 'builder')
}

async function picture(page: Page, name: string): Promise<void> {
  if (options.pictures === undefined) return
  await page.waitForTimeout(400)
  await page.screenshot({ path: join(options.pictures, `${name}.png`) })
}

await using folder = await temporaryFolder()
const source = join(folder.path, 'cifar')
const workspace = join(folder.path, 'workspace')
await writeStripedCifar(source, images)
say('Importing.')
const serving = startTmu(workspace, ['serve'])
try {
  await serving.untilStderr('token=')
  const address = /http:\S+/.exec(serving.stderr())?.[0] ?? ''
  await tmuJson(workspace, 'dataset', 'import', source, '--name', 'many')
  await rm(source, { recursive: true, force: true })
  const browser = await launchBrowser()
  try {
    const { page, complaints } = await openPage(await newContext(browser), address)
    await page.getByRole('heading', { level: 1 }).waitFor()
    await measure(page, new URL(address).origin, 'many')
    for (const complaint of complaints) console.error(`complaint: ${complaint}`)
  } finally {
    await browser.close()
  }
} finally {
  serving.child.kill('SIGINT')
  await serving.finished
}

console.log(
  `${images.toLocaleString('en-GB')} images of 32x32x3; headless Chromium, software drawing, ${availableParallelism()} cores`,
)
for (const { what, value, limit, held } of findings) {
  console.log(`${held ? 'ok  ' : 'MISS'}  ${value.padStart(12)}  ${limit.padEnd(15)}  ${what}`)
}
if (findings.some(({ held }) => !held)) process.exitCode = 1
