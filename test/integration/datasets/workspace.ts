import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { encode as encodeJpeg } from 'jpeg-js'
import { PNG } from 'pngjs'
import { afterEach } from 'vitest'
import { ObjectStore } from '#main/artifacts/object-store.ts'
import { forkLauncher } from '#main/compute/pool/fork-launcher.ts'
import { openStore, type WritableStore } from '#main/store/open-store.ts'
import type { DatasetDependencies } from '#main/workbench/datasets/ports.ts'
import { createDatasetUseCases, type DatasetUseCases } from '#main/workbench/datasets/use-cases.ts'
import type { Dataset } from '#shared/domain/dataset.ts'
import type { ImportEvent } from '#shared/progress.ts'

const cleanUp: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const task of cleanUp.splice(0).reverse()) await task()
})

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tmu-datasets-'))
  cleanUp.push(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export interface TestWorkspace {
  readonly root: string
  readonly store: WritableStore
  readonly objects: ObjectStore
  readonly useCases: DatasetUseCases
  readonly notes: readonly string[]
}

/** A workspace with the real database and object store. */
export async function testWorkspace(overrides: Partial<DatasetDependencies> = {}): Promise<TestWorkspace> {
  const root = await temporaryFolder()
  const store = await openStore(root, { minimumFreeBytes: 0 })
  cleanUp.push(() => store.close())
  const objects = new ObjectStore(store.paths.objects)
  const notes: string[] = []
  const note = (message: string): void => void notes.push(message)
  const useCases = createDatasetUseCases({
    ...store.repositories,
    isReferenced: (object) => store.repositories.references.isReferenced(object),
    countReferences: () => store.repositories.references.countReferences(),
    launcher: forkLauncher,
    objects,
    cache: store.paths.cache,
    note,
    ...overrides,
  })
  return { root, store, objects, useCases, notes }
}

export type ImportInput = Parameters<DatasetUseCases['datasets']['import']>[0]

export async function importAll(
  { useCases }: TestWorkspace,
  input: Partial<ImportInput> & { readonly path: string },
): Promise<{ readonly dataset: Dataset; readonly events: readonly ImportEvent[] }> {
  const events: ImportEvent[] = []
  for await (const event of useCases.datasets.import({ strict: false, format: 'auto', ...input })) events.push(event)
  const last = events.at(-1)
  if (last?.kind !== 'finished') throw new Error('The import did not finish.')
  return { dataset: await useCases.datasets.get({ dataset: last.datasetId }), events }
}

/** Every file of the object store: nothing but objects may be there, and none when nothing was imported. */
export async function objectFiles({ objects }: TestWorkspace): Promise<readonly string[]> {
  const entries = await readdir(objects.root, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile() || entry.parentPath.endsWith('tmp')).map((entry) => entry.name)
}

export interface Picture {
  readonly width: number
  readonly height: number
  /** RGB of a pixel. */
  readonly colour: (x: number, y: number) => readonly [number, number, number]
}

export function plain(width: number, height: number, ...rgb: readonly [number, number, number]): Picture {
  return { width, height, colour: () => rgb }
}

export function pngOf({ width, height, colour }: Picture): Buffer {
  const png = new PNG({ width, height })
  for (let i = 0; i < width * height; i++) png.data.set([...colour(i % width, Math.floor(i / width)), 255], 4 * i)
  return PNG.sync.write(png)
}

export function jpegOf({ width, height, colour }: Picture): Buffer {
  const data = new Uint8Array(width * height * 4)
  for (let i = 0; i < width * height; i++) data.set([...colour(i % width, Math.floor(i / width)), 255], 4 * i)
  return encodeJpeg({ width, height, data }, 90).data
}

/** Writes files by path below a new folder. */
export async function folderOf(files: Readonly<Record<string, Uint8Array | string>>): Promise<string> {
  const root = join(await temporaryFolder(), 'pictures')
  await mkdir(root)
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true })
    await writeFile(join(root, name), content)
  }
  return root
}

const dataFolder =
  process.env['TMU_TEST_DATA'] ?? resolve(import.meta.dirname, '..', '..', '..', '..', 'shared', 'data')

/** Whether a real image set is there; a clone elsewhere has none, and its tests are then shown as skipped. */
export function hasArchive(name: string): boolean {
  return existsSync(join(dataFolder, name))
}

/** Unpacks a real image set (or the parts of it that match) to a temporary folder and returns its top folder. */
export async function unpack(name: string, ...patterns: readonly string[]): Promise<string> {
  const folder = await temporaryFolder()
  const wildcards = patterns.length > 0 ? ['--wildcards', ...patterns] : []
  const { status, stderr } = spawnSync('tar', ['xzf', join(dataFolder, name), '-C', folder, ...wildcards])
  if (status !== 0) throw new Error(`tar: ${String(stderr)}`)
  const [top] = await readdir(folder)
  return join(folder, top)
}
