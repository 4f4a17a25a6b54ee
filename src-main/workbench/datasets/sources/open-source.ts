import { readCsvTable } from '#main/formats/csv-table.ts'
import type { InputFile } from '#main/formats/input-file.ts'
import { quoted } from '#main/formats/text.ts'
import type { DatasetFormat } from '#shared/domain/dataset.ts'
import { AppError, assertNever } from '#shared/errors.ts'
import { archiveKind, unpackArchive } from './archive-tree.ts'
import { cifarFiles, openCifarSource } from './cifar-source.ts'
import type { ColumnChoice } from './column-names.ts'
import { openCsvPathSource } from './csv-path-source.ts'
import { openCsvPixelSource, pixelLayoutOf } from './csv-pixel-source.ts'
import { openDemoSource } from './demo-source.ts'
import { imageNames, isSplitFolder, looksLikeClassFolders, openFolderSource } from './folder-source.ts'
import { idxFiles, isIdxFile, openIdxSource } from './idx-source.ts'
import { jsonDigitFiles, openJsonDigitsSource } from './json-digits-source.ts'
import { openNpzSource } from './npz-source.ts'
import { openParquetSource, parquetFiles, parquetNames } from './parquet-source.ts'
import type { SampleSource } from './sample-source.ts'
import { joinName, openNamedSource, type SourceTree } from './source-tree.ts'

/** What a source is opened as: a format, or whatever it turns out to be. */
export type WantedFormat = DatasetFormat | 'auto' | 'archive'

export interface OpenOptions {
  readonly format: WantedFormat
  /** Archives are unpacked here. */
  readonly staging: string
  readonly columns?: Partial<ColumnChoice>
  /** Number of files found so far, or bytes of an archive read so far with their total. */
  readonly onProgress?: (phase: 'scanning' | 'unpacking', done: number, total: number | null) => void
}

/** An archive's single top folder may hold another; deeper than this nothing is looked for. */
const maxDescents = 3
const tableNames = /\.(?:csv|tsv)$/i
const cifarRecord = /\.bin$/i

/**
 * Opens what the user named: a folder, a data file, or an archive of either. With `auto` the content decides, not the
 * ending; the first format that fits in the order of `formatOfFolder` and `formatOfFile` is taken.
 * @throws AppError `bad-input` saying what was found and what could be read instead.
 */
export async function openSource(path: string, options: OpenOptions): Promise<SampleSource> {
  // The packed demo says itself that it is missing, and what to do.
  if (options.format === 'demo' && path.endsWith('.bin')) return await openDemoSource(path)
  const { tree, file } = await openNamedSource(path)
  try {
    if (file === null) {
      if (options.format === 'archive') throw refuse(path, 'is a folder, not an archive', 'Choose a zip or tar file.')
      return await openFolder(tree, options)
    }
    return await openFile(tree, file, options)
  } catch (error) {
    await tree[Symbol.asyncDispose]()
    throw error
  }
}

async function openFolder(tree: SourceTree, options: OpenOptions): Promise<SampleSource> {
  let below = ''
  for (let descents = 0; ; descents++) {
    const format = await formatOfFolder(tree, below, options.format)
    const single = format === null && descents < maxDescents ? await singleFolder(tree, below) : null
    if (single === null) return await openFolderAs(tree, below, format ?? 'folder', options)
    below = joinName(below, single)
  }
}

/** The one folder in a folder without files, which archives often have on top. */
async function singleFolder(tree: SourceTree, below: string): Promise<string | null> {
  const { files, folders } = await tree.list(below)
  const [first, ...others] = folders
  if (first === undefined || others.length > 0 || files.some((name) => imageNames.test(name))) return null
  if (await isSplitFolder(tree, below, first)) return null
  // A lone folder of images is a class of its own: the error says so better than the folder below it.
  const inside = await tree.list(joinName(below, first))
  if (inside.files.length + inside.folders.length === 0) return null
  return inside.files.some((name) => imageNames.test(name)) ? null : first
}

async function formatOfFolder(tree: SourceTree, below: string, wanted: WantedFormat): Promise<DatasetFormat | null> {
  const tries: readonly (readonly [DatasetFormat, () => Promise<boolean>])[] = [
    ['cifar', async () => (await cifarFiles(tree, below)).length > 0],
    ['idx', async () => (await idxFiles(tree, below)).length >= 2],
    ['folder', () => looksLikeClassFolders(tree, below)],
    ['parquet', async () => (await parquetFiles(tree, below)).length > 0],
    ['npz', async () => (await filesOf(tree, below, /\.npz$/i)).length === 1],
    ['demo', async () => (await jsonDigitFiles(tree, below)).length > 0],
    ['csv', async () => (await filesOf(tree, below, tableNames)).length === 1],
  ]
  for (const [format, fits] of tries) {
    if ((wanted === 'auto' || wanted === 'archive' || wanted === format) && (await fits())) return format
  }
  return null
}

