import type { CsvTable } from '#main/formats/csv-table.ts'
import { firstFew, quoted } from '#main/formats/text.ts'
import { AppError } from '#shared/errors.ts'
import { type ColumnChoice, chooseColumns, groupColumns } from './column-names.ts'
import { loadImageFiles } from './encoded-images.ts'
import { imageNames } from './folder-source.ts'
import type { LeftOut } from './left-out.ts'
import type { SampleEntry, SampleSource, SourceGroups } from './sample-source.ts'
import { joinName, type SourceTree } from './source-tree.ts'

/** Image folders beside the table that are searched too. */
const maxFolders = 50

/**
 * A table of image paths and labels, the images below the table's folder: with or without their ending, below the
 * folder itself or one of its folders. Columns called `group_NAME` are group columns.
 * @throws AppError `bad-input`: no column of paths or labels, no path that leads to a file.
 */
export async function openCsvPathSource(
  tree: SourceTree,
  file: string,
  table: CsvTable,
  chosen: Partial<ColumnChoice> = {},
): Promise<SampleSource> {
  const { header } = table
  const columns = chooseColumns(header, chosen)
  const column = (name: string | undefined, what: string): number => {
    const index = name === undefined ? -1 : header.indexOf(name)
    if (index >= 0) return index
    const wanted = name === undefined ? `a column of ${what}` : `the column ${quoted(name)}`
    throw new AppError(
      'bad-input',
      `${quoted(file, 200)} has not ${wanted}: its columns are ${firstFew(header, 12)}.`,
      {
        hint: 'Name them: --columns path=COLUMN,label=COLUMN.',
        details: { columns: header },
      },
    )
  }
  const [path, label] = [column(columns.path, 'image paths'), column(columns.label, 'labels')]
  const split = columns.split === undefined ? -1 : column(columns.split, 'splits')
  const groupAt = groupColumns(header).map(({ column: name, name: group }) => ({ group, at: header.indexOf(name) }))

  const leftOut: LeftOut[] = table.skipped.map(({ line, reason }) => ({
    path: `${file}:${line}`,
    reason,
    hidden: false,
  }))
  const finder = await createFinder(tree, file)
  const entries: SampleEntry[] = []
  const files: string[] = []
  const groups: { readonly name: string; readonly values: (string | null)[] }[] = groupAt.map(({ group }) => ({
    name: group,
    values: [],
  }))
  const seen = new Set<string>()
  for (const { cells, line } of table.rows) {
    const note = (reason: string): void =>
      void leftOut.push({ path: `${file}:${line}: ${cells[path]}`, reason, hidden: false })
    if (cells[path] === '') note('has no path')
    else if (cells[label] === '') note('has no label')
    else {
      const found = await finder(cells[path])
      if (typeof found !== 'string') note(found.reason)
      else if (seen.has(found)) note('listed twice')
      else {
        seen.add(found)
        files.push(found)
        entries.push({
          name: found,
          className: cells[label],
          givenSplit: split < 0 || cells[split] === '' ? null : cells[split],
        })
        groupAt.forEach(({ at }, index) => void groups[index].values.push(cells[at] === '' ? null : cells[at]))
      }
    }
  }
  if (entries.length === 0) {
    const [first] = leftOut
    const example = first === undefined ? '' : `: ${quoted(first.path, 200)} ${first.reason}`
    throw new AppError('bad-input', `No row of ${quoted(file, 200)} names an image that is there${example}.`, {
      hint: 'Paths are taken from the folder that the table lies in.',
      details: { problems: leftOut.slice(0, 100) },
    })
  }
  return {
    format: 'csv',
    entries,
    classNames: null,
    groups: groups satisfies readonly SourceGroups[],
    leftOut: [...tree.leftOut, ...leftOut],
    load: (indices) => loadImageFiles(tree, files, indices),
    [Symbol.asyncDispose]: () => tree[Symbol.asyncDispose](),
  }
}

type Found = string | { readonly reason: string }

/** Finds files by listings alone, so that no path of a table leads anywhere else and no link is followed. */
async function createFinder(tree: SourceTree, file: string): Promise<(path: string) => Promise<Found>> {
  const slash = file.lastIndexOf('/')
  const base = slash < 0 ? '' : file.slice(0, slash)
  const { folders } = await tree.list(base)
  const starts = [base, ...folders.slice(0, maxFolders).map((name) => joinName(base, name))]
  const listings = new Map<
    string,
    {
      readonly files: ReadonlySet<string>
      readonly folders: ReadonlySet<string>
      readonly stems: ReadonlyMap<string, string>
    }
  >()
  const listing = async (folder: string) => {
    const known = listings.get(folder)
    if (known !== undefined) return known
    const content = await tree.list(folder)
    const images = content.files.filter((name) => imageNames.test(name))
    const made = {
      files: new Set(content.files),
      folders: new Set(content.folders),
      stems: new Map(images.map((name) => [name.replace(imageNames, ''), name])),
    }
    listings.set(folder, made)
    return made
  }
  const below = async (start: string, parts: readonly string[]): Promise<string | null> => {
    let folder = start
    for (const part of parts.slice(0, -1)) {
      if (!(await listing(folder)).folders.has(part)) return null
      folder = joinName(folder, part)
    }
    const last = parts[parts.length - 1]
    const { files, stems } = await listing(folder)
    const name = files.has(last) ? last : stems.get(last)
    return name === undefined ? null : joinName(folder, name)
  }
  return async (path) => {
    const parts = path
      .replaceAll('\\', '/')
      .replace(/^(?:\.\/)+/, '')
      .split('/')
    if (path.startsWith('/') || /^[a-z]:[\\/]/i.test(path)) return { reason: 'an absolute path' }
    if (parts.some((part) => part === '..')) return { reason: 'a path that leads out of the folder' }
    if (parts.some((part) => part === '' || part === '.')) return { reason: 'a path that is none' }
    for (const start of starts) {
      const found = await below(start, parts)
      if (found !== null) return found
    }
    return { reason: 'is not there' }
  }
}
