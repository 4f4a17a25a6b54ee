/**
 * UMAP of many images, through the workbench itself: how long it takes, the child's memory, how soon a cancel ends it,
 * and what it leaves of the main process's time. Images are made up, or those of a data set that is there already.
 *
 *   npm run bench:umap [-- --images 60000] [--workspace FOLDER --dataset NAME] [--points 5000,20000,60000]
 *
 * Exits with 1 when a cancel takes 2 s, the main process stands still for 50 ms (look at it on an idle machine: a busy one alone makes that 100), or memory passes 500 MiB.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { connect } from '#main/shell/connect.ts'
import { writeStripedCifar } from './import/striped-cifar.ts'
import { watchingLauncher } from './import/watching-launcher.ts'

const { values: options } = parseArgs({
  options: {
    images: { type: 'string', default: '60000' },
    workspace: { type: 'string' },
    dataset: { type: 'string', default: 'many' },
    points: { type: 'string', default: '5000,20000,60000' },
  },
})
const limits = { cancelSeconds: 2, stillMilliseconds: 50, mebibytes: 500 }

const root = await mkdtemp(join(tmpdir(), 'tmu-bench-umap-'))
const watch = watchingLauncher()
const connection = await connect({
  workspace: options.workspace ?? join(root, 'workspace'),
  mode: 'write',
  shell: 'cli',
  launcher: watch.launcher,
  note: () => {},
})
const { client } = connection
const { dataset } = options
// Another seed each time: what is in the cache would come at once.
const seed = Date.now() % 1_000_000
let missed = false

function line(what: string, value: string, held: boolean): void {
  missed ||= !held
  console.log(`${held ? 'ok  ' : 'MISS'}  ${value.padStart(12)}  ${what}`)
}

try {
  if (options.workspace === undefined) {
    const source = join(root, 'source')
    await writeStripedCifar(source, Number(options.images))
    for await (const _ of await client.datasets.import({ path: source, name: dataset }));
  }
  let start = performance.now()
  for await (const _ of await client.embedding.compute({ dataset, method: 'pca' }));
  const reduced = watch.used()
  line(`principal components of all, peak ${Math.round(reduced.mebibytes)} MiB`, seconds(start), true)

  for (const limit of options.points.split(',').map(Number)) {
    const delay = monitorEventLoopDelay({ resolution: 10 })
    delay.enable()
    start = performance.now()
    let told = 0
    let longest = 0
    let last = start
    let points = 0
    for await (const event of await client.embedding.compute({ dataset, method: 'umap', limit, seed })) {
      longest = Math.max(longest, performance.now() - last)
      last = performance.now()
      if (event.kind === 'progress') told++
      else points = Buffer.from(event.ids, 'base64').byteLength / 4
    }
    delay.disable()
    const { mebibytes } = watch.used()
    const still = delay.max / 1e6
    line(
      `UMAP of ${points.toLocaleString('en-GB')} points, ${told} words of progress at most ${(longest / 1000).toFixed(1)} s apart; peak ${Math.round(mebibytes)} MiB (at most ${limits.mebibytes}), main process still for ${still.toFixed(0)} ms (below ${limits.stillMilliseconds})`,
      seconds(start),
      mebibytes <= limits.mebibytes && still < limits.stillMilliseconds,
    )
  }

  const controller = new AbortController()
  const limit = Math.max(...options.points.split(',').map(Number))
  try {
    const request = { dataset, method: 'umap', limit, seed: seed + 1 } as const
    for await (const event of await client.embedding.compute(request, { signal: controller.signal })) {
      if (event.kind !== 'progress' || event.phase !== 'umap' || controller.signal.aborted) continue
      start = performance.now()
      controller.abort()
    }
  } catch {
    // That is what a cancelled stream does.
  }
  const took = performance.now() - start
  line(
    `a cancel in the middle, until its stream has ended (below ${limits.cancelSeconds} s)`,
    `${took.toFixed(0)} ms`,
    took < limits.cancelSeconds * 1000,
  )
} finally {
  await connection.close()
  await rm(root, { recursive: true, force: true })
}
process.exitCode = missed ? 1 : 0

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`
}
