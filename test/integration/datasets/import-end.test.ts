import { spawn } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { ObjectStore } from '#main/artifacts/object-store.ts'
import type { ImportEvent } from '#shared/progress.ts'
import { isAlive, untilGone } from '#test/support/process-life.ts'
import { promptMs } from '#test/support/prompt.ts'
import { folderOf, importAll, jpegOf, objectFiles, plain, pngOf, temporaryFolder, testWorkspace } from './workspace.ts'

/** Enough work for some seconds: large noisy JPEGs. */
async function slowFolder(): Promise<string> {
  const noisy = jpegOf({
    width: 1500,
    height: 1500,
    colour: (x, y) => [(x * x + y) % 256, (x + y * y) % 256, (x * y) % 256],
  })
  const names = Array.from({ length: 60 }, (_, i) => `${i % 2 === 0 ? 'a' : 'b'}/${i}.jpg`)
  return await folderOf(Object.fromEntries(names.map((name) => [name, noisy])))
}

const small = async (): Promise<string> =>
  await folderOf({ 'a/1.png': pngOf(plain(28, 28, 1, 1, 1)), 'b/1.png': pngOf(plain(28, 28, 2, 2, 2)) })

async function drain(stream: AsyncIterable<ImportEvent>): Promise<void> {
  for await (const _event of stream);
}

function isDecoding(event: ImportEvent): boolean {
  return event.kind === 'progress' && event.phase === 'decoding' && event.done > 0
}

/** Child processes of this one, by the kernel's own list. */
async function children(): Promise<readonly string[]> {
  const threads = await readdir('/proc/self/task').catch(() => [])
  const lists = await Promise.all(
    threads.map((id) => readFile(`/proc/self/task/${id}/children`, 'utf8').catch(() => '')),
  )
  return lists.flatMap((list) => list.split(' ').filter((pid) => pid !== ''))
}

describe('a cancelled import', () => {
  it('ends at once by its signal, stops its process, and leaves nothing behind', async () => {
    const workspace = await testWorkspace()
    const path = await slowFolder()
    const controller = new AbortController()
    const before = await children()
    let cancelledAt = Number.NaN
    const run = async (): Promise<void> => {
      const input = { path, strict: false, format: 'auto' as const }
      for await (const event of workspace.useCases.datasets.import(input, { signal: controller.signal })) {
        if (!isDecoding(event) || controller.signal.aborted) continue
        cancelledAt = performance.now()
        controller.abort()
      }
    }
    await expect(run()).rejects.toMatchObject({ code: 'cancelled' })
    expect(performance.now() - cancelledAt).toBeLessThan(promptMs)
    expect(await children()).toEqual(before)
    expect(await objectFiles(workspace)).toEqual([])
    expect(workspace.store.repositories.datasets.listDatasets()).toEqual([])
  })

  it('ends the same way when its stream is left', async () => {
    const workspace = await testWorkspace()
    const before = await children()
    for await (const event of workspace.useCases.datasets.import({
      path: await slowFolder(),
      strict: false,
      format: 'auto',
    })) {
      if (isDecoding(event)) break
    }
    expect(await children()).toEqual(before)
    expect(await objectFiles(workspace)).toEqual([])
  })

  it('does not start when it was cancelled before', async () => {
    const workspace = await testWorkspace()
    const stream = workspace.useCases.datasets.import(
      { path: await small(), strict: false, format: 'auto' },
      { signal: AbortSignal.abort() },
    )
    await expect(drain(stream)).rejects.toMatchObject({ code: 'cancelled' })
    expect(await objectFiles(workspace)).toEqual([])
  })
})

describe('an import whose process dies', () => {
  it('says so and leaves nothing behind', async () => {
    const folder = await folderOf({
      'worker.mjs': 'process.once("message", () => process.kill(process.pid, "SIGKILL"))',
    })
    const workspace = await testWorkspace({ datasetWorker: pathToFileURL(join(folder, 'worker.mjs')) })
    await expect(importAll(workspace, { path: await small() })).rejects.toMatchObject({
      code: 'worker-died',
      message: expect.stringContaining('SIGKILL'),
    })
    expect(await objectFiles(workspace)).toEqual([])
  })

  it('is not left alone by a parent that dies: it ends too, and its files are found as left over', async () => {
    const root = await temporaryFolder()
    const module = (name: string): string => JSON.stringify(new URL(`../../../src-main/${name}`, import.meta.url).href)
    const script = `
      const { ObjectStore } = await import(${module('artifacts/object-store.ts')})
      const { importDataset } = await import(${module('workbench/datasets/import-dataset.ts')})
      const { CommitLock } = await import(${module('workbench/datasets/commit-lock.ts')})
      const { forkLauncher } = await import(${module('compute/pool/fork-launcher.ts')})
      const dependencies = { launcher: forkLauncher, objects: new ObjectStore(${JSON.stringify(root)}), datasets: { findDataset: () => null } }
      const input = { path: ${JSON.stringify(await slowFolder())}, strict: false, format: 'auto' }
      for await (const event of importDataset(dependencies, new CommitLock(), input)) {
        if (event.phase === 'decoding' && event.done > 0) process.stdout.write('decoding')
      }`
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await new Promise((resolve) => parent.stdout.once('data', resolve))
    const child = (await readFile(`/proc/${parent.pid}/task/${parent.pid}/children`, 'utf8')).trim()
    expect(child).toMatch(/^\d+$/)
    const ended = new Promise((resolve) => parent.once('exit', resolve))
    parent.kill('SIGKILL')
    await ended
    await untilGone(Number(child), promptMs)
    expect(isAlive(Number(child))).toBe(false)
    const store = new ObjectStore(root)
    expect(await store.leftOvers()).toEqual([expect.objectContaining({ ownerAlive: false })])
    await store.removeLeftOvers()
    expect(await store.leftOvers()).toEqual([])
  })
})

describe('an import whose row is refused at the end', () => {
  it('takes its objects back, but not those of a data set that was there', async () => {
    const workspace = await testWorkspace()
    const path = await small()
    await importAll(workspace, { path })
    const before = (await objectFiles(workspace)).toSorted()
    const other = await folderOf({ 'a/1.png': pngOf(plain(28, 28, 1, 1, 1)), 'b/1.png': pngOf(plain(28, 28, 3, 3, 3)) })
    const both = await Promise.allSettled([
      importAll(workspace, { path: other, name: 'twice' }),
      importAll(workspace, { path, name: 'twice' }),
    ])
    expect(both.map((result) => result.status).toSorted()).toEqual(['fulfilled', 'rejected'])
    const names = workspace.store.repositories.datasets.listDatasets().map((dataset) => dataset.name)
    expect(names).toEqual(['pictures', 'twice'])
    for (const dataset of workspace.store.repositories.datasets.listDatasets()) {
      for (const hash of [dataset.images, dataset.labels, dataset.samples]) {
        expect(await workspace.objects.verify(hash)).toMatchObject({ state: 'ok' })
      }
    }
    expect((await objectFiles(workspace)).toSorted()).toEqual(expect.arrayContaining(before))
  })
})