async function openFolderAs(
  tree: SourceTree,
  below: string,
  found: DatasetFormat,
  options: OpenOptions,
): Promise<SampleSource> {
  const wanted = options.format === 'auto' || options.format === 'archive' ? found : options.format
  const need = <T>(files: readonly T[], what: string): readonly T[] => {
    if (files.length === 0) throw refuse(tree.root, `holds ${what}`, 'Leave --format out to have it detected.')
    return files
  }
  switch (wanted) {
    case 'cifar':
      return await openCifarSource(
        tree,
        below,
        need(await cifarFiles(tree, below), 'no CIFAR batches (data_batch_1.bin, …)'),
      )
    case 'idx':
      return await openIdxSource(tree, need(await idxFiles(tree, below), 'no IDX files'))
    case 'parquet':
      return await openParquetSource(tree, need(await parquetFiles(tree, below), 'no Parquet files'), options.columns)
    case 'npz':
      return await openNpzSource(tree, need(await filesOf(tree, below, /\.npz$/i), 'no npz file')[0])
    case 'csv':
      return await openTable(tree, need(await filesOf(tree, below, tableNames), 'no CSV file')[0], options)
    case 'demo':
      return await openJsonDigitsSource(tree, need(await jsonDigitFiles(tree, below), 'no files 0.json, 1.json, …'))
    case 'folder':
      return await openFolderSource(tree, below, (count) => options.onProgress?.('scanning', count, null))
    default:
      return assertNever(wanted)
  }
}

async function openFile(tree: SourceTree, file: string, options: OpenOptions): Promise<SampleSource> {
  const { format, columns } = options
  await using input = await tree.open(file)
  const found = format === 'auto' ? await formatOfFile(file, input, tree.root) : format
  switch (found) {
    case 'archive':
    case 'folder': {
      const { staging, onProgress } = options
      const unpacked = await unpackArchive(input, tree.root, {
        staging,
        onRead: (bytes, total) => onProgress?.('unpacking', bytes, total),
      })
      try {
        return await openFolder(unpacked, { ...options, format: found === 'archive' ? 'auto' : found })
      } catch (error) {
        await unpacked[Symbol.asyncDispose]()
        throw error
      }
    }
    case 'cifar':
      if ((await archiveKind(input)) !== null) return await openFile(tree, file, { ...options, format: 'archive' })
      return await openCifarSource(tree, folderOf(file), [file])
    case 'idx':
      return await openIdxSource(tree, await withPartner(tree, file))
    case 'npz':
      return await openNpzSource(tree, file)
    case 'csv':
      return await openTable(tree, file, { ...options, ...(columns === undefined ? {} : { columns }) })
    case 'parquet':
      return await openParquetSource(tree, [file], columns)
    case 'demo':
      return await openDemoSource(tree.root)
    default:
      return assertNever(found)
  }
}

/** Content before ending: a zip called .png is a zip. */
async function formatOfFile(file: string, input: InputFile, path: string): Promise<DatasetFormat | 'archive'> {
  const start = Buffer.from(await input.read(0, Math.min(8, input.size)))
  if (input.size === 0) throw refuse(path, 'is an empty file', 'Choose a folder of images, a data file or an archive.')
  if (start.subarray(0, 2).toString('latin1') === 'PK') return /\.npz$/i.test(file) ? 'npz' : 'archive'
  if (start.subarray(0, 4).toString('latin1') === 'PAR1') return 'parquet'
  if ((await archiveKind(input)) !== null) return 'archive'
  if (await isIdxFile(input)) return 'idx'
  if (cifarRecord.test(file) && (input.size % 3073 === 0 || input.size % 3074 === 0)) return 'cifar'
  if (tableNames.test(file)) return 'csv'
  if (/\.npz$/i.test(file)) return 'npz'
  if (parquetNames.test(file)) return 'parquet'
  const what = imageNames.test(file) ? 'is a single image' : 'is a file of no kind that is read'
  throw refuse(
    path,
    what,
    'Class folders, CIFAR batches, IDX, npz, CSV, Parquet, and zip and tar archives of them are read; choose the folder, or say --format.',
  )
}

async function openTable(tree: SourceTree, file: string, { columns }: OpenOptions): Promise<SampleSource> {
  await using input = await tree.open(file)
  const head = await input.read(0, Math.min(2 ** 20, input.size))
  const lines = new TextDecoder().decode(head).split(/\r?\n/, 2)
  const layout = columns?.path === undefined ? pixelLayoutOf(lines) : null
  if (layout !== null) return await openCsvPixelSource(tree, file, layout)
  return await openCsvPathSource(tree, file, await readCsvTable({ ...input, path: file }), columns)
}

/** The images' or labels' file beside one of a pair; all IDX files of the folder where names don't tell. */
async function withPartner(tree: SourceTree, file: string): Promise<readonly string[]> {
  const others = await idxFiles(tree, folderOf(file))
  const bare = (name: string): string =>
    name
      .toLowerCase()
      .replace(/\.gz$/, '')
      .replace(/images|labels/g, '*')
      .replace(/idx[1-4]/g, '')
  const partners = others.filter((name) => name !== file && bare(name) === bare(file))
  return [file, ...(partners.length > 0 ? partners : others.filter((name) => name !== file))]
}

async function filesOf(tree: SourceTree, below: string, pattern: RegExp): Promise<readonly string[]> {
  const { files } = await tree.list(below)
  return files.filter((name) => pattern.test(name)).map((name) => joinName(below, name))
}

function folderOf(file: string): string {
  const slash = file.lastIndexOf('/')
  return slash < 0 ? '' : file.slice(0, slash)
}

function refuse(path: string, what: string, hint: string): AppError {
  return new AppError('bad-input', `${quoted(path, 200)} ${what}.`, { hint })
}
